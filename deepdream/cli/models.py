"""dreamify models [fetch NAME | add NAME FILE...]"""

import argparse
from typing import TYPE_CHECKING, Tuple, Union

from ..errors import UsageError
from ..storage.streams import print_out
from .options import print_table

if TYPE_CHECKING:
    from ..modelzoo.model import Model

HELP = "list the models, download one, or add the files of one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = "download a model and verify it, or take its files from this machine and verify them"
    parser.add_argument("action", nargs="?", choices=("fetch", "add"), help=what)
    parser.add_argument("name", nargs="?", metavar="NAME", help="the model to fetch, or to add files to")
    numbers = "a .caffemodel, .onnx or .pth, an archive, or a folder of .bin files"
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"to add: {numbers}, and a deploy.prototxt")


def run(args: argparse.Namespace) -> int:
    """Lists the models, downloads one, or takes the files of one."""
    from ..modelzoo import zoo

    if not args.action:
        found = zoo.list_models().items()
        print_table([("model", "state", "folder"), *(_row(name, model) for name, model in found)])
        return 0
    if args.action == "add":
        return _add(args)
    if not args.name or args.files:
        raise UsageError("name the model to fetch: dreamify models fetch NAME")
    _print(zoo.fetch(args.name, progress=True))
    return 0


def _add(args: argparse.Namespace) -> int:
    from ..modelzoo import zoo

    if not args.files:
        raise UsageError("name the model and its files: dreamify models add NAME FILE...")
    model = zoo.add(args.name, args.files)
    if model is None:
        missing = zoo.what_is_missing(args.name)
        print_out(f"{args.name} still lacks {missing}: add it too, or run `dreamify models fetch {args.name}`")
    else:
        _print(model)
    return 0


def _print(model: "Model") -> None:
    state = _state(model) if model.verified else f"unverified, its SHA-256 is {model.sha256}"
    print_out(f"{model.name} is in {model.weights.parent} ({state})")


def _state(model: "Model") -> str:
    if model.has_other_numbers:
        return f"verified, but its numbers are others than its card has: {model.numbers_sha256 or 'unreadable'}"
    return "verified" if model.verified else "unverified"


def _row(name: str, model: "Union[Model, str]") -> Tuple[str, str, str]:
    """A line of the table: the name, the state and the folder of a model, or the reason why it is missing."""
    if isinstance(model, str):
        return name, model, ""
    return name, _state(model), str(model.weights.parent)
