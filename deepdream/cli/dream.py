"""dreamify IN [OUT] [LAYER [ITERATIONS [OCTAVES [SCALE]]]]"""

import argparse
from dataclasses import replace

from ..settings import DREAM
from . import words
from .options import (
    IN_HELP,
    Once,
    add_dream_settings,
    add_force,
    add_growth,
    growth_from,
    request_from,
    value_parser,
)
from .paths import out_for, path

HELP = "Dream a picture as Google's deepdream did in July 2015."
_POSITIONALS = ("layer", "iterations", "octaves", "scale")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="IN", type=path, help=IN_HELP)
    parser.add_argument(
        "target",
        nargs="?",
        metavar="OUT",
        type=path,
        help="the dream, in the format of its extension; a folder takes the name of IN; - writes PNG to standard "
        "output (default: IN-dream, beside IN)",
    )
    for name in _POSITIONALS:
        parser.add_argument(
            name,
            nargs="?",
            action=Once,
            metavar=name.upper(),
            type=value_parser(DREAM.options()[name].metadata["kind"]),
            help=f"like --{name}",
        )
    add_dream_settings(parser)
    more = parser.add_argument_group("more")
    more.add_argument(
        "--frames", metavar="FOLDER", type=path, help="save every iteration there, at the size of its octave"
    )
    add_growth(more)
    add_force(more, "replace OUT even if it is not a dream, and frames or the growth of another dream")


def run(args: argparse.Namespace) -> int:
    """Dreams a picture; returns the exit code."""
    words.check_places(args.source, args.target, args.layer)
    from ..tasks import single

    args.target, is_chosen = out_for(args.source, args.target)
    request = replace(request_from(args), frames=args.frames, growth=args.growth, is_target_chosen=is_chosen)
    return single.run(request, None, growth_from(args))
