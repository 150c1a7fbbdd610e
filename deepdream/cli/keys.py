"""dreamify keys"""

import argparse

from ..settings import GOOGLENET, NET
from .options import print_table
from .paths import path

_REASONS = 3  # that are told
HELP = "list the layers to dream on"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model", type=path, default=NET.model, help=f"a name, a folder or a prototxt (default: {NET.model})"
    )


def run(args: argparse.Namespace) -> int:
    """Lists the layers of a net with their channels and notes."""
    from ..console import say
    from ..modelzoo.auto import choose
    from ..modelzoo.load import usable_topology

    model = choose(args.model, NET.engine, progress=True)
    if model.is_fallback:
        say(f"these are the layers of {model.name}, because {GOOGLENET} is not installed and cannot be downloaded")
    rows = [("layer", "channels", "what it tends to show")]
    topology = usable_topology(model)
    layers = topology.dreamable()
    print_table([*rows, *((name, str(count), model.card.note(name)) for name, count in layers.items())])
    left_out = topology.undreamable()
    if left_out:
        reasons = list(dict.fromkeys(left_out.values()))
        more = f"; and {len(reasons) - _REASONS} more" if len(reasons) > _REASONS else ""
        count = "one layer is" if len(left_out) == 1 else f"{len(left_out)} layers are"
        say(f"{count} not listed, because one cannot dream on them: {'; '.join(reasons[:_REASONS])}{more}")
    return 0
