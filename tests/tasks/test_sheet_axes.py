"""Which values a sheet takes: one sentence for whatever is wrong with them, before anything is dreamt."""

import pytest

from deepdream.errors import UsageError
from deepdream.pipeline import prepare as jobs
from deepdream.pipeline.prepare import Request
from deepdream.tasks.sheet_axes import Axis, find_axes, requests
from tests.helpers.tiny import refused, tiny_picture

pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")


@pytest.fixture
def no_dream(monkeypatch):
    monkeypatch.setattr(jobs, "dream_steps", None)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            [],
            "a sheet needs several values of one or two settings: give --layers, --iterations, --octaves, --scale or",
        ),
        (["--iterations", "5"], "a sheet needs several values of one or two settings"),
        (["--iterations", "5,5", "--octaves", "2"], "a sheet needs several values of one or two settings"),
        (["--iterations", ","], "--iterations needs at least one value"),
        (["--layers", ",", "--seeds", "1,2"], "--layers needs at least one value"),
        (
            ["--iterations", "1,2", "--octaves", "1,2", "--seeds", "1,2"],
            "a sheet has only rows and columns: give several values to two of --iterations, --octaves, --seeds",
        ),
        (["--iterations", "5,x"], "--iterations: 'x' is not a whole number"),
        (["--scale", "1.4,1.5.2"], "--scale: '1.5.2' is not a number"),
        (["--iterations", "5,-1"], "iterations must be a whole number from 0 to 1000000, not -1"),
        (["--octaves", "0,1"], "octaves must be a whole number from 1 to 1000, not 0"),
        (["--scale", "1,1.4"], "scale must be a number above 1 and at most 1000, not 1.0"),
        (["--seeds", "1,4294967296"], "seed must be a whole number from 0 to 4294967295, not 4294967296"),
        (["--iterations", "1,2", "--step", "nan"], "step must be a number from -1000000 to 1000000, not nan"),
        (["--layers", "conv1,relu1"], "layer relu1 has no blob of its own name to dream on: use conv1"),
        (["--layers", "conv1,inception_4c/outptu"], "did you mean inception_4c/output?"),
        (["--layers", "conv1,all", "--channel", "conv1:1"], "--channel names its own layers: leave out --layers"),
        (["--layers", "conv1", "--seeds", "1,2", "--class", "1"], "--class names its own layers: leave out --layers"),
        (
            ["--seeds", "1,2", "--channel", "conv1:1", "--guide", "guide.png"],
            "--guide and --channel cannot be combined",
        ),
        (["--iterations", "1,2", "--frames", "frames"], "unrecognized arguments: --frames"),
        (["--iterations", "1,2", "conv1"], "unrecognized arguments: conv1"),
        (["--iterations", "1,2", "--model", "./missing"], "missing does not exist"),
    ],
)
def test_wrong_use(folder, net, capsys, args, words):
    assert words in refused(capsys, folder, ["sheet", "in.png", "out.png", "--model", net, *args], code=2)


@pytest.mark.parametrize(
    ("source", "out", "code", "words"),
    [
        ("missing.png", "out.png", 1, "there is no file missing.png: check the path"),
        ("in.png", "missing/out.png", 1, "the folder missing does not exist: create it, or write somewhere else"),
        ("in.png", "missing/out.gif", 1, "the folder missing does not exist: create it, or write somewhere else"),
        ("in.png", "out.mp4", 2, "the format of out.mp4 is not known: end its name in .png"),
        ("in.png", "out", 2, "the format of out is not known"),
        ("in.png", "folder.gif", 2, "folder.gif is a folder: name a file in it"),
        (
            "small.png",
            "out.png",
            1,
            "octave 2 would be 9x6, which does not suit layer inception_4c/output: at most one",
        ),
        (
            "small.png",
            "out.gif",
            1,
            "octave 2 would be 9x6, which does not suit layer inception_4c/output: at most one",
        ),
        ("dot.png", "out.png", 1, "a picture of 1x1 does not suit layer inception_4c/output, which needs at least 9x9"),
    ],
)
def test_pictures_and_folders(folder, net, capsys, no_dream, source, out, code, words):
    tiny_picture(folder / "small.png", 13, 9)
    tiny_picture(folder / "dot.png", 1, 1)
    (folder / "folder.gif").mkdir()
    args = ["sheet", source, out, "--layers", "conv1,inception_4c/output", "--octaves", "1,2", "--model", net]
    assert words in refused(capsys, folder, args, code)


def test_a_picture_too_small_for_every_layer(folder, net, capsys):
    tiny_picture(folder / "in.png", 12, 1)
    args = ["sheet", "in.png", "out.png", "--layers", "all", "--octaves", "2", "--scale", "3", "--model", net]
    assert "octave 2 would be 4x0, which does not suit layer conv1" in refused(capsys, folder, args)


def test_too_little_memory_is_told_before_a_dream(folder, net, capsys, no_dream):
    args = ["sheet", "in.png", "out.png", "--layers", "conv1,pool1", "--memory", "1M", "--model", net]
    assert "may use only 1M: raise --memory" in refused(capsys, folder, args, 2)


def test_values_that_stand_twice_count_once_and_those_of_one_value_are_for_all():
    values = {"seed": [3], "octave_scale": [1.4, 1.5, 1.4], "end": ["a", "b"]}
    request, axes = find_axes(Request("in.png", "out.png"), values)
    assert axes == [Axis("end", ("a", "b")), Axis("octave_scale", (1.4, 1.5))]
    found = [(one.dream.end, one.dream.octave_scale, one.dream.seed) for one in requests(request, axes)]
    assert found == [("a", 1.4, 3), ("a", 1.5, 3), ("b", 1.4, 3), ("b", 1.5, 3)]


def test_a_program_is_told_the_same():
    with pytest.raises(UsageError, match="--seeds needs at least one value"):
        find_axes(Request("in.png", "out.png"), {"seed": []})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("end", "conv1", "conv1"),
        ("iter_n", 1, "1 iteration"),
        ("iter_n", 11, "11 iterations"),
        ("octave_n", 1, "1 octave"),
        ("octave_scale", 1.4, "scale 1.4"),
        ("seed", 1, "seed 1"),
    ],
)
def test_captions(name, value, words):
    assert Axis(name, (value,)).caption(value) == words
