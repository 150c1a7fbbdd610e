"""Files appear whole or not at all, and what a killed process has left is removed."""

import os
import signal
import stat
import struct
import subprocess
import sys
import uuid

import pytest

from deepdream.images.picture import check_target
from deepdream.storage import atomic, lock
from deepdream.storage.lock import Lock
from tests.helpers.tiny import ROOT

pytest.importorskip("fcntl", reason="there are no such locks here")
HANGS = """
import pathlib, sys, time
from deepdream.storage import atomic, lock
from deepdream.storage.lock import Lock
path = pathlib.Path(sys.argv[1])
if sys.argv[2] == "folder":
    held = atomic.folder(path)
else:
    held = atomic._temporary(path, pathlib.Path.touch)
with held as temporary:
    (temporary / "half" if sys.argv[2] == "folder" else temporary).write_bytes(b"half")
    print(temporary.name, flush=True)
    time.sleep(100)
"""


@pytest.fixture
def writing(tmp_path):
    """Starts a process in the middle of writing a file or a folder; returns it and the temporary name."""
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
    atomic.write(tmp_path / "out", b"new")
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
    with atomic.folder(tmp_path) as folder:
        (folder / "part").write_bytes(b"part")
        assert [path.name for path in tmp_path.iterdir()] == [folder.name]
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_removed_before_it_is_locked_is_made_again(tmp_path, monkeypatch):
    """Another process does that between making the file and locking it."""
    cleared = []

    def late(path, wait=False):
        if wait and not cleared:
            cleared.append(path)
            atomic.remove_stale(tmp_path)
        return Lock(path, wait)

    monkeypatch.setattr(atomic, "Lock", late)
    atomic.write(tmp_path / "out", b"new")
    assert not cleared[0].exists()
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"new")]


def test_without_locks_nothing_is_removed(tmp_path, monkeypatch):
    left = tmp_path / f".dreamify-{uuid.uuid4().hex}"
    left.touch()
    monkeypatch.setattr(lock, "fcntl", None)
    atomic.remove_stale(tmp_path)
    atomic.write(tmp_path / "out", b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == [left.name, "out"]


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("fifo"), lambda path: path.symlink_to("no")])
def test_what_is_called_so_and_is_neither_file_nor_folder_is_not_waited_for(tmp_path, make):
    os.mkfifo(tmp_path / "fifo")
    name = f".dreamify-{uuid.uuid4().hex}"
    make(tmp_path / name)
    before = sorted(path.name for path in tmp_path.iterdir())
    atomic.remove_stale(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o664])
def test_permissions_survive(tmp_path, mode):
    path = tmp_path / "out"
    path.touch()
    path.chmod(mode)
    atomic.write(path, b"new")
    assert (stat.S_IMODE(path.stat().st_mode), path.read_bytes()) == (mode, b"new")


def test_what_is_not_for_everybody_never_is(tmp_path, monkeypatch):
    """Not even while it is written under its temporary name."""
    path, seen = tmp_path / "out", []
    path.touch(0o600)
    put = atomic.put
    monkeypatch.setattr(atomic, "put", lambda *args: (seen.append(stat.S_IMODE(args[0].stat().st_mode)), put(*args)))
    keep = atomic.keep_permissions
    monkeypatch.setattr(atomic, "keep_permissions", lambda *args: (seen.append(os.fstat(args[1]).st_size), keep(*args)))
    atomic.write(path, b"new")
    assert seen == [0, 0o600]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_survives_where_root_replaces(tmp_path):
    path = tmp_path / "out"
    path.touch(0o640)
    os.chown(path, 65534, 65533)
    atomic.write(path, b"new")
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65533, 0o640)


def test_a_list_of_further_users_survives(tmp_path):
    path = tmp_path / "out"
    path.touch(0o600)
    entries = [(1, 6, 2**32 - 1), (2, 4, 65534), (4, 0, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, 2**32 - 1)]
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)
    try:
        os.setxattr(path, "system.posix_acl_access", acl)
    except (OSError, AttributeError):
        pytest.skip("no such lists here")
    atomic.write(path, b"new")
    assert os.getxattr(path, "system.posix_acl_access") == acl
