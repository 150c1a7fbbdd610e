"""Standard output and the system: what cannot be written, or is refused, and how that is told."""

import contextlib
import errno
import os
from pathlib import Path

import pytest

from deepdream.cli import info, main
from tests.helpers.tiny import command, dream_of_old, refused, tiny_picture

LAYER = "inception_4c/output"
SENTINEL = dream_of_old()
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def folder(tmp_path):
    """A folder with a picture, and with a file where the dream would go."""
    tiny_picture(tmp_path / "in.png")
    (tmp_path / "out.png").write_bytes(SENTINEL)
    return tmp_path


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "(Too many open files): raise"),
        (OSError(errno.ENOSPC, "No space left on device"), "(No space left on device): free space"),
        (OSError(errno.EACCES, "Permission denied", "/x/y"), "/x/y cannot be used (Permission denied): check its"),
        (OSError("decoder error -2"), "(decoder error -2)"),
        (BrokenPipeError(errno.EPIPE, "Broken pipe"), "(Broken pipe)"),  # a worker's, and nobody's who has seen enough
    ],
)
def test_what_the_system_refuses_is_not_blamed_on_standard_output(capsys, folder, monkeypatch, error, words):
    def fail(_args):
        raise error

    monkeypatch.setattr(info, "run", fail)
    line = refused(capsys, folder, ["info", "x.png"])
    assert words in line
    assert "standard output" not in line


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("args", [["--help"], ["--version"], ["zoom", "--help"]])
def test_help_that_cannot_be_written(monkeypatch, capsys, args):
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr("sys.stdout", full)
        assert main(args) == 1
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()
    assert capsys.readouterr().err == "dreamify: standard output cannot be written: No space left on device\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_output_that_takes_nothing(folder):
    with Path("/dev/full").open("wb") as full:
        process = command("models", stdout=full)
        errors = process.communicate(timeout=60)[1]
    assert errors == b"dreamify: standard output cannot be written: No space left on device\n"
    assert process.returncode == 1


def test_a_reader_that_has_seen_enough():
    read, write = os.pipe()
    os.close(read)
    process = command("models", stdout=write)
    os.close(write)
    assert process.communicate(timeout=60)[1] == b""
    assert process.returncode == 0
