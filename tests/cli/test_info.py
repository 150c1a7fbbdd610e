"""dreamify info: the command that it prints makes the same file, and the versions are those of a report."""

import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from deepdream import __version__
from deepdream.cli import main
from deepdream.cli.about import versions
from deepdream.cli.recipe_command import command
from deepdream.images.picture import read_recipe
from deepdream.images.recipe import BROWSER, to_json
from tests.helpers.shared import ENGINE
from tests.helpers.tiny import refused, tiny_picture

PRECISION = "float64" if ENGINE == "torch" else "float32"  # Caffe has only one
SHORT = ["--iterations", "1", "--octaves", "2", "--seed", "7"]
pytestmark = pytest.mark.usefixtures("one_thread")


def printed(capsys, name):
    """The words of the command that info prints for a file."""
    capsys.readouterr()
    assert main(["info", name]) == 0
    settings, end = capsys.readouterr().out.split("\n\n")
    assert settings.startswith("program")
    comment, line = end.splitlines()
    assert comment.startswith("# the command that makes it again")
    return shlex.split(line)


def made_again(capsys, name, net, **names):
    """The bytes that the printed command gives for what holds its recipe."""
    program, *words = printed(capsys, name)
    assert program == "dreamify"
    out = "new" + Path(name).suffix
    places = {"IN": "in.png", "OUT" + Path(name).suffix: out, "MODEL": net, "GUIDE": "guide.png", "MASK": "mask.png"}
    places.update(names)
    assert main([places.get(word, word) for word in words]) == 0
    return Path(out).read_bytes()


@pytest.mark.parametrize(
    "args",
    [
        ["in.png", "out.png", *SHORT],
        ["in.png", "out.jpg", *SHORT, "--no-clip", "--step=-1.5", "--jitter", "3", "--tv", "0.003", "--max-size", "30"],
        ["in.png", "out.png", *SHORT, "--layer", "conv1", "--guide", "guide.png", "--mask", "mask.png"],
        ["in.png", "out.png", *SHORT, "--channel", "4c:2,3"],
        ["in.png", "out.png", *SHORT, "--layers", "conv1:-1,4c:0.5", "--precision", PRECISION],
        ["noise:40x30", "out.png", *SHORT],
        ["zoom", "in.png", "out.gif", *SHORT, "--frames", "2", "--rate=-0.02", "--shift=-2,0", "--fps", "25"],
        ["sheet", "in.png", "out.png", "--seeds", "1,2", "--iterations", "1", "--octaves", "1"],
        ["sheet", "in.png", "out.gif", "--layers", "conv1,4c", "--octaves", "1,2", "--iterations", "1"],
    ],
)
def test_the_command_makes_the_same_file(folder, net, capsys, own_cache, args):
    tiny_picture(folder / "mask.png")
    assert main([*args, "--model", net]) == 0
    out = next(name for name in args if name.startswith("out."))
    again = made_again(capsys, out, net)
    old, new = read_recipe(out), read_recipe("new" + Path(out).suffix)
    old = {key: value for key, value in old.items() if not key.startswith("asked_")}
    assert new == old
    if old == read_recipe(out):
        assert again == Path(out).read_bytes()
    else:
        assert Image.open(out).tobytes() == Image.open("new" + Path(out).suffix).tobytes()


def test_the_command_of_a_film_and_of_frames(folder, net, capsys, filmed, frame_folder, zoomed):
    assert filmed(frame_folder, "out.gif", "--blend", "0.25", "--flow", "off", "--end", "0:01", "--fps", "5") == 0
    again = made_again(capsys, "out.gif", net, IN=frame_folder)
    assert again == Path("out.gif").read_bytes()
    assert zoomed("frames") == 0
    assert printed(capsys, "frames/0001.png")[:4] == ["dreamify", "zoom", "IN", "OUT"]


def test_a_dream_that_was_stopped_has_the_command_of_the_whole(folder, net, capsys):
    assert main(["in.png", "out.png", *SHORT, "--frames", "steps", "--model", net]) == 0
    assert printed(capsys, "steps/octave01-iteration0001.png") == printed(capsys, "out.png")


@pytest.mark.parametrize(
    "wrong",
    [{"layer": "x\n; rm"}, {"iterations": "1; rm"}, {"engine": "x"}, {"seed": [1]}, {"input": "\x1b[0m"}, {"model": 3}],
)
def test_what_someone_changed_makes_no_command(folder, net, capsys, wrong):
    assert main(["in.png", "out.png", *SHORT, "--model", net]) == 0
    changed({**read_recipe("out.png"), **wrong})
    capsys.readouterr()
    assert main(["info", "changed.png"]) == 0
    text = capsys.readouterr().out
    assert "\n\n# no command makes it again: " in text
    assert "\ndreamify" not in text
    assert "\x1b" not in text


def changed(recipe):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text("dreamify", to_json(recipe))
    Image.new("RGB", (4, 4)).save("changed.png", pnginfo=chunks)


def test_what_is_no_plain_word_is_quoted():
    line = command({"layer": "a; rm -rf $HOME", "model": "-x y", "class": "-1"}, "a b.$(x)", lambda _: True)
    assert line == "dreamify IN OUT.png --layer 'a; rm -rf $HOME' --class=-1 '--model=-x y'"


@pytest.mark.parametrize(
    "recipe",
    [
        *({"sheet_seed": 1}, {"sheet_seed": [[]]}, {"zoom_rate": "x"}, {"video_fps": -1}, {}),
        *({"atlas_layer": "4c", "atlas_channels": channels} for channels in ("0; rm", "9-1", {"x": 1}, "", 2**40)),
    ],
)
def test_odd_recipes_end_in_a_sentence(folder, recipe, capsys):
    changed({"program": "dreamify", **recipe})
    assert main(["info", "changed.png"]) == 0
    assert capsys.readouterr().out.count("\n# ") == 1


def test_a_dream_of_a_browser_has_a_command_without_its_engine():
    recipe = {"engine": BROWSER, "engine_version": "1.30.0", "threads": 1, "layer": "conv1", "seed": 7}
    words = shlex.split(command(recipe, "page.png", lambda _: True))
    assert words[:5] == ["dreamify", "IN", "OUT.png", "--layer", "conv1"]
    assert "--engine" not in words


def test_versions(capsys):
    assert main(["info"]) == 0
    rows = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert rows["dreamify"] == __version__
    assert rows["Python"].startswith(sys.version.split()[0])
    assert {"system", "processor", "engine", "PyTorch", "Pillow"} <= set(rows)
    assert str(Path.home()) not in str(rows)


def test_a_broken_package_is_told_and_not_met(monkeypatch, tmp_path):
    (tmp_path / "av.py").write_text("raise RuntimeError('broken')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "av", raising=False)
    assert dict(versions())["PyAV"] == "cannot be imported (RuntimeError)"


def test_a_picture_that_is_no_dream(capsys, folder):
    assert "holds no recipe" in refused(capsys, folder, ["info", "in.png"])
