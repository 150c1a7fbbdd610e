"""A dream that fails on the way is saved as it is by then."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream import arrays, ascent
from deepdream.cli import main
from deepdream.errors import DreamError, UsageError
from tests.helpers.tiny import refused
from tests.tasks.test_single import SHORT, interrupted_at

pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("one_thread")
FAULTS = [
    (MemoryError(), "memory has run out: lower --memory"),
    (
        RuntimeError("the device is gone\nand more"),
        "the dream failed (RuntimeError: the device is gone): try a smaller",
    ),
    (DreamError("the engine is tired: wake it"), "the engine is tired: wake it"),
    (OSError("no driver"), "the dream failed (OSError: no driver): try a smaller"),
    (UsageError("one layer too few: name it"), "one layer too few: name it"),
]


@pytest.mark.parametrize(("fault", "words"), FAULTS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("failing", [2, 4, 6, 7, 9])  # among them the first step of an octave, and the last of all
def test_a_dream_that_fails_late_is_saved_as_it_is(
    ctrl_c, capsys, folder, net, monkeypatch, fault, words, masked, failing
):
    """To the byte as Ctrl-C would have left it after the step before."""
    Image.fromarray(np.tile(np.uint8(np.arange(40) * 6), (28, 1))).save("mask.png")
    command = ["in.png", "out.png", *SHORT, *["--mask", "mask.png"] * masked, "--model", net]
    with monkeypatch.context() as patch:
        interrupted_at(failing - 1, 1, patch)
        assert main(command) == 130
    wanted = Path("out.png").read_bytes()
    Path("out.png").unlink()
    capsys.readouterr()
    fails_in_step(failing, fault, monkeypatch)
    assert main(command) == 1
    assert Path("out.png").read_bytes() == wanted
    moment = "octave {} of 3, iteration {} of 3".format(*(number + 1 for number in divmod(failing - 2, 3)))
    *_, said, last = capsys.readouterr().err.splitlines()
    assert said == f"dreamify: stopped at {moment}: the dream so far is in out.png"
    assert last.startswith(f"dreamify: {words}")


def fails_in_step(number, fault, monkeypatch):
    """The gradient of this step (from 1) cannot be had, when the picture is shifted."""
    gradient_towards, made = ascent.gradient_towards, []

    def failing(*args):
        made.append(1)
        if len(made) == number:
            raise fault
        return gradient_towards(*args)

    monkeypatch.setattr(ascent, "gradient_towards", failing)


@pytest.mark.parametrize("octave", [2, 3])
def test_a_dream_that_fails_between_two_octaves_is_saved_too(ctrl_c, capsys, folder, net, monkeypatch, octave):
    command = ["in.png", "out.png", *SHORT, "--model", net]
    with monkeypatch.context() as patch:
        interrupted_at(3 * (octave - 1), 1, patch)
        assert main(command) == 130
    wanted = Path("out.png").read_bytes()
    Path("out.png").unlink()
    like, sizes = arrays.like, []

    def no_room(array, x):  # for an octave's picture, when the net's blob has its size already
        sizes.append(array.shape[1])
        if len(set(sizes) - {1}) == octave:
            raise MemoryError
        return like(array, x)

    monkeypatch.setattr(arrays, "like", no_room)
    assert main(command) == 1
    assert Path("out.png").read_bytes() == wanted


@pytest.mark.parametrize(("fault", "words"), FAULTS)
def test_a_dream_that_fails_at_once_leaves_nothing(capsys, folder, net, monkeypatch, fault, words):
    fails_in_step(1, fault, monkeypatch)
    assert words in refused(capsys, folder, ["in.png", "out.png", *SHORT, "--model", net])
