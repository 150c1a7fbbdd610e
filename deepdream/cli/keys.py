"""dreamify keys"""

import argparse

from ..settings import GOOGLENET, NET
from .options import print_table
from .paths import path

HELP = "list the layers to dream on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=path, default=NET.model, help=f"a name or a folder (default: {NET.model})")


def run(args: argparse.Namespace) -> int:
    """Lists the layers of a net with their channels and notes."""
    from ..caffe_format.topology import read_topology
    from ..console import say
    from ..modelzoo.auto import choose

    model = choose(args.model, NET.engine, progress=True)
    if model.is_fallback:
        say(f"these are the layers of {model.name}, because {GOOGLENET} is not installed and cannot be downloaded")
    rows = [("layer", "channels", "what it tends to show")]
    layers = read_topology(model.prototxt).dreamable()
    print_table([*rows, *((name, str(count), model.card.note(name)) for name, count in layers.items())])
    return 0
