"""Gives programs that say `import caffe` the stand-in for it, deepdream/pycaffe. Imports nothing of that."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Sequence

from ..errors import DreamError

STAND_IN = Path(__file__).resolve().parents[1] / "pycaffe"
ALIAS = STAND_IN / "alias"  # on PYTHONPATH, it makes `import caffe` find the stand-in


def run_program(args: Sequence[str]) -> int:
    """Becomes `python ARGS`, in which caffe is the stand-in. On Windows, returns its exit code.

    args: a program and its arguments, or what Python takes instead. Raises DreamError if there is no such program.
    A Python of its own, so that the program starts, fails and ends as in Python, whatever this one has set up.
    """
    first = args[0]
    if not first.startswith("-") and not os.path.exists(first):  # noqa: PTH110  # Path.exists raises PermissionError
        raise DreamError(f"there is no program {first}: give a Python file and its arguments")
    paths = [str(ALIAS), *filter(None, [os.environ.get("PYTHONPATH")])]
    command, environ = [sys.executable, *args], {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    for number, stream in enumerate((sys.__stdin__, sys.__stdout__, sys.__stderr__)):
        if stream is None:  # closed when this began, see streams.reserve
            with contextlib.suppress(OSError):
                os.close(number)
    if os.name != "nt":  # on Windows, a process that becomes another one seems to have ended
        os.execve(sys.executable, command, environ)
    return subprocess.call(command, env=environ)
