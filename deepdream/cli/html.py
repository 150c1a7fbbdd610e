"""dreamify html OUT"""

import argparse

from ..settings import NET
from .options import add_force
from .paths import path

HELP = "write a web page that is one file and dreams by itself, the net inside"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Whoever opens the file can dream: nothing is installed, and nothing is loaded from elsewhere."
    parser.add_argument("target", metavar="OUT", type=path, help="where the page goes: a .html file")
    parser.add_argument("--model", type=path, default=NET.model, help=f"a name or a folder (default: {NET.model})")
    parser.add_argument(
        "--page", type=path, metavar="FILE", help="the page without a net (default: the one that `make browser` built)"
    )
    add_force(parser, "replace OUT if it is there")


def run(args: argparse.Namespace) -> int:
    """Writes the page; returns the exit code."""
    from ..tasks import html

    html.run(args.target, args.model, args.page, args.force)
    return 0
