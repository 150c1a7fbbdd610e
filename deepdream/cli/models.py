"""dreamify models [fetch NAME]"""

import argparse

from ..errors import UsageError
from ..storage.streams import print_out
from .options import print_table

HELP = "list the models, or download one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("fetch",), help="download a model and verify it")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the model to fetch")


def run(args: argparse.Namespace) -> int:
    """Lists the models, or downloads one."""
    from ..modelzoo import zoo

    if not args.action:
        rows = [(status.name, status.state, str(status.folder or "")) for status in zoo.statuses()]
        print_table([("model", "state", "folder"), *rows])
        return 0
    if not args.name:
        raise UsageError("name the model to fetch: dreamify models fetch NAME")
    model = zoo.fetch(args.name, progress=True)
    state = "verified" if model.verified else f"unverified, its SHA-256 is {model.sha256}"
    print_out(f"{model.name} is in {model.weights.parent} ({state})")
    return 0
