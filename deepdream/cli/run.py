"""dreamify run PROGRAM ARGS"""

import argparse
import contextlib
import os
import subprocess
import sys

from ..errors import DreamError

HELP = "run a program that imports caffe, without Caffe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "dreamify run PROGRAM [ARGS ...]"
    parser.epilog = (
        "What follows run is Python's: PROGRAM is a file, - for standard input, -m MODULE or -c CODE, and ARGS are the "
        "program's. The program's import caffe finds a stand-in on PyTorch, for inference and gradients. For a "
        "notebook: PYTHONPATH=$(python -m deepdream.pycaffe) jupyter lab"
    )
    parser.add_argument("program", metavar="PROGRAM", nargs="+", help="a Python file, and its arguments")


def run(args: argparse.Namespace) -> int:
    """Becomes `python PROGRAM ARGS`, in which caffe is the stand-in. On Windows, returns its exit code.

    A Python of its own, so that the program starts, fails and ends as in Python, whatever this one has set up.
    """
    from ..engines.real_caffe import ALIAS

    first = args.program[0]
    if not first.startswith("-") and not os.path.exists(first):  # noqa: PTH110  # Path.exists raises PermissionError
        raise DreamError(f"there is no program {first}: dreamify run takes a Python file and its arguments")
    paths = [str(ALIAS), *filter(None, [os.environ.get("PYTHONPATH")])]
    command, environ = [sys.executable, *args.program], {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    for number, stream in enumerate((sys.__stdin__, sys.__stdout__, sys.__stderr__)):
        if stream is None:  # closed when this began, see streams.reserve
            with contextlib.suppress(OSError):
                os.close(number)
    if os.name != "nt":  # on Windows, a process that becomes another one seems to have ended
        os.execve(sys.executable, command, environ)
    return subprocess.call(command, env=environ)
