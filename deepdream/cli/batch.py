"""dreamify batch IN... OUTDIR"""

import argparse

from ..settings import WORKERS
from .options import add_dream_settings, add_force, add_settings, request_from, settings_from

HELP = "dream many pictures with one recipe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "A dream has the name of its picture, or one in .png where that format cannot be written. The same command,\n"
        "called again, goes on with what is missing."
    )
    parser.add_argument("sources", metavar="IN", nargs="+", help='pictures, folders of them, or patterns: "in/*.jpg"')
    parser.add_argument("folder", metavar="OUTDIR", help="the folder for the dreams")
    group = parser.add_argument_group("the batch")
    add_settings(group, WORKERS, workers="one a core that there is memory for, on a GPU 1")
    add_force(group, "dream anew what is there already, and replace what is there and is no dream")
    add_dream_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Dreams many pictures; returns the exit code."""
    from ..tasks import batch

    args.source, args.target = "", args.folder
    return batch.run(args.sources, request_from(args), settings_from(args, WORKERS))
