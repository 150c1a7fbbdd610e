"""dreamify info PICTURE"""

import argparse

from ..storage.streams import print_out

HELP = "print the settings that a picture was dreamt with"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", metavar="PICTURE", help="a picture made by dreamify")


def run(args: argparse.Namespace) -> int:
    """Prints the recipe of a picture or a film."""
    from ..images.recipe import recipe_text
    from ..video.reader import read_recipe

    print_out(recipe_text(read_recipe(args.picture)))
    return 0
