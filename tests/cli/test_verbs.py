"""What the verbs do: positionals and options mean the same, and a dream can be repeated from its picture alone."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from deepdream.cli import main
from deepdream.images.picture import read_recipe
from deepdream.images.recipe import to_json
from deepdream.modelzoo import zoo
from tests.helpers.shared import needs_models
from tests.helpers.tiny import command, refused, snapshot, tiny_net, tiny_picture

LAYER = "inception_4c/output"
pytestmark = pytest.mark.usefixtures("one_thread")


def dreamt(*args):
    """The bytes of out.png, dreamt with these arguments."""
    assert main(["in.png", "out.png", *args]) == 0
    return Path("out.png").read_bytes()


@pytest.mark.parametrize(
    "args",
    [
        ["--seed", "7", "conv1", "2", "3", "1.3"],
        ["conv1", "--seed", "7", "2", "--octaves", "3", "--scale", "1.3"],
        ["--layer", "conv1", "--iterations", "2", "--octaves", "3", "--scale", "1.3", "--seed", "7"],
        ["--layer=conv1", "--iterations=2", "--octaves=3", "--scale=1.3", "--seed=7", "--step=1.5", "--jitter=32"],
    ],
)
def test_positionals_and_options_mean_the_same(folder, net, args):
    assert dreamt(*args, "--model", net) == dreamt("conv1", "2", "3", "1.3", "--seed", "7", "--model", net)


def test_options_may_stand_before_the_pictures(folder, net):
    wanted = dreamt("conv1", "1", "--seed", "7", "--model", net)
    assert main(["--model", net, "--seed", "7", "in.png", "out.png", "conv1", "1"]) == 0
    assert Path("out.png").read_bytes() == wanted


def test_nothing_said_means_what_it_meant_in_2015(folder, net):
    explicit = (LAYER, "10", "4", "1.4", "--step", "1.5", "--jitter", "32", "--seed", "7", "--model", net)
    assert dreamt("--seed", "7", "--model", net) == dreamt(*explicit)


@pytest.mark.parametrize(
    "args",
    [
        ["conv1"],
        [LAYER, "3"],
        [LAYER, "2", "3"],
        [LAYER, "2", "2", "1.5"],
        ["--step", "2"],
        ["--jitter", "3"],
        ["--seed", "8"],
        ["--guide", "guide.png"],
        ["--max-size", "30"],
    ],
)
def test_every_setting_matters(folder, net, args):
    usual = ["--iterations", "2"] if len(args) < 2 or args[0].startswith("--") else []
    usual += ["--octaves", "2"] if len(args) < 3 else []
    usual += ["--seed", "7"] if "--seed" not in args else []
    dreamt(*args, *usual, "--model", net)
    changed = Image.open("out.png").copy()
    dreamt(LAYER, "2", "2", "--seed", "7", "--model", net)
    assert changed.tobytes() != Image.open("out.png").tobytes()


@needs_models
def test_the_default_model_is_googlenet(folder, monkeypatch):
    from tests.helpers.shared import SHARED

    monkeypatch.setenv("DREAMIFY_MODELS", str(SHARED / "models"))
    dreamt("inception_3a/output", "1", "1")
    assert read_recipe("out.png")["model"] == "bvlc_googlenet"


def test_a_model_by_name(folder, net, monkeypatch):
    by_path = dreamt("conv1", "1", "--seed", "7", "--model", net)
    monkeypatch.setenv("DREAMIFY_MODELS", str(Path(net).parent))
    assert dreamt("conv1", "1", "--seed", "7", "--model", "tiny") == by_path


def test_keys(capsys, net, tmp_path):
    noted = shutil.copytree(net, tmp_path / "noted")
    readme = "---\nlayers:\n  conv1: edges\n  inception_4: animals\n  inception_4c: dogs\n---\n"
    (noted / "readme.md").write_text(readme)
    assert main(["keys", "--model", str(noted)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "layer                channels  what it tends to show",
        "conv1                4         edges",
        "pool1                4",
        "inception_4c/output  6         dogs",
        "fc                   5",
    ]


def test_every_key_can_be_dreamt_on(capsys, net, tmp_path):
    main(["keys", "--model", net])
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
    source = tiny_picture(tmp_path / "in.png", 32, 32)
    for name in names:
        assert main([source, str(tmp_path / "out.png"), name, "1", "1", "--model", net]) == 0


def test_info(capsys, folder, net):
    dreamt("conv1", "2", "--seed", "7", "--no-clip", "--model", net)
    capsys.readouterr()
    assert main(["info", "out.png"]) == 0
    settings = capsys.readouterr().out.split("\n\n")[0]
    printed = dict(line.split(maxsplit=1) for line in settings.splitlines())
    recipe = read_recipe("out.png")
    assert list(printed) == list(recipe)
    assert printed["layer"] == "conv1"
    assert printed["clip"] == "no"
    assert printed["max_size"] == "none"
    assert printed["input_sha256"] == hashlib.sha256(Path("in.png").read_bytes()).hexdigest()
    assert "holds no recipe" in refused(capsys, folder, ["info", "in.png"])


SETTINGS = {
    "plain": [],
    "guided": ["--guide", "guide.png"],
    "unclipped": ["--no-clip", "--step", "30", "--scale", "1.6", "--jitter", "0"],
    "shrunk": ["--max-size", "33", "--threads", "1"],
    "exact": ["--precision", "float64", "--engine", "torch"],
}


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("extension", ["png", "jpg"])
def test_again_gives_the_same_bytes(folder, net, name, extension):
    settings = SETTINGS[name]
    if "torch" in settings:
        pytest.importorskip("torch")
    assert main(["in.png", f"out.{extension}", LAYER, "2", "2", *settings, "--model", net]) == 0
    guide = settings if name == "guided" else []
    assert main(["again", f"out.{extension}", "in.png", f"new.{extension}", *guide, "--model", net]) == 0
    assert Path(f"new.{extension}").read_bytes() == Path(f"out.{extension}").read_bytes()


def test_again_finds_the_model_by_name(folder, net, monkeypatch, capsys):
    monkeypatch.setenv("DREAMIFY_MODELS", str(Path(net).parent))
    wanted = dreamt("conv1", "1", "--model", "tiny")
    assert main(["again", "out.png", "in.png", "new.png"]) == 0
    assert Path("new.png").read_bytes() == wanted
    monkeypatch.delenv("DREAMIFY_MODELS")
    assert "give the path of a folder" in refused(capsys, folder, ["again", "out.png", "in.png", "new.png"], 2)


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_again_refuses_other_files_with_both_sums(capsys, folder, net, tmp_path_factory):
    dreamt("conv1", "1", "--guide", "guide.png", "--model", net)
    tiny_picture(folder / "other.png", 41, 28)
    other = tiny_net(tmp_path_factory.mktemp("other"), seed=1)
    start = ["again", "out.png"]
    sums = f"its SHA-256 is {sha256('other.png')}, not "
    for args, what, was in (
        (["other.png", "new.png", "--guide", "guide.png", "--model", net], "the picture", "in.png"),
        (["in.png", "new.png", "--guide", "other.png", "--model", net], "the guide", "guide.png"),
    ):
        line = refused(capsys, folder, start + args)
        assert line == f"dreamify: {what} is not the one used for that dream: {sums}{sha256(was)}"
    args = ["in.png", "new.png", "--guide", "guide.png", "--model"]
    line = refused(capsys, folder, [*start, *args, other])
    sums = "is {}, not {}".format(*(zoo.find(model).numbers_sha256 for model in (other, net)))
    assert f"the model, by its numbers, is not the one used for that dream: its SHA-256 {sums}" in line
    prototxt = Path(shutil.copytree(net, Path(other) / "copy")) / "deploy.prototxt"
    prototxt.write_text(prototxt.read_text() + "\n# changed\n")
    line = refused(capsys, folder, [*start, *args, prototxt.parent])
    assert "the model's deploy.prototxt is not the one" in line
    assert sha256(prototxt) in line


def stored(recipe, name):
    """Saves out.png under another name, with this recipe."""
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("dreamify", to_json(recipe))
    Image.open("out.png").save(name, pnginfo=chunks)


def test_again_takes_the_same_numbers_in_another_file(capsys, folder, net, tmp_path_factory):
    dreamt("conv1", "1", "--model", net)
    other = shutil.copytree(net, tmp_path_factory.mktemp("other") / "tiny") / "net.caffemodel"
    other.write_bytes(other.read_bytes() + b"\x0a\x03net")  # the net's name
    assert main(["again", "out.png", "in.png", "new.png", "--model", str(other.parent)]) == 0
    before, after = read_recipe("out.png"), read_recipe("new.png")
    assert before.pop("model_sha256") != after.pop("model_sha256") == sha256(other)
    assert before == after
    assert (np.asarray(Image.open("new.png")) == np.asarray(Image.open("out.png"))).all()


def test_again_of_a_recipe_without_the_sum_of_the_numbers(capsys, folder, net, tmp_path_factory):
    dreamt("conv1", "1", "--model", net)
    old = {key: value for key, value in read_recipe("out.png").items() if key != "numbers_sha256"}
    stored(old, "old.png")
    assert main(["again", "old.png", "in.png", "new.png", "--model", net]) == 0
    assert Path("new.png").read_bytes() == Path("out.png").read_bytes()
    other = shutil.copytree(net, tmp_path_factory.mktemp("other") / "tiny") / "net.caffemodel"
    other.write_bytes(other.read_bytes() + b"\x0a\x03net")
    line = refused(capsys, folder, ["again", "old.png", "in.png", "more.png", "--model", other.parent])
    assert f"the model's .caffemodel is not the one used for that dream: its SHA-256 is {sha256(other)}" in line


def test_again_wants_the_guide_if_there_was_one(capsys, folder, net):
    dreamt("conv1", "1", "--guide", "guide.png", "--model", net)
    start = ["again", "out.png", "in.png", "new.png", "--model", net]
    assert "that dream had a guide: give it with --guide" in refused(capsys, folder, start, 2)
    dreamt("conv1", "1", "--model", net)
    assert "that dream had no guide" in refused(capsys, folder, [*start, "--guide", "guide.png"], 2)


def test_again_finishes_what_was_stopped(capsys, folder, net):
    whole = dreamt("conv1", "1", "2", "--seed", "7", "--frames", "frames", "--model", net)
    frame = "frames/octave01-iteration0001.png"
    assert "moment" in read_recipe(frame)
    assert main(["again", frame, "in.png", "new.png", "--model", net]) == 0
    said = "that dream was stopped at octave 1 of 2, iteration 1 of 1: this one is dreamt from the start to the end\n"
    assert said in capsys.readouterr().err
    assert Path("new.png").read_bytes() == whole


def test_again_of_what_is_no_dream(capsys, folder, net):
    assert "holds no recipe" in refused(capsys, folder, ["again", "in.png", "out.png", "new.png", "--model", net])
    assert "there is no file" in refused(capsys, folder, ["again", "none.png", "in.png", "new.png", "--model", net])


@pytest.mark.parametrize(
    "wrong", [{"iterations": "ten"}, {"iterations": -1}, {"scale": 0.5}, {"seed": 1.5}, {"engine": "x"}, {"layer": []}]
)
def test_again_of_a_recipe_that_someone_changed(capsys, folder, net, wrong):
    dreamt("conv1", "1", "--model", net)
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("dreamify", to_json({**read_recipe("out.png"), **wrong}))
    Image.open("out.png").save("changed.png", pnginfo=chunks)
    line = refused(capsys, folder, ["again", "changed.png", "in.png", "new.png", "--model", net])
    assert "the recipe cannot be repeated: " + next(iter(wrong)) + " must be" in line


@pytest.mark.parametrize("key", ["version", "engine_version"])
def test_again_with_other_programs_warns(capsys, folder, net, key):
    dreamt("conv1", "1", "--model", net)
    what = "dreamify" if key == "version" else read_recipe("out.png")["engine"]
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("dreamify", to_json({**read_recipe("out.png"), key: "0.0.1"}))
    Image.open("out.png").save("old.png", pnginfo=chunks)
    capsys.readouterr()
    assert main(["again", "old.png", "in.png", "new.png", "--model", net]) == 0
    assert f"that dream was made with {what} 0.0.1, this is " in capsys.readouterr().err
    assert read_recipe("new.png")[key] == read_recipe("out.png")[key]


def test_models(capsys, net, monkeypatch, tmp_path):
    monkeypatch.setenv("DREAMIFY_MODELS", str(Path(net).parent))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["model", "state", "folder"]
    assert ["tiny", "unverified", net] in [line.split() for line in lines]
    assert any(line.startswith("bvlc_googlenet ") for line in lines)


@needs_models
def test_fetching_what_is_there(capsys, monkeypatch):
    from tests.helpers.shared import SHARED

    monkeypatch.setenv("DREAMIFY_MODELS", str(SHARED / "models"))
    assert main(["models", "fetch", "squeezenet_v1.1"]) == 0
    folder = SHARED / "models" / "squeezenet_v1.1"
    assert capsys.readouterr().out == f"squeezenet_v1.1 is in {folder} (verified)\n"


def test_standard_input_and_output(folder, net):
    """Through pipes come the same bytes as through files, and nothing else."""
    settings = [LAYER, "2", "2", "--seed", "7", "--threads", "1", "--model", net]
    wanted = dreamt(*settings)
    Path("out.png").unlink()
    before = snapshot(folder)
    with Path("in.png").open("rb") as source:
        process = command("-", "-", *settings, stdin=source)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == wanted
    assert errors.endswith(b"dreamify: the dream is in standard output\n")
    assert snapshot(folder) == before
    assert os.fspath(Path.cwd()) == str(folder)
