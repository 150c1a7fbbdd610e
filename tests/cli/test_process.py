"""How the command's own process starts and ends."""

import atexit
import os
import sys
import threading

import pytest

from deepdream.cli import process


class Left(Exception):
    """In the place of the process's end."""


@pytest.fixture
def done(monkeypatch):
    """What leave has done, in order; None stands for the end of the process."""
    done = []

    def end(code):
        done.append(code)
        raise Left

    monkeypatch.setattr(threading, "_shutdown", lambda: done.append("threads"))
    monkeypatch.setattr(atexit, "_run_exitfuncs", lambda: done.append("handlers"))
    monkeypatch.setattr(os, "_exit", end)
    return done


def test_threads_and_handlers_come_first(done, capsys):
    print("kept", end="")
    with pytest.raises(Left):
        process.leave(3)
    assert done == ["threads", "handlers", 3]
    assert capsys.readouterr().out == "kept"


def test_what_cannot_be_flushed_is_reported_by_python(done, monkeypatch):
    class Full:
        def flush(self):
            raise OSError

    monkeypatch.setattr(sys, "stdout", Full())
    with pytest.raises(SystemExit) as caught:
        process.leave(3)
    assert caught.value.code == 3
    assert done == ["threads", "handlers"]


def test_a_python_that_ends_otherwise(monkeypatch):
    monkeypatch.delattr(threading, "_shutdown")
    with pytest.raises(SystemExit) as caught:
        process.leave(3)
    assert caught.value.code == 3


def test_a_stand_in_imports_what_is_used_of_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "colorsys", process._WhenUsed("colorsys"))
    import colorsys

    with pytest.raises(AttributeError):
        colorsys.__path__  # noqa: B018
    assert colorsys.rgb_to_hls(1, 0, 0) == (0, 0.5, 1)
    assert sys.modules["colorsys"].__file__
