"""dreamify atlas LAYER OUT [OUT]"""

import argparse
from typing import TYPE_CHECKING

from ..errors import UsageError, printable
from ..settings import ATLAS, ATLAS_DREAM, ATLAS_OBJECTIVE, ATLAS_SOURCE, NET, PICTURE, WORKERS
from .options import add_force, add_settings, settings_from
from .paths import path

if TYPE_CHECKING:
    from ..images.recipe import Recipe

HELP = "show what each channel of a layer sees"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Each channel's dream is kept in the user's cache. Run the same command to resume an atlas that was cut short."
    )
    parser.add_argument("layer", metavar="LAYER", help="the layer, by any name that `dreamify keys` knows")
    parser.add_argument(
        "targets",
        metavar="OUT",
        nargs="+",
        type=path,
        help="a page that works offline (.html), or a contact sheet in the format of its extension; or both",
    )
    parser.add_argument(
        "--from",
        dest="source",
        metavar="IN",
        type=path,
        default=ATLAS_SOURCE,
        help=f"what each dream starts from: a picture, or noise of any size (default: {ATLAS_SOURCE})",
    )
    add_settings(parser, ATLAS)
    add_settings(parser.add_argument_group("who dreams"), WORKERS, workers="none, this process dreams")
    add_force(parser, "replace OUT even if it is neither an atlas nor a dream")
    add_settings(parser.add_argument_group("the dreams"), ATLAS_DREAM, without=["layer"])
    add_settings(parser.add_argument_group("the objective"), ATLAS_OBJECTIVE, without=["channel", "class", "layers"])
    add_settings(parser.add_argument_group("the net"), NET)
    add_settings(parser.add_argument_group("pictures"), PICTURE)


def run(args: argparse.Namespace) -> int:
    """Makes an atlas; returns the exit code."""
    from ..modelzoo import zoo
    from ..pipeline.request import Request
    from ..tasks import atlas
    from .recipe_command import command

    request = Request(
        args.source,
        args.targets[0],
        settings_from(args, ATLAS_DREAM),
        settings_from(args, ATLAS_OBJECTIVE),
        settings_from(args, NET),
        settings_from(args, PICTURE),
        fit_octaves=args.octaves is None,
        force=args.force,
    )
    workers, channels = settings_from(args, WORKERS), settings_from(args, ATLAS)

    def command_of(recipe: "Recipe") -> str:
        try:
            return command(recipe, "channel.png", zoo.is_name)
        except UsageError as error:
            return f"# no command makes it again: {printable(str(error))}"

    return atlas.run(request, args.targets, command_of, channels, workers)
