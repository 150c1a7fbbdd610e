"""python -m deepdream.pycaffe PROGRAM ARGS: runs a program with the stand-in for caffe, as dreamify run does.

Without a program it prints the folder that PYTHONPATH needs for the same, such as for a notebook:

    PYTHONPATH=$(python -m deepdream.pycaffe) jupyter lab
"""

import sys

from ..engines.stand_in import ALIAS, run_program
from ..errors import DreamError


def main() -> int:
    """Runs the program, or prints the folder; returns the exit code."""
    if len(sys.argv) == 1:
        print(ALIAS)
        return 0
    try:
        return run_program(sys.argv[1:])
    except DreamError as error:
        print(f"caffe: {error}", file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
