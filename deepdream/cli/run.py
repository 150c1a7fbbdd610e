"""dreamify run PROGRAM ARGS"""

import argparse

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
    """Becomes `python PROGRAM ARGS`, in which caffe is the stand-in. On Windows, returns its exit code."""
    from ..engines.stand_in import run_program

    return run_program(args.program)
