"""The models and layers on offer."""

from dataclasses import replace

import pytest
from PIL import Image

from deepdream.caffe_format.topology import read_topology
from deepdream.modelzoo.auto import STAND_IN
from deepdream.settings import DREAM, GOOGLENET, NET
from deepdream.web import choices
from examples.layers import LAYERS
from tests.helpers.shared import SHARED, needs_models
from tests.modelzoo.test_auto import needs_package

ROOT = choices.SAMPLES.parents[2]


def test_a_model_of_ones_own_is_the_first(net):
    models = choices.find_models(replace(NET, model=net))
    assert list(models.items())[0] == ("tiny", net)  # noqa: RUF015
    assert all(name == given for name, given in list(models.items())[1:])


def test_every_layer_is_offered_and_the_one_of_2015_picked(net):
    layers = choices.find_layers(net, NET.engine)
    assert [name for _, name in layers.choices] == ["conv1", "pool1", "inception_4c/output", "fc"]
    assert layers.default == DREAM.end
    assert layers.samples == {}


@needs_models
def test_the_network_of_2015(monkeypatch):
    monkeypatch.setenv("DREAMIFY_MODELS", str(SHARED / "models"))
    assert list(choices.find_models(NET))[0] == f"auto: {GOOGLENET}"  # noqa: RUF015
    layers = choices.find_layers("auto", NET.engine)
    assert list(layers.samples) == LAYERS[GOOGLENET]
    words = {name: said for said, name in layers.choices}
    assert words["inception_4c/output"] == "inception_4c/output: dogs, birds, temples, towers; Google's first choice"
    assert layers.default == DREAM.end


@needs_package
def test_the_classes(net):
    found = choices.find_classes(STAND_IN, NET.engine)
    assert (len(found), found[281]) == (1000, ("281 tabby, tabby cat", "281"))
    assert choices.find_classes(net, NET.engine) == []  # which is no classifier


@pytest.mark.parametrize("name", choices.PRESETS)
def test_the_presets_have_samples(name):
    presets = choices.PRESETS[name]
    assert len({preset.name for preset in presets}) == 6
    files = [preset.sample(name) for preset in presets]
    assert sorted(files) == sorted((choices.PRESET_SAMPLES / name).iterdir())
    assert all(Image.open(path).size == (144, 144) and path.stat().st_size < 10_000 for path in files)
    prototxt = ROOT / "models" / name / "deploy.prototxt"
    if prototxt.is_file():
        assert {preset.layer for preset in presets} <= set(read_topology(prototxt).dreamable())


@needs_package
def test_the_stand_in():
    layers = choices.find_layers(STAND_IN, NET.engine)
    assert list(layers.samples) == LAYERS[STAND_IN]
    assert layers.default == "block10/output"


@pytest.mark.parametrize("name", LAYERS)
def test_the_samples_are_small_and_of_layers_that_exist(name):
    files = sorted((choices.SAMPLES / name).iterdir())
    assert files == sorted(choices.sample(name, layer) for layer in LAYERS[name])
    assert all(Image.open(path).size == (112, 112) for path in files)
    assert sum(path.stat().st_size for path in files) < 120_000
    prototxt = ROOT / "models" / name / "deploy.prototxt"
    if prototxt.is_file():
        assert set(LAYERS[name]) <= set(read_topology(prototxt).dreamable())


def test_the_examples_are_the_projects_own():
    assert [path.name for path in choices.EXAMPLES] == ["clouds.jpg", "face.jpg", "street.jpg"]
    assert all(path.parent == ROOT / "examples" and path.is_file() for path in choices.EXAMPLES)
