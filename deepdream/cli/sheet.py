"""dreamify sheet IN OUT"""

import argparse
from dataclasses import replace

from ..settings import DREAM, SHEET, SHEET_SEED, WORKERS
from .options import (
    IN_HELP,
    add_dream_settings,
    add_force,
    add_settings,
    list_parser,
    request_from,
    settings_from,
)
from .paths import path

HELP = "dream a picture with several values of a setting, side by side"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Each dream is the same as on its own, and is kept in the user's cache. Run the same command to resume a\n"
        "sheet that was cut short; add values to dream only the new ones. With one octave (--octaves 1) a single\n"
        "dream gives all iteration counts; with more, each count is a dream of its own."
    )
    parser.add_argument("source", metavar="IN", type=path, help=IN_HELP)
    parser.add_argument(
        "target",
        metavar="OUT",
        type=path,
        help="the sheet, in the format of its extension, or an animation: .gif; - writes PNG",
    )
    group = parser.add_argument_group("one or two of these with several values, such as --iterations 5,10,20")
    for option, name in SHEET.items():
        field = DREAM.__dataclass_fields__[name]
        text, kind = field.metadata["help"], field.metadata["kind"]
        if option == "layers":
            text = "the layers to dream on; all means every layer"
        elif option == "seeds":
            text = "seeds of the random shifts"
        default = SHEET_SEED if option == "seeds" else field.default
        metavar = "LAYER,LAYER" if kind is str else "N,N"
        group.add_argument(f"--{option}", type=list_parser(kind), metavar=metavar, help=f"{text} (default: {default})")
    add_settings(parser.add_argument_group("who dreams"), WORKERS, workers="none, this process dreams")
    add_force(parser)
    add_dream_settings(parser, without=[*SHEET, *map(DREAM.option, SHEET.values())])


def run(args: argparse.Namespace) -> int:
    """Makes a sheet; returns the exit code."""
    from ..tasks import sheet

    typed = vars(args)
    values = {name: typed.pop(option) for option, name in SHEET.items()}
    given = {name: several for name, several in values.items() if several is not None}
    request = replace(request_from(args), fit_octaves="octave_n" not in given)
    return sheet.run(request, given, settings_from(args, WORKERS))
