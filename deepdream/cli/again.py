"""dreamify again DREAM IN OUT"""

import argparse
from dataclasses import replace

from .options import add_force, add_growth, growth_from
from .paths import out_for, path

HELP = "repeat a dream from the settings stored in its picture, or finish one that was stopped"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dream", metavar="DREAM", type=path, help="a picture made by dreamify, whose settings to use")
    parser.add_argument("source", metavar="IN", type=path, help="the picture it was made from")
    parser.add_argument(
        "target", metavar="OUT", type=path, help="where the new dream goes; a folder takes the name of IN"
    )
    parser.add_argument("--guide", metavar="PICTURE", type=path, help="the guide it was made with, if there was one")
    parser.add_argument("--mask", metavar="PICTURE", type=path, help="the mask it was made with, if there was one")
    parser.add_argument("--model", type=path, help="the folder of its model, if it was given by path")
    add_growth(parser)
    add_force(parser)


def run(args: argparse.Namespace) -> int:
    """Repeats a dream; returns the exit code."""
    from ..console import say
    from ..images.recipe import PROGRESS
    from ..pipeline.request import request_again
    from ..tasks import single
    from .recipe_command import recipe_in

    recipe = recipe_in(args.dream)
    target, is_chosen = out_for(args.source, args.target)
    request = request_again(recipe, args.source, target, args.guide, args.mask, args.model)
    if PROGRESS in recipe:
        say(f"that dream was stopped at {recipe[PROGRESS]}: this one is dreamt from the start to the end")
    request = replace(request, repeated=args.dream, growth=args.growth, force=args.force, is_target_chosen=is_chosen)
    return single.run(request, recipe, growth_from(args))
