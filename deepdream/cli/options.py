"""Shared by the verbs: adds an option for each setting, and turns parsed arguments into settings and requests.

Nothing here imports NumPy or an engine before a verb runs, so that --help is fast.
"""

import argparse
from typing import TYPE_CHECKING, Any, Callable, Collection, Iterable, Sequence, Tuple

from ..errors import UsageError, shown
from ..keyframes import number_path
from ..settings import DREAM, GROWTH, NET, OBJECTIVE, PICTURE, GrowthSettings
from ..settings_base import KINDS, Self, Settings
from ..storage.streams import print_out
from ..units import byte_size, byte_text, seconds
from .paths import path

if TYPE_CHECKING:
    from ..pipeline.request import Request

Container = argparse._ActionsContainer  # a parser, or an argument group
_METAVARS = {int: "N", float: "N", number_path: "N", byte_size: "SIZE", seconds: "TIME"}
IN_HELP = "the picture; - reads standard input, noise:640x480 is noise"


def value_parser(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """An argparse type for one of settings_base.KINDS. The settings check the range themselves."""

    def parse(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{shown(text)} is not {KINDS[kind]}") from None

    return parse


def list_parser(kind: Callable[[str], Any]) -> Callable[[str], Tuple[Any, ...]]:
    """An argparse type for values separated by commas."""

    def parse(text: str) -> Tuple[Any, ...]:
        return tuple(value_parser(kind)(value.strip()) for value in text.split(",") if value.strip())

    return parse


class Once(argparse.Action):
    """Stores a value that can be given by position or as an option, but not as both."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: Any = None) -> None:
        if values is None:  # the position is not filled: keep the value of the option
            return
        if getattr(namespace, self.dest, None) is not None:
            raise UsageError(f"{self.dest} is given twice, by position and as --{self.dest}: give it once")
        setattr(namespace, self.dest, values)


def add_settings(group: Container, settings: Settings, without: Collection[str] = (), **defaults: str) -> None:
    """Adds an option for each field of a settings dataclass, with its default in the help.

    An option that is not given stays None, so that it differs from a default that is given explicitly.
    without: options to leave out. defaults: {option: description} for defaults that are None.
    """
    for option, field in settings.options().items():
        text, kind = field.metadata["help"], field.metadata["kind"]
        if option in without:
            continue
        flag = option.replace("_", "-")
        if kind is bool:
            group.add_argument(f"--no-{flag}", dest=option, action="store_const", const=False, help=f"do not {text}")
            continue
        default = defaults.get(option, getattr(settings, field.name))
        default = byte_text(default) if default and kind is byte_size else default
        described = text if default is None else f"{text} (default: {default})"
        choices = field.metadata["choices"]  # which the settings check, with a sentence of bounded length
        metavar = f"{{{','.join(choices)}}}" if choices else _METAVARS.get(kind) or flag.upper()
        parse = path if option == "model" else value_parser(kind)
        group.add_argument(f"--{flag}", dest=option, type=parse, metavar=metavar, help=described)


def add_force(group: Container, what: str = "replace OUT even if it is not a dream") -> None:
    """Adds --force. what: the start of its help."""
    group.add_argument("--force", action="store_true", help=f"{what}; an input is never replaced")


def add_growth(group: Container) -> None:
    """Adds --growth and --growth-fps."""
    group.add_argument(
        "--growth",
        metavar="FILM",
        type=path,
        help="show every iteration at full size: a film or an animation, .mp4, .webm, .gif or .webp, or a folder",
    )
    add_settings(group, GROWTH)


def growth_from(args: argparse.Namespace) -> GrowthSettings:
    """The settings of the growth. Raises UsageError for one out of range, or without a growth."""
    if args.growth_fps is not None and not args.growth:
        raise UsageError("--growth-fps is the speed of a growth, and there is none: name it with --growth")
    return settings_from(args, GROWTH)


def add_dream_settings(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """Adds the options of all verbs that dream. without: options that the verb adds in its own form."""
    add_settings(parser.add_argument_group("the dream"), DREAM, without)
    objective = parser.add_argument_group("the objective")
    objective.add_argument("--guide", metavar="PICTURE", type=path, help="dream towards this picture's features")
    objective.add_argument(
        "--mask", metavar="PICTURE", type=path, help="dream only where this picture, as large as IN, is white"
    )
    add_settings(objective, OBJECTIVE, without)
    add_settings(parser.add_argument_group("the net"), NET)
    add_settings(parser.add_argument_group("pictures"), PICTURE)


def settings_from(args: argparse.Namespace, defaults: Self) -> Self:
    """The settings: the defaults, with the given options. Raises UsageError for a value out of range."""
    return defaults.with_options({option: value for option, value in vars(args).items() if value is not None})


def request_from(args: argparse.Namespace) -> "Request":
    """The request from the parsed arguments. Raises UsageError for options that cannot be combined."""
    from ..pipeline.request import Request

    layer = getattr(args, "layer", None)
    for objective in ("channel", "class", "layers"):
        if layer is not None and getattr(args, objective, None) is not None:
            raise UsageError(f"--{objective} names its own layers: leave out the layer {layer}")
    return Request(
        args.source,
        args.target,
        settings_from(args, DREAM),
        settings_from(args, OBJECTIVE),
        settings_from(args, NET),
        settings_from(args, PICTURE),
        args.guide,
        args.mask,
        fit_octaves=getattr(args, "octaves", None) is None,
        force=args.force,
    )


def print_table(rows: Sequence[Iterable[str]]) -> None:
    """Prints rows of text in aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows)
    print_out("\n".join(line.rstrip() for line in lines))
