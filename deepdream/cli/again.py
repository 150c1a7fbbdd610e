"""dreamify again DREAM IN OUT"""

import argparse
from dataclasses import replace

from .options import add_force

HELP = "repeat a dream from the settings stored in its picture"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dream", metavar="DREAM", help="a picture made by dreamify, whose settings to use")
    parser.add_argument("source", metavar="IN", help="the picture it was made from")
    parser.add_argument("target", metavar="OUT", help="where the new dream goes")
    parser.add_argument("--guide", metavar="PICTURE", help="the guide it was made with, if there was one")
    parser.add_argument("--mask", metavar="PICTURE", help="the mask it was made with, if there was one")
    parser.add_argument("--model", help="the folder of its model, if it was given by path")
    add_force(parser)


def run(args: argparse.Namespace) -> int:
    """Repeats a dream; returns the exit code."""
    from ..pipeline.request import request_again
    from ..tasks import single
    from ..video.reader import read_recipe

    recipe = read_recipe(args.dream)
    request = request_again(recipe, args.source, args.target, args.guide, args.mask, args.model)
    return single.run(replace(request, repeated=args.dream, force=args.force), recipe)
