"""dreamify batch IN... OUTDIR"""

import argparse
import os

from ..errors import UsageError
from ..settings import WORKERS
from . import words
from .options import add_dream_settings, add_force, add_settings, request_from, settings_from
from .paths import listed, path

HELP = "dream many pictures with one recipe"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "A dream has the name of its picture, but ends in .png if that format cannot be written. Run the same command\n"
        "again to dream only what is missing."
    )
    parser.add_argument(
        "sources",
        metavar="IN",
        nargs="+",
        help='pictures, folders of them, patterns: "in/*.jpg", or @FILE, a list of them: one path a line',
    )
    parser.add_argument("folder", metavar="OUTDIR", type=path, help="the folder for the dreams")
    group = parser.add_argument_group("the batch")
    add_settings(group, WORKERS, workers="one per core, as far as memory allows; 1 on a GPU")
    add_force(group, "dream existing dreams again, and replace files that are not dreams")
    add_dream_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Dreams many pictures; returns the exit code."""
    from ..tasks import batch

    if os.path.isfile(args.folder):  # noqa: PTH113  # Path.is_file raises PermissionError
        right = words.joined(["dreamify", "batch", *args.sources, args.folder, "dreams"])
        raise UsageError(f"{args.folder} is a file, where OUTDIR should be: {right}")
    sources = listed(args.sources)
    args.source, args.target = sources[0], args.folder
    return batch.run(sources, request_from(args), settings_from(args, WORKERS))
