"""Locks on files and folders."""

import os
import subprocess
import sys

import pytest

from deepdream.storage import lock
from deepdream.storage.lock import Lock
from tests.helpers.tiny import ROOT

pytest.importorskip("fcntl", reason="there are no such locks here")
HOLDS = "import pathlib, sys, time; from deepdream.storage.lock import Lock; lock = Lock(pathlib.Path(sys.argv[1])); "
HOLDS += "print(lock.is_held, flush=True); time.sleep(100)"


@pytest.fixture(params=["file", "folder"])
def path(request, tmp_path):
    made = tmp_path / request.param
    made.touch() if request.param == "file" else made.mkdir()
    return made


def test_one_holds_it(path):
    first = Lock(path)
    assert first.is_held
    with pytest.raises(BlockingIOError):
        Lock(path)
    first.release()
    first.release()
    assert not first.is_held
    with Lock(path) as second:
        assert second.is_held
    assert not second.is_held
    assert Lock(path, wait=True).is_held


def test_a_killed_process_releases_it(path):
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], cwd=str(ROOT), stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"True\n"
        with pytest.raises(BlockingIOError):
            Lock(path)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert Lock(path).is_held


@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("."), lambda path: None])
def test_what_is_neither_file_nor_folder_is_not_locked(tmp_path, make):
    make(tmp_path / "a")
    assert not Lock(tmp_path / "a", wait=True).is_held


def test_a_system_without_locks(path, monkeypatch):
    monkeypatch.setattr(lock, "fcntl", None)
    assert not Lock(path).is_held
    assert not Lock(path).is_held
