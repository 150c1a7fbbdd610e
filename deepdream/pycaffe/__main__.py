"""python -m deepdream.pycaffe: prints the folder that makes `import caffe` find the stand-in, such as in a notebook.

PYTHONPATH=$(python -m deepdream.pycaffe) jupyter lab
"""

import sys

from ..engines.real_caffe import ALIAS


def main() -> int:
    """Prints the folder; returns the exit code, which is 2 for arguments, as there are none."""
    if len(sys.argv) > 1:
        print("caffe: python -m deepdream.pycaffe takes no arguments: dreamify run PROGRAM runs one", file=sys.stderr)
        return 2
    print(ALIAS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
