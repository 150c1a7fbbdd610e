"""dreamify batch IN... OUTDIR"""

import argparse

from ..settings import WORKERS
from .options import add_dream_settings, add_force, add_settings, request_from, settings_from

HELP = "dream many pictures with one recipe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "A dream has the name of its picture, but ends in .png if that format cannot be written. Run the same command\n"
        "again to dream only what is missing."
    )
    parser.add_argument("sources", metavar="IN", nargs="+", help='pictures, folders of them, or patterns: "in/*.jpg"')
    parser.add_argument("folder", metavar="OUTDIR", help="the folder for the dreams")
    group = parser.add_argument_group("the batch")
    add_settings(group, WORKERS, workers="one per core, as far as memory allows; 1 on a GPU")
    add_force(group, "dream existing dreams again, and replace files that are not dreams")
    add_dream_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Dreams many pictures; returns the exit code."""
    from ..tasks import batch

    args.source, args.target = args.sources[0], args.folder
    return batch.run(args.sources, request_from(args), settings_from(args, WORKERS))
