"""dreamify run PROGRAM ARGS"""

import argparse
import gc

HELP = "run a program that imports caffe, without Caffe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "dreamify run PROGRAM [ARGS ...]"
    parser.epilog = (
        "What follows PROGRAM is for the program, options included. "
        "The program's import caffe finds a stand-in on PyTorch, for inference and gradients. For a notebook: "
        "PYTHONPATH=$(python -m deepdream.pycaffe) jupyter lab"
    )
    parser.add_argument("program", metavar="PROGRAM", help="a Python file")
    parser.set_defaults(args=[])


def run(args: argparse.Namespace) -> int:
    """Runs the program; returns its exit code."""
    from ..engines import choose_engine

    choose_engine("torch")  # says in one sentence why PyTorch cannot be loaded
    from ..pycaffe.runner import run as run_program

    gc.set_threshold(700, 10, 10)  # Python's own, for what is not a dream
    return run_program(args.program, args.args)
