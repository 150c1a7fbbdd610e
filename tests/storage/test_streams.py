"""Writing into descriptors, named pipes and devices."""

import os
import signal
import socket
import stat
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from deepdream.cli import main
from deepdream.errors import DreamError, UsageError
from deepdream.images import picture
from deepdream.storage import streams
from deepdream.video.reader import read_recipe
from tests.helpers.tiny import SHORT_ZOOM, refused, snapshot

SHORT = ["--iterations", "1", "--octaves", "1", "--threads", "1", "--seed", "7"]
pytestmark = [
    pytest.mark.usefixtures("one_thread"),
    pytest.mark.skipif(not Path("/dev/fd").exists(), reason="needs /dev/fd"),
]


@pytest.fixture
def dream(folder, net):
    """Dreams in.png; returns the exit code."""
    return lambda out, *args: main(["in.png", out, *SHORT, *args, "--model", net])


@pytest.fixture
def plain(dream):
    """The bytes of the dream as a PNG."""
    assert dream("plain.png") == 0
    return Path("plain.png").read_bytes()


def reader(path, found):
    """A thread that reads a named pipe to its end."""
    thread = threading.Thread(target=lambda: found.append(Path(path).read_bytes()), daemon=True)
    thread.start()
    return thread


def test_an_open_descriptor_is_written_where_it_stands(folder, dream, plain):
    file = os.open("log", os.O_RDWR | os.O_CREAT)
    try:
        os.write(file, b"before ")
        assert dream(f"/dev/fd/{file}") == 0
        os.write(file, b" after")
    finally:
        os.close(file)
    assert Path("log").read_bytes() == b"before " + plain + b" after"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "link"])
def test_standard_output_by_its_names(folder, dream, plain, name):
    Path("link").symlink_to("/dev/stdout")
    Path("out").write_bytes(b"before ")
    stdout, kept = os.open("out", os.O_WRONLY | os.O_APPEND), os.dup(1)
    os.dup2(stdout, 1)
    try:
        code = dream(name)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(stdout)
    assert code == 0
    assert Path("out").read_bytes() == b"before " + plain
    assert Path("link").is_symlink()


def test_devices_stay_devices(folder, dream, net, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    assert dream("/dev/null") == 0
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    assert dream("/dev/full") == 1
    assert "/dev/full cannot be written (No space left on device)" in capsys.readouterr().err
    assert stat.S_ISCHR(Path("/dev/full").stat().st_mode)
    (rescued,) = Path().glob("dreamify-*.png")
    assert picture.read_recipe(str(rescued))["seed"] == 7


@pytest.mark.parametrize("name", ["pipe", "pipe.png", "pipe.webp", "link.png"])
def test_a_named_pipe(folder, dream, plain, name):
    os.mkfifo("pipe" + Path(name).suffix)
    if name == "link.png":
        Path(name).symlink_to("pipe.png")
    found = []
    thread = reader(name, found)
    assert dream(name) == 0
    thread.join(20)
    Path("found").write_bytes(found[0])
    assert (picture.read("found").pixels == picture.read("plain.png").pixels).all()
    assert found[0] == plain or name.endswith(".webp")
    assert stat.S_ISFIFO(Path(name).stat().st_mode)


@pytest.mark.parametrize("verb", ["sheet", "sheet GIF", "zoom"])
def test_a_named_pipe_for_what_else_is_a_picture(folder, net, own_cache, verb):
    out = "out.png" if verb == "sheet" else "out.gif"
    os.mkfifo(out)
    settings = SHORT_ZOOM if verb == "zoom" else [*SHORT[:6], "--seeds", "1,2"]
    found = []
    thread = reader(out, found)
    assert main([verb.split()[0], "in.png", out, *settings, "--model", net]) == 0
    thread.join(20)
    Path(f"found{out[3:]}").write_bytes(found[0])
    assert read_recipe(f"found{out[3:]}")["program"] == "dreamify"
    assert stat.S_ISFIFO(Path(out).stat().st_mode)
    assert not any(path.name.startswith(".") for path in folder.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_pipe_that_nobody_reads_is_left_with_the_first_signal(folder, dream, capsys, monkeypatch, ctrl_c, number):
    """The dream is finished first, and is not lost."""
    os.mkfifo("pipe.png")
    (folder / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder / "tmp"))
    opened = os.open

    def signalled(path, *args, **kwargs):
        if str(path) == "pipe.png":
            threading.Timer(0.2, lambda: os.kill(os.getpid(), number)).start()
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", signalled)
    before = signal.getsignal(number)
    assert dream("pipe.png") == 128 + number
    assert signal.getsignal(number) is before
    (rescued,) = (folder / "tmp").iterdir()
    assert f"pipe.png was not read to the end: the dream is in {rescued}" in capsys.readouterr().err
    assert picture.read_recipe(str(rescued))["seed"] == 7


def test_a_reader_that_leaves_costs_no_dream(folder, dream, capsys, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    read, write = os.pipe()
    os.close(read)
    try:
        assert dream(f"/dev/fd/{write}") == 1
    finally:
        os.close(write)
    assert "cannot be written (Broken pipe)" in capsys.readouterr().err
    assert len(list(Path().glob("dreamify-*.png"))) == 1


def test_who_does_not_want_to_wait_has_to(tmp_path):
    read, write = os.pipe()
    os.set_blocking(write, False)
    found = []

    def slowly():
        time.sleep(0.1)
        with os.fdopen(read, "rb") as file:
            found.append(file.read())

    thread = threading.Thread(target=slowly)
    thread.start()
    streams.write(f"/dev/fd/{write}", [bytes(10**6)])
    os.close(write)
    thread.join(20)
    assert len(found[0]) == 10**6


def test_what_cannot_be_written_is_told_before_the_dream(folder, net, capsys):
    listening = socket.socket(socket.AF_UNIX)
    listening.bind("socket")
    reading = os.open("in.png", os.O_RDONLY)
    try:
        for name, words in (
            ("socket", "socket is a socket, which cannot be opened"),
            (f"/dev/fd/{reading}", f"descriptor {reading} is closed, or not open for writing"),
            ("/dev/fd/999", "descriptor 999 is closed, or not open for writing"),
        ):
            before = snapshot(folder)
            assert main(["in.png", name, "--model", net]) == 1
            assert capsys.readouterr().err.startswith(f"dreamify: {words}")
            assert snapshot(folder) == before
    finally:
        os.close(reading)
        listening.close()


@pytest.mark.parametrize(
    ("verb", "out"),
    [
        *(("dream", "link.png"), ("dream", "loop.png"), ("sheet", "link.png"), ("sheet", "link.gif")),
        *(("zoom", "link"), ("zoom", "link.gif"), ("frames", "link")),
    ],
)
def test_a_link_that_leads_nowhere_is_told(folder, net, capsys, verb, out):
    Path(out).symlink_to(out if out == "loop.png" else "gone" + Path(out).suffix)
    command = {
        "dream": ["in.png", out],
        "sheet": ["sheet", "in.png", out, "--seeds", "1,2"],
        "zoom": ["zoom", "in.png", out],
        "frames": ["in.png", "out.png", "--frames", out],
    }[verb]
    assert f"{out} is a link to " in refused(capsys, folder, [*command, "--model", net])


def test_a_disk_is_written_over_only_when_that_is_asked_for(folder, net, capsys, monkeypatch):
    Path("disk").write_bytes(b"all that I have")
    monkeypatch.setattr(streams, "is_stream", lambda name: name == "disk")
    monkeypatch.setattr(streams, "is_disk", lambda name: Path(name).name == "disk")
    assert "disk is a disk: name a file" in refused(capsys, folder, ["in.png", "disk", "--model", net], code=2)
    assert main(["in.png", "disk", *SHORT, "--model", net, "--force"]) == 0
    assert picture.read_recipe("disk")["seed"] == 7


def test_a_batch_writes_files(folder, net, capsys):
    Path("out").mkdir()
    os.mkfifo("out/in.png")
    assert main(["batch", "in.png", "out", "--model", net]) == 2
    assert "out/in.png is not a file, and a batch writes files" in capsys.readouterr().err


def test_the_format_of_what_has_no_extension(folder):
    os.mkfifo("pipe")
    os.mkfifo("pipe.jpg")
    thread_found = []
    for name, magic in (("pipe", b"\x89PNG"), ("pipe.jpg", b"\xff\xd8")):
        thread = reader(name, thread_found)
        picture.write(name, np.zeros((4, 4, 3), np.uint8), {})
        thread.join(20)
        assert thread_found.pop().startswith(magic)
    with pytest.raises(UsageError):
        picture.check_target("file")
    with pytest.raises(DreamError):
        picture.check_target("/dev/fd/999")
