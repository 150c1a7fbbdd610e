"""dreamify zoom IN OUT"""

import argparse

from ..settings import ZOOM
from .options import IN_HELP, add_dream_settings, add_force, add_settings, request_from, settings_from
from .paths import path

HELP = "dream a picture again and again, a little closer each time"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "Run the same command to resume a zoom that was cut short; the result is the same, byte for byte."
    parser.add_argument("source", metavar="IN", type=path, help=IN_HELP)
    parser.add_argument(
        "target",
        metavar="OUT",
        type=path,
        help="a folder for the frames, or a film or animation: .mp4, .webm, .gif, .webp",
    )
    group = parser.add_argument_group("the zoom")
    add_settings(group, ZOOM)
    add_force(group, "start over and replace OUT, whatever the file is; in a folder, only the frames of a zoom")
    add_dream_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Makes a zoom; returns the exit code."""
    from ..tasks import zoom

    return zoom.run(request_from(args), settings_from(args, ZOOM))
