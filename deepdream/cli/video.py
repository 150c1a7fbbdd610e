"""dreamify video IN OUT"""

import argparse

from ..settings import VIDEO, WORKERS
from .options import add_dream_settings, add_force, add_settings, request_from, settings_from

HELP = "dream a film, sound and all"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Rate, size, colours and sound stay. Each frame is dreamt from its picture and, as --blend says, from the\n"
        "dream before it; where the scene changes, from its picture alone. What was cut short goes on with the same\n"
        "command, to the same frames. It needs two more packages: pip install av opencv-python-headless"
    )
    parser.add_argument("source", metavar="IN", help="the film, or a folder of numbered pictures")
    parser.add_argument("target", metavar="OUT", help="a film, .mp4, .webm or .gif, or a folder for the frames")
    group = parser.add_argument_group("the film")
    add_settings(group, VIDEO)
    add_settings(group, WORKERS, workers="none, this program dreams; others want --blend 0")
    add_force(group, "begin anew and replace OUT, whatever the file is; in a folder only the frames of a film")
    add_dream_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Dreams a film; returns the exit code."""
    from ..tasks import film

    return film.run(request_from(args), settings_from(args, VIDEO), settings_from(args, WORKERS))
