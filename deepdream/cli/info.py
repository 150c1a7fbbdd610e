"""dreamify info [PICTURE]"""

import argparse

from ..errors import UsageError, printable
from ..storage.streams import print_out
from .options import print_table
from .paths import path

HELP = "print the settings that a picture was dreamt with, and the command; or the versions of everything"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "picture",
        nargs="?",
        metavar="PICTURE",
        type=path,
        help="a picture, a film or an atlas made by dreamify; without one, the versions that a report of a fault needs",
    )


def run(args: argparse.Namespace) -> int:
    """Prints the recipe of a picture, a film or an atlas and the command that makes it again, or the versions."""
    if args.picture is None:
        from .about import versions

        print_table(versions())
        return 0
    from ..images.recipe import recipe_text
    from ..modelzoo import zoo
    from .recipe_command import command, recipe_in

    recipe = recipe_in(args.picture)
    print_out(recipe_text(recipe))
    try:
        typed = command(recipe, args.picture, zoo.is_name)
        print_out(f"\n# the command that makes it again; put names of your own for the words in capitals\n{typed}")
    except UsageError as error:
        print_out(f"\n# no command makes it again: {printable(str(error))}")
    return 0
