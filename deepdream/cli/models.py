"""dreamify models [fetch NAME]"""

import argparse
from typing import TYPE_CHECKING, Tuple, Union

from ..errors import UsageError
from ..storage.streams import print_out
from .options import print_table

if TYPE_CHECKING:
    from ..modelzoo.zoo import Model

HELP = "list the models, or download one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("fetch",), help="download a model and verify it")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the model to fetch")


def run(args: argparse.Namespace) -> int:
    """Lists the models, or downloads one."""
    from ..modelzoo import zoo

    if not args.action:
        found = zoo.list_models().items()
        print_table([("model", "state", "folder"), *(_row(name, model) for name, model in found)])
        return 0
    if not args.name:
        raise UsageError("name the model to fetch: dreamify models fetch NAME")
    model = zoo.fetch(args.name, progress=True)
    state = "verified" if model.verified else f"unverified, its SHA-256 is {model.sha256}"
    print_out(f"{model.name} is in {model.weights.parent} ({state})")
    return 0


def _row(name: str, model: "Union[Model, str]") -> Tuple[str, str, str]:
    """A line of the table: the name, the state and the folder of a model, or the reason why it is missing."""
    if isinstance(model, str):
        return name, model, ""
    return name, "verified" if model.verified else "unverified", str(model.weights.parent)
