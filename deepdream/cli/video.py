"""dreamify video IN OUT"""

import argparse

from ..settings import VIDEO, WORKERS
from .options import add_dream_settings, add_force, add_settings, request_from, settings_from
from .paths import path

HELP = "dream a film, sound and all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Frame rate, size, colours and sound are kept. Each frame is dreamt from its picture, blended with the dream\n"
        "before it (--blend); after a scene change, from its picture alone. Run the same command to resume a film\n"
        "that was cut short; the frames are the same. Requires two more packages: pip install av opencv-python-headless"
    )
    parser.add_argument("source", metavar="IN", type=path, help="the film, or a folder of numbered pictures")
    parser.add_argument(
        "target", metavar="OUT", type=path, help="a film, .mp4, .webm or .gif, or a folder for the frames"
    )
    group = parser.add_argument_group("the film")
    add_settings(group, VIDEO)
    add_settings(group, WORKERS, workers="none, this process dreams; workers require --blend 0")
    add_force(group, "start over and replace OUT, whatever the file is; in a folder, only the frames of a film")
    add_dream_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Dreams a film; returns the exit code."""
    from ..tasks import film

    return film.run(request_from(args), settings_from(args, VIDEO), settings_from(args, WORKERS))
