"""Runs a program whose `import caffe` gets the stand-in, in child processes of the program, too."""

from __future__ import annotations

import builtins
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Sequence

from ..errors import DreamError

ALIAS = Path(__file__).resolve().parent / "alias"  # on PYTHONPATH, it makes `import caffe` find the stand-in
_PACKAGE = "deepdream.pycaffe"
_PARTS = ("classifier", "detector", "draw", "io", "net", "net_spec", "proto.caffe_pb2")  # that programs import


def take_the_name() -> None:
    """Makes the stand-in and its parts the modules caffe, caffe.io and so on of this process."""
    for part in _PARTS:
        importlib.import_module(f"{_PACKAGE}.{part}")
    for name in [name for name in sys.modules if name == _PACKAGE or name.startswith(_PACKAGE + ".")]:
        sys.modules["caffe" + name[len(_PACKAGE) :]] = sys.modules[name]


def run(program: str, args: Sequence[str]) -> int:
    """Runs a program as `python program args` does; returns its exit code. Raises DreamError if there is none."""
    if not Path(program).is_file():
        raise DreamError(f"there is no program {program}: dreamify run takes a Python file and its arguments")
    take_the_name()
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(ALIAS) + (os.pathsep + before if before else "")
    sys.argv = [program, *args]
    sys.path.insert(0, str(Path(program).resolve().parent))
    path = os.path.abspath(program)  # noqa: PTH100  # __file__ as Python sets it, links not followed
    main, before_main = ModuleType("__main__"), sys.modules["__main__"]
    main.__file__, main.__builtins__ = path, builtins  # type: ignore[attr-defined]
    sys.modules["__main__"] = main  # worker processes look up there what to import
    try:
        exec(compile(Path(path).read_bytes(), path, "exec"), main.__dict__)
    except SystemExit as error:
        return _exit_code(error)
    except BaseException as error:
        own = _of_program(error.__traceback__, path)
        sys.excepthook(type(error), error.with_traceback(own), own)  # the program's own, if it has one
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    finally:
        sys.modules["__main__"] = before_main
    return 0


def _exit_code(error: SystemExit) -> int:
    """The exit code that Python makes of sys.exit(...), which prints what is no number."""
    if error.code is None or isinstance(error.code, int):
        code = error.code or 0
        return code & 0xFF if abs(code) <= sys.maxsize else 0xFF  # what a process can end with
    print(error.code, file=sys.stderr)
    return 1


def _of_program(frames: TracebackType | None, path: str) -> TracebackType | None:
    """A traceback from the program's own first line on; None if the program did not begin: it is no Python."""
    while frames is not None and frames.tb_frame.f_code.co_filename != path:
        frames = frames.tb_next
    return frames
