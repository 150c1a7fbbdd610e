"""Layers as they are typed: on the command line of every verb, in the recipe, and where they are not in this net."""

import shutil
from pathlib import Path

import pytest

from deepdream.caffe_format.topology import read_topology
from deepdream.cli import main
from deepdream.errors import UsageError
from deepdream.images.picture import read_recipe
from deepdream.pipeline.layers import find_layer
from deepdream.video.reader import read_recipe as recipe_of
from tests.helpers.nets import input_layer, layer, write_prototxt
from tests.helpers.tiny import SHORT_ZOOM, refused

LAYER = "inception_4c/output"
SHORT = ["--iterations", "1", "--octaves", "1", "--seed", "7"]
pytestmark = pytest.mark.usefixtures("one_thread")
CONV = "convolution_param { num_output: 4 kernel_size: 1 }"
BLOBS = (
    input_layer((1, 3, 16, 16))
    + layer("a", "Convolution", "data", param=CONV)
    + layer("b", "Convolution", "a", param=CONV)
    + layer("c", "Convolution", "a", "features", param=CONV)
)


@pytest.mark.parametrize("asked", ["4c", "INCEPTION_4C/OUTPUT", "inception_4c", "mixed4c"])
def test_a_short_form_gives_the_same_picture_and_is_told(folder, net, capsys, asked):
    assert main(["in.png", "full.png", LAYER, *SHORT, "--model", net]) == 0
    capsys.readouterr()
    assert main(["in.png", "short.png", asked, *SHORT, "--model", net]) == 0
    whose = ", a name of TensorFlow's," if asked == "mixed4c" else ""
    assert f"dreamify: {asked}{whose} stands for {LAYER}\n" in capsys.readouterr().err
    assert read_recipe("short.png") == {**read_recipe("full.png"), "asked_layer": asked}


@pytest.mark.parametrize(
    ("option", "recipe"),
    [
        (["--layer", "4C"], {"layer": LAYER, "asked_layer": "4C"}),
        (["--channel", "4c:2,3"], {"channel": f"{LAYER}:2,3", "asked_channel": "4c:2,3"}),
        (["--layers", "Conv1:1, 4c:-0.5"], {"layers": f"conv1:1,{LAYER}:-0.5", "asked_layers": "Conv1:1,4c:-0.5"}),
    ],
)
def test_wherever_a_layer_is_named(folder, net, option, recipe):
    assert main(["in.png", "out.png", *option, *SHORT, "--model", net]) == 0
    assert recipe.items() <= read_recipe("out.png").items()


def test_sheets_name_layers_in_short_too(folder, net, sheeted, own_cache, capsys):
    assert sheeted("out.png", "--layers", f"4c,CONV1,{LAYER}", "--iterations", "1", "--octaves", "1") == 0
    assert read_recipe("out.png")["sheet_layer"] == [LAYER, "conv1"]
    assert f"4c stands for {LAYER}\ndreamify: CONV1 stands for conv1\n" in capsys.readouterr().err


def test_zooms_and_batches_name_layers_in_short_and_go_on_under_the_full_name(zoomed, folder, net, here, capsys):
    assert zoomed("zoom.gif", "--layer", "4c", "--frames", "2") == 0
    before = Path("zoom.gif").read_bytes()
    assert recipe_of("zoom.gif")["layer"] == LAYER
    assert zoomed("zoom.gif", "--layer", LAYER, "--frames", "2") == 0
    assert Path("zoom.gif").read_bytes() == before
    args = ["batch", "in.png", "dreams", *SHORT, "--model", net, "--workers", "1"]
    assert main([*args, "--layer", "4c"]) == 0
    capsys.readouterr()
    assert main([*args, "--layer", "inception_4c"]) == 0
    assert "1 done before" in capsys.readouterr().err


def test_repeating_keeps_how_the_layer_was_named(folder, net):
    assert main(["in.png", "out.png", "4c", *SHORT, "--model", net]) == 0
    assert main(["again", "out.png", "in.png", "new.png", "--model", net]) == 0
    assert Path("new.png").read_bytes() == Path("out.png").read_bytes()


def test_a_blob_is_named_as_well_as_its_layer(tmp_path):
    topology = read_topology(write_prototxt(tmp_path, BLOBS))
    copies = [top for spec in topology.layers if spec.type == "Split" for top in spec.tops]
    assert copies
    assert {find_layer(copy, topology) for copy in copies} == {"a"}
    assert find_layer("features", topology) == "c"


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("conv1,4c", "there is no layer 'conv1,4c' in this net: --layer takes one layer, and --layers conv1,4c dreams"),
        ("conv1:1,4c:2", "--layer takes one layer, and --layers conv1:1,4c:2 dreams on several"),
        ("conv1:1,2", "--channel conv1:1,2 dreams on channels of a layer"),
        ("conv1:3", "--channel conv1:3 dreams on channels of a layer"),
        ("20", "a number of steps is given as --iterations 20"),
        ("block3/output", "it looks like a layer of efficientnet_lite0, so add --model efficientnet_lite0"),
        (
            "conv5_3",
            "it looks like a layer of bvlc_alexnet, bvlc_reference_caffenet, vgg16 or vgg19, so add --model NAME",
        ),
        ("o", "did you mean"),
        ("inception_4c/outptu", f"did you mean {LAYER}?"),
        ("relu1", "layer relu1 has no blob of its own name to dream on: use conv1"),
    ],
)
def test_what_is_not_in_this_net(folder, net, capsys, asked, says):
    assert says in refused(capsys, folder, ["in.png", "out.png", asked, "--model", net], 2)
    assert says in refused(capsys, folder, ["zoom", "in.png", "out", "--layer", asked, *SHORT_ZOOM, "--model", net], 2)


def test_other_models_by_their_notes_where_their_nets_are_not_here(tmp_path, monkeypatch):
    from deepdream.modelzoo import zoo

    models = tmp_path / "models"
    models.mkdir()
    shutil.copytree(zoo._project_models() / "squeezenet_v1.1", models / "squeezenet_v1.1")
    monkeypatch.setattr(zoo, "_project_models", lambda: models)
    monkeypatch.setattr(zoo, "_cache", lambda: None)
    monkeypatch.delenv("DREAMIFY_MODELS", raising=False)
    assert zoo.models_with("fire6/concat") == ["squeezenet_v1.1"]
    assert zoo.models_with("firefly") == zoo.models_with("4c") == []


def test_in_python_names_are_exact_and_the_nearest_is_named(net):
    import numpy as np

    from deepdream import deepdream, load_net

    with pytest.raises(UsageError, match=f"there is no layer '4c' in this net: did you mean {LAYER}?"):
        deepdream(load_net(net), np.zeros((32, 32, 3)), end="4c")
