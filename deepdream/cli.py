"""The command line: what can be typed, and how failures are told. No arithmetic, no file formats.

dreamify IN OUT [LAYER [ITERATIONS [OCTAVES [SCALE]]]]     dream, as in 2015
dreamify keys | info | again | models                      see each one's --help
"""

import argparse
import math
import sys
from dataclasses import fields
from typing import Any, Callable, List, NoReturn, Optional

from . import __version__
from .errors import DreamError, UsageError
from .settings import DREAM, NET

VERBS = {
    "keys": "list the layers to dream on",
    "info": "print the settings that a picture was dreamt with",
    "again": "repeat a dream from the settings stored in its picture",
    "models": "list the models, or download one",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def _number(kind: type, test: Callable[[Any], bool], what: str) -> Callable[[str], Any]:
    """An argparse type: a number that passes a test."""

    def parse(text: str) -> Any:
        try:
            value = kind(text)
        except ValueError:
            value = None
        if value is None or not math.isfinite(value) or not test(value):
            raise argparse.ArgumentTypeError(f"{text!r} is not {what}")
        return value

    return parse


_TYPES = {
    "iterations": _number(int, lambda n: n >= 0, "a whole number, 0 or more"),
    "octaves": _number(int, lambda n: n >= 1, "a whole number, 1 or more"),
    "scale": _number(float, lambda x: x > 1, "a number above 1"),
    "step": _number(float, lambda x: x > 0, "a number above 0"),
    "jitter": _number(int, lambda n: n >= 0, "a whole number, 0 or more"),
    "seed": _number(int, lambda n: 0 <= n < 2**32, "a whole number from 0 to 4294967295"),
    "threads": _number(int, lambda n: n >= 1, "a whole number, 1 or more"),
    "max_size": _number(int, lambda n: n >= 1, "a whole number of pixels, 1 or more"),
}
_CHOICES = {"engine": ("auto", "caffe", "torch"), "precision": ("float32", "float64")}


def main(argv: Optional[List[str]] = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 failed, 2 wrong use, 130 interrupted."""
    argv = sys.argv[1:] if argv is None else argv
    verb = argv[0] if argv and argv[0] in VERBS else "dream"
    try:
        args = _parser(verb).parse_args(argv if verb == "dream" else argv[1:])
        from . import commands

        return getattr(commands, verb)(args)
    except DreamError as error:
        print(f"dreamify: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:  # the reader of our output has seen enough
        sys.stdout = None
        return 0
    except KeyboardInterrupt:
        print("dreamify: interrupted, nothing written", file=sys.stderr)
        return 130


def _parser(verb: str) -> argparse.ArgumentParser:
    prog = "dreamify" if verb == "dream" else f"dreamify {verb}"
    parser = _Parser(prog=prog, description=VERBS.get(verb), formatter_class=argparse.RawDescriptionHelpFormatter)
    globals()[f"_{verb}_arguments"](parser)
    return parser


def _dream_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Dream a picture as Google's deepdream did in July 2015."
    parser.epilog = "verbs (each has its own --help):\n" + "\n".join(f"  {v:8} {text}" for v, text in VERBS.items())
    parser.add_argument("--version", action="version", version=f"dreamify {__version__}")
    parser.add_argument("source", metavar="IN", help="the picture; - reads standard input")
    parser.add_argument(
        "target", metavar="OUT", help="the dream, its format by its extension; - writes PNG to standard output"
    )
    for name in ("layer", "iterations", "octaves", "scale"):
        parser.add_argument(
            f"positional_{name}", nargs="?", metavar=name.upper(), type=_TYPES.get(name, str), help=f"like --{name}"
        )
    for group, settings in (("the dream", DREAM), ("the net", NET)):
        _add_settings(parser.add_argument_group(group), settings)
    more = parser.add_argument_group("more")
    more.add_argument("--guide", metavar="PICTURE", help="dream towards this picture's features instead")
    more.add_argument(
        "--seed", type=_TYPES["seed"], metavar="N", help="of the random shifts (default: drawn and printed)"
    )
    more.add_argument(
        "--max-size", type=_TYPES["max_size"], metavar="PX", help="shrink larger pictures to this longest side"
    )
    more.add_argument("--frames", metavar="FOLDER", help="save every iteration there, at its octave's size")


def _add_settings(group: Any, settings: Any) -> None:
    """An option for each field of a settings dataclass, with its real default in the help."""
    for field in fields(settings):
        option, text = field.metadata["option"], field.metadata["help"]
        value = getattr(settings, field.name)
        if isinstance(value, bool):
            group.add_argument(f"--no-{option}", dest=option, action="store_false", default=None, help=f"do not {text}")
        elif option in _CHOICES:
            group.add_argument(f"--{option}", choices=_CHOICES[option], help=f"{text} (default: {value})")
        else:
            shown = text if value is None else f"{text} (default: {value})"
            group.add_argument(f"--{option}", type=_TYPES.get(option, str), metavar=_metavar(option), help=shown)


def _metavar(option: str) -> str:
    return "N" if option in _TYPES else option.upper()


def _keys_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=NET.model, help=f"a name or a folder (default: {NET.model})")


def _info_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", metavar="PICTURE", help="a picture made by dreamify")


def _again_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dream", metavar="DREAM", help="a picture made by dreamify, whose settings are used")
    parser.add_argument("source", metavar="IN", help="the picture it was made from")
    parser.add_argument("target", metavar="OUT", help="where the new dream goes")
    parser.add_argument("--guide", metavar="PICTURE", help="the guide it was made with, if there was one")
    parser.add_argument("--model", help="the folder of its model, where that was given by path")


def _models_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("fetch",), help="download a model and verify it")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the model to fetch")
