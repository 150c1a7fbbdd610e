"""dreamify web"""

import argparse

from ..settings import NET, WEB
from .options import add_settings, settings_from

HELP = "dream on a page in the browser"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The page loads nothing from other machines. Ctrl-C ends it and leaves no files behind.\n"
        "Requires another package: pip install gradio"
    )
    group = parser.add_argument_group("the page")
    add_settings(group, WEB, without=["allow_host"])
    allow_host = WEB.__dataclass_fields__["allow_host"].metadata
    group.add_argument("--allow-host", action="append", metavar="NAME", help=allow_host["help"])
    add_settings(parser.add_argument_group("the net"), NET)


def run(args: argparse.Namespace) -> int:
    """Serves the page until Ctrl-C; returns the exit code."""
    from ..web import server

    if args.allow_host:
        args.allow_host = ",".join(args.allow_host)
    return server.run(settings_from(args, WEB), settings_from(args, NET))
