"""A dream whose disk is full."""

import errno
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.images import picture
from deepdream.storage import atomic
from tests.helpers.tiny import snapshot

torch = pytest.importorskip("torch")
LAYER = "inception_4c/output"
SHORT = ["--iterations", "3", "--octaves", "3", "--seed", "7"]
SIZE = (40, 28)
SIZES = [(21, 14), (29, 20), SIZE]  # of SHORT's octaves, width x height
pytestmark = pytest.mark.usefixtures("one_thread")


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def fills_up(monkeypatch, fits):
    """A disk on which a file that does not fit (its path tells) finds no room."""
    atomic_write = atomic.write

    def write(path, data, new=False):
        if not fits(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        atomic_write(path, data, new)

    monkeypatch.setattr(atomic, "write", write)


def test_a_disk_that_fills_with_frames_costs_no_dream(capsys, folder, net, monkeypatch):
    fills_up(monkeypatch, lambda path: path.name != "octave02-iteration0002.png")
    assert main(["in.png", "out.png", *SHORT, "--frames", "frames", "--model", net]) == 1
    assert len(snapshot(folder / "frames")) == 4
    assert picture.read_recipe("out.png")["moment"] == "octave 2 of 3, iteration 2 of 3"
    *_, said, fault = capsys.readouterr().err.splitlines()
    assert said == "dreamify: stopped at octave 2 of 3, iteration 2 of 3: the dream so far is in out.png"
    assert fault.startswith("dreamify: frames/octave02-iteration0002.png cannot be written (No space left on device)")


def test_a_dream_that_finds_its_disk_full_is_kept_elsewhere(capsys, folder, net, monkeypatch):
    assert main(["in.png", "out.png", *SHORT, "--model", net]) == 0
    (folder / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder / "tmp"))
    fills_up(monkeypatch, lambda path: path.parent.name == "tmp")
    assert main(["in.png", "new.jpg", *SHORT, "--model", net]) == 1
    (kept,) = (folder / "tmp").iterdir()
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("dreamify: new.jpg cannot be written (No space left on device)")
    assert last.endswith(f"; the dream is in {kept}")
    assert (pixels(kept) == pixels("out.png")).all()
    assert not Path("new.jpg").exists()
