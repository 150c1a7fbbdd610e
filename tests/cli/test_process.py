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
        colorsys.__file__  # noqa: B018
    assert sys.modules["colorsys"] is colorsys
    assert colorsys.rgb_to_hls(1, 0, 0) == (0, 0.5, 1)
    assert sys.modules["colorsys"].__file__


def test_a_part_of_what_a_stand_in_stands_for_can_be_imported(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "wsgiref"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "wsgiref", process._WhenUsed("wsgiref"))
    from wsgiref.util import shift_path_info

    assert callable(shift_path_info)


@pytest.mark.parametrize(
    ("text", "release"),
    [("__version__ = '2.13.0+cpu'\ndebug = False", "2.13.0+cpu"), ("debug = False", ""), ("\xff", ""), (None, "")],
)
def test_the_release_of_pytorch_is_read_and_nothing_imported(monkeypatch, tmp_path, text, release):
    package = tmp_path / "torch"
    package.mkdir()
    (package / "__init__.py").write_text("raise AssertionError('imported')")
    if text is not None:
        (package / "version.py").write_bytes(text.encode("latin-1"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert process._release_of_torch() == release


@pytest.mark.parametrize(("release", "stands_in"), [("2.13.1", True), ("2.12.0", False), ("", False)])
def test_stand_ins_only_where_they_were_tried(done, monkeypatch, release, stands_in):
    monkeypatch.setattr(process, "_release_of_torch", lambda: release)
    monkeypatch.setattr(process, "main", lambda: 0)
    for name in process._UNUSED:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(Left):
        process.command()
    assert all((type(sys.modules.get(name)) is process._WhenUsed) == stands_in for name in process._UNUSED)
