"""What is written aside appears whole or not at all; what a killed process has left of it is cleared away."""

import signal
import subprocess
import sys
import uuid

import pytest

from deepdream import aside
from deepdream.picture import check_target
from tests.tiny import ROOT

pytest.importorskip("fcntl", reason="there are no such locks here")
HANGS = """
import pathlib, sys, time
from deepdream import aside
path = pathlib.Path(sys.argv[1])
if sys.argv[2] == "folder":
    held = aside.folder(path)
else:
    held = aside._held(path, pathlib.Path.touch)
with held as hidden:
    (hidden / "half" if sys.argv[2] == "folder" else hidden).write_bytes(b"half")
    print(hidden.name, flush=True)
    time.sleep(100)
"""


@pytest.fixture
def writing(tmp_path):
    """Starts a process in the middle of writing a file or a folder; returns it and the hidden name."""
    processes = []

    def started(what):
        args = [sys.executable, "-c", HANGS, str(tmp_path), what]
        processes.append(subprocess.Popen(args, cwd=str(ROOT), stdout=subprocess.PIPE))
        return processes[-1], processes[-1].stdout.readline().decode().strip()

    yield started
    for process in processes:
        process.kill()
        process.communicate(timeout=60)


def test_a_file_is_written_and_nothing_else(tmp_path):
    (tmp_path / "out").write_bytes(b"old")
    aside.write(tmp_path / "out", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"new")]


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_a_living_process_writes_is_left_alone_and_what_a_killed_one_has_left_is_not(tmp_path, writing, what):
    process, name = writing(what)
    (tmp_path / "mine").touch()
    (tmp_path / ".dreamify-mine").touch()
    check_target(str(tmp_path / "out.png"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([".dreamify-mine", name, "mine"])
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    check_target(str(tmp_path / "out.png"))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".dreamify-mine", "mine"]


def test_a_folder_is_gone_at_the_end_whatever_is_in_it(tmp_path):
    with aside.folder(tmp_path) as folder:
        (folder / "part").write_bytes(b"part")
        assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert list(tmp_path.iterdir()) == []


def test_who_is_cleared_away_before_the_lock_is_there_begins_anew(tmp_path, monkeypatch):
    """As by another process, between the file and the lock on it."""
    lock, cleared = aside._lock, []

    def late(path, wait):
        if wait and not cleared:
            cleared.append(path)
            aside.clear(tmp_path)
        return lock(path, wait)

    monkeypatch.setattr(aside, "_lock", late)
    aside.write(tmp_path / "out", b"new")
    assert not cleared[0].exists()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"new")]


def test_without_locks_nothing_is_cleared(tmp_path, monkeypatch):
    left = tmp_path / f".dreamify-{uuid.uuid4().hex}"
    left.touch()
    monkeypatch.setattr(aside, "fcntl", None)
    aside.clear(tmp_path)
    aside.write(tmp_path / "out", b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [left.name, "out"]
