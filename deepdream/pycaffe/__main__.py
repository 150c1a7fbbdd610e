"""python -m deepdream.pycaffe PROGRAM ARGS: runs a program with the stand-in for caffe.

Without a program it prints the folder that PYTHONPATH needs for the same, such as for a notebook:

    PYTHONPATH=$(python -m deepdream.pycaffe) jupyter lab
"""

import sys

from ..errors import DreamError
from .runner import ALIAS, run


def main() -> int:
    """Runs the program, or prints the folder; returns the exit code."""
    if len(sys.argv) == 1:
        print(ALIAS)
        return 0
    try:
        return run(sys.argv[1], sys.argv[2:])
    except DreamError as error:
        print(f"caffe: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
