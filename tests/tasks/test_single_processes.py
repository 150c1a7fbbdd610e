"""Dreams in processes of their own: Ctrl-C, the progress bar on a terminal, two at once."""

import os
import re
import select
import struct
import time
from pathlib import Path

import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.images.picture import read_recipe
from tests.helpers.tiny import command, dream_of_old, forked, interrupt, snapshot, tiny_picture

LONG = ["conv1", "1000000", "2"]
fcntl = pytest.importorskip("fcntl", reason="signals and terminals are different here")
termios = pytest.importorskip("termios")


@pytest.fixture
def folder(tmp_path):
    """A folder with a picture on which a step takes long enough to be seen."""
    tiny_picture(tmp_path / "in.png", 400, 300)
    return tmp_path


@pytest.fixture
def start(ctrl_c):
    """Starts dreamify in a process that does not outlive its test; with `whole`, in one that also imports it."""
    processes = []

    def started(*args, whole=False, **options):
        processes.append((command if whole else forked)(*args, **options))
        return processes[-1]

    yield started
    for process in processes:
        process.kill()
        process.communicate(timeout=60)


def test_ctrl_c_leaves_the_picture_so_far_and_no_bar(start, folder, net):
    """The bar is for terminals: after more than its two seconds there is none in a log."""
    process = start("in.png", "out.png", *LONG, "--frames", "frames", "--model", net, cwd=folder, whole=True)
    started = []

    def long_enough():
        if not started and (folder / "frames").is_dir() and any((folder / "frames").iterdir()):
            started.append(time.monotonic())
        return started and time.monotonic() > started[0] + 2.5

    interrupt(process, long_enough)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == b""
    said = [line.split(b"dreamify: ")[1].split(b" ")[0] for line in errors.splitlines()]
    assert said == [b"tiny", b"tiny,", b"computing", b"finishing", b"stopped"]
    assert b"\r" not in errors
    result = Image.open(folder / "out.png")
    result.load()
    assert result.size == (400, 300)
    moment = re.fullmatch(r"octave 1 of 2, iteration (\d+) of 1000000", read_recipe(str(folder / "out.png"))["moment"])
    frames = sorted(path.name for path in (folder / "frames").iterdir())
    assert len(frames) == int(moment.group(1))
    assert sorted(path.name for path in folder.iterdir()) == ["frames", "in.png", "out.png"]


def test_sigterm_leaves_the_picture_so_far(start, folder, net):
    """As a container gets it when it is stopped."""
    process = start("in.png", "out.png", *LONG, "--frames", "frames", "--model", net, cwd=folder)
    deadline = time.monotonic() + 60
    while not ((folder / "frames").is_dir() and any((folder / "frames").iterdir())) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.terminate()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + 15
    assert b"finishing this step; SIGTERM again" in errors
    assert "iteration" in read_recipe(str(folder / "out.png"))["moment"]


def test_ctrl_c_before_the_dream(start, folder, net):
    """While the picture is read, which here never ends."""
    os.mkfifo(folder / "pipe.png")
    (folder / "out.png").write_bytes(dream_of_old())
    process = start("pipe.png", "out.png", "--model", net, cwd=folder)
    with (folder / "pipe.png").open("wb"):  # returns when the other end is opened
        interrupt(process, lambda: True)
        assert process.communicate(timeout=60) == (b"", b"dreamify: interrupted, nothing written\n")
    assert process.returncode == 130
    assert (folder / "out.png").read_bytes() == dream_of_old()
    assert sorted(path.name for path in folder.iterdir()) == ["in.png", "out.png", "pipe.png"]


def test_a_terminal_shows_a_bar_after_two_seconds(start, folder, net):
    try:
        ours, theirs = os.openpty()
    except OSError:
        pytest.skip("no terminals here")
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 100, 0, 0))
    start("in.png", "out.png", *LONG, "--model", net, cwd=folder, stderr=theirs, whole=True)
    os.close(theirs)
    shown, seeded, barred = "", None, None
    deadline = time.monotonic() + 60
    bar = r"octave 1 of 2, iteration (\d+) of 1000000, 286x214 \|[^|]*\| +(\d+)%, (\d+:)+\d\d left"
    while barred is None and time.monotonic() < deadline:
        if select.select([ours], [], [], 1)[0]:
            shown += os.read(ours, 4096).decode(errors="replace")
        seeded = seeded or ("seed" in shown and time.monotonic())
        barred = time.monotonic() if re.search(bar, shown) else None
    os.close(ours)
    assert barred, shown
    assert barred - seeded > 1.5
    assert int(re.search(bar, shown).group(1)) > 1
    assert not (folder / "out.png").exists()


def test_two_at_once_do_not_disturb_each_other(start, folder, net):
    tiny_picture(folder / "in.png", 40, 28)
    runs = {"a.png": ["--seed", "1"], "b.png": ["--seed", "2", "--jitter", "5"]}
    settings = ["--iterations", "20", "--threads", "1", "--model", net]
    processes = [start("in.png", name, *args, *settings, cwd=folder) for name, args in runs.items()]
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    together = snapshot(folder)
    assert sorted(together) == ["a.png", "b.png", "in.png"]
    for name, args in runs.items():
        alone = str(folder / f"alone-{name}")
        assert main([str(folder / "in.png"), alone, *args, *settings]) == 0
        assert Path(alone).read_bytes() == together[name]
