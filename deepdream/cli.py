"""The command line: what can be typed, and how failures are told. No arithmetic, no file formats.

dreamify IN OUT [LAYER [ITERATIONS [OCTAVES [SCALE]]]]     dream, as in 2015
dreamify zoom, video, batch, sheet, web, keys, info, again, models     see each one's --help
"""

import argparse
import atexit
import contextlib
import errno
import gc
import io
import sys
from dataclasses import fields
from typing import Any, Callable, Collection, List, NoReturn, Optional, Tuple

from . import __version__
from .errors import DreamError, NobodyReads, UsageError, printable, shown
from .settings import DREAM, GOAL, KINDS, NET, PICTURE, SHEET, SHEET_SEED, VIDEO, WEB, WORKERS, ZOOM
from .storage import streams
from .units import byte_size, byte_text, seconds

VERBS = {
    "keys": "list the layers to dream on",
    "info": "print the settings that a picture was dreamt with",
    "zoom": "dream a picture again and again, a little closer each time",
    "video": "dream a film, sound and all",
    "batch": "dream many pictures with one recipe",
    "sheet": "dream a picture with several values of a setting, side by side",
    "web": "dream on a page in the browser",
    "again": "repeat a dream from the settings stored in its picture",
    "models": "list the models, or download one",
}


_WAYS_OUT = {
    errno.EMFILE: ": raise the number of files that a program may open, with ulimit -n",
    errno.ENFILE: ": too many files are open on this machine, end other programs",
    errno.ENOSPC: ": make room on the disk",
    errno.EDQUOT: ": make room in what you may store",
    errno.EACCES: ": check its permissions",
    errno.EPERM: ": check its permissions",
    errno.EROFS: ": use another folder",
    errno.ENOMEM: ": set --memory to less, or end other programs",
    errno.EAGAIN: ": raise the number of processes that you may have, with ulimit -u, or set --threads to less",
}
_METAVARS = {int: "N", float: "N", byte_size: "SIZE", seconds: "TIME"}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse's own says nothing of a standard output that takes nothing."""
        streams.print_out(message.rstrip("\n"))


def _parser_of(kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """An argparse type for whole numbers, numbers, sizes or text; whether they are in range the settings say."""

    def parse(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{shown(text)} is not {KINDS[kind]}") from None

    return parse


def _list_of(kind: Callable[[str], Any]) -> Callable[[str], Tuple[Any, ...]]:
    """An argparse type for values with commas between them."""

    def parse(text: str) -> Tuple[Any, ...]:
        return tuple(_parser_of(kind)(value.strip()) for value in text.split(",") if value.strip())

    return parse


def main(argv: Optional[List[str]] = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 failed, 2 wrong use, 130 interrupted, 143 told to end."""
    # Importing PyTorch makes 300,000 objects that stay. Python would look for garbage among them again and again, for a
    # quarter of the time to the first step, and for most of a second as it ends; a dream leaves hardly any.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    streams.reserve()
    if isinstance(sys.stdout, io.TextIOWrapper):  # which cannot show every name of a file in every locale
        sys.stdout.reconfigure(errors="backslashreplace")
    argv = sys.argv[1:] if argv is None else argv
    verb = argv[0] if argv and argv[0] in VERBS else "dream"
    try:
        # Intermixed: IN OUT --seed 1 LAYER is as good as IN OUT LAYER --seed 1.
        args = _parser(verb).parse_intermixed_args(argv if verb == "dream" else argv[1:])
        from . import system

        system.check(system.LIBRARIES)  # before the next line, which loads them
        from . import commands

        code: int = getattr(commands, verb)(args)
        return code
    except NobodyReads as error:
        return error.exit_code
    except DreamError as error:
        return _failed(str(error), error.exit_code)
    except OSError as error:
        what = f"{error.filename} cannot be used" if error.filename else "the system refused what was asked of it"
        return _failed(f"{what} ({error.strerror or error}){_WAYS_OUT.get(error.errno or 0, '')}")
    except MemoryError:
        return _failed("memory has run out: set --memory to less, or shrink the picture with --max-size")
    except KeyboardInterrupt:
        return _failed("interrupted, nothing written", 130)


def _failed(what: str, code: int = 1) -> int:
    """Tells what went wrong, if anybody can be told; returns the exit code."""
    with contextlib.suppress(OSError):
        print(f"dreamify: {printable(what)}", file=sys.stderr, flush=True)
    return code


def _parser(verb: str) -> argparse.ArgumentParser:
    prog = "dreamify" if verb == "dream" else f"dreamify {verb}"
    parser = _Parser(prog=prog, description=VERBS.get(verb), formatter_class=argparse.RawDescriptionHelpFormatter)
    globals()[f"_{verb}_arguments"](parser)
    return parser


def _dream_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Dream a picture as Google's deepdream did in July 2015."
    parser.epilog = "verbs (each has its own --help):\n" + "\n".join(f"  {v:8} {text}" for v, text in VERBS.items())
    parser.add_argument("--version", action="version", version=f"dreamify {__version__}")
    parser.add_argument("source", metavar="IN", help="the picture; - reads standard input, noise:640x480 is noise")
    parser.add_argument(
        "target", metavar="OUT", help="the dream, its format by its extension; - writes PNG to standard output"
    )
    by_option = {field.metadata["option"]: field for field in fields(DREAM)}
    for name in ("layer", "iterations", "octaves", "scale"):
        kind = _parser_of(by_option[name].metadata["kind"])
        parser.add_argument(f"positional_{name}", nargs="?", metavar=name.upper(), type=kind, help=f"like --{name}")
    _add_dream_settings(parser)
    more = parser.add_argument_group("more")
    more.add_argument("--frames", metavar="FOLDER", help="save every iteration there, at its octave's size")
    _add_force(more, "replace OUT even if it is no dream, and the frames of another dream in FOLDER")


def _add_force(group: Any, what: str = "replace OUT even if it is no dream") -> None:
    group.add_argument("--force", action="store_true", help=f"{what}; never what is read")


def _add_dream_settings(parser: argparse.ArgumentParser, without: Collection[str] = ()) -> None:
    """What every verb that dreams takes; `without` are options that the verb has in a form of its own."""
    _add_settings(parser.add_argument_group("the dream"), DREAM, without)
    goal = parser.add_argument_group("what it goes for")
    goal.add_argument("--guide", metavar="PICTURE", help="dream towards this picture's features")
    goal.add_argument("--mask", metavar="PICTURE", help="dream only where this one, as large as IN, is white")
    _add_settings(goal, GOAL, without)
    _add_settings(parser.add_argument_group("the net"), NET)
    _add_settings(parser.add_argument_group("pictures"), PICTURE)


def _add_settings(group: Any, settings: Any, without: Collection[str] = (), **defaults: str) -> None:
    """An option for each field of a settings dataclass, with its real default in the help.

    What is not typed stays None, so that it can be told from a default that is typed. defaults: in words, of options
    that None stands for.
    """
    for field in fields(settings):
        option, text, kind = (field.metadata[key] for key in ("option", "help", "kind"))
        if option in without:
            continue
        flag = option.replace("_", "-")
        if kind is bool:
            group.add_argument(f"--no-{flag}", dest=option, action="store_const", const=False, help=f"do not {text}")
            continue
        default = defaults.get(option, getattr(settings, field.name))
        default = byte_text(default) if default and kind is byte_size else default
        shown = text if default is None else f"{text} (default: {default})"
        choices = field.metadata["choices"] or None
        metavar = None if choices else _METAVARS.get(kind) or flag.upper()
        group.add_argument(
            f"--{flag}", dest=option, type=_parser_of(kind), choices=choices, metavar=metavar, help=shown
        )


def _zoom_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "A zoom that was cut short goes on with the same command, to the same bytes."
    parser.add_argument("source", metavar="IN", help="the picture; - reads standard input, noise:640x480 is noise")
    parser.add_argument(
        "target", metavar="OUT", help="a folder for the frames, or a film or animation: .mp4, .webm, .gif, .webp"
    )
    group = parser.add_argument_group("the zoom")
    _add_settings(group, ZOOM)
    _add_force(group, "begin anew and replace OUT, whatever the file is; in a folder only the frames of a zoom")
    _add_dream_settings(parser)


def _video_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Rate, size, colours and sound stay. Each frame is dreamt from its picture and, as --blend says, from the\n"
        "dream before it; where the scene changes, from its picture alone. What was cut short goes on with the same\n"
        "command, to the same frames. It needs two more packages: pip install av opencv-python-headless"
    )
    parser.add_argument("source", metavar="IN", help="the film, or a folder of numbered pictures")
    parser.add_argument("target", metavar="OUT", help="a film, .mp4, .webm or .gif, or a folder for the frames")
    group = parser.add_argument_group("the film")
    _add_settings(group, VIDEO)
    _add_settings(group, WORKERS, workers="none, this program dreams; others want --blend 0")
    _add_force(group, "begin anew and replace OUT, whatever the file is; in a folder only the frames of a film")
    _add_dream_settings(parser)


def _batch_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "A dream has the name of its picture, or one in .png where that format cannot be written. The same command,\n"
        "called again, goes on with what is missing."
    )
    parser.add_argument("sources", metavar="IN", nargs="+", help='pictures, folders of them, or patterns: "in/*.jpg"')
    parser.add_argument("folder", metavar="OUTDIR", help="the folder for the dreams")
    group = parser.add_argument_group("the batch")
    _add_settings(group, WORKERS, workers="one a core that there is memory for, on a GPU 1")
    _add_force(group, "dream anew what is there already, and replace what is there and is no dream")
    _add_dream_settings(parser)


def _sheet_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "Each is the dream that it would be alone, and is kept in the user's cache: a sheet that was cut short goes\n"
        "on with the same command, and one with more values dreams only what is new. On one octave (--octaves 1) all\n"
        "iterations are one dream; on more, each number is a dream of its own."
    )
    parser.add_argument("source", metavar="IN", help="the picture; - reads standard input, noise:640x480 is noise")
    parser.add_argument(
        "target", metavar="OUT", help="the sheet, its format by its extension, or an animation: .gif; - writes PNG"
    )
    group = parser.add_argument_group("one or two of these with several values, such as --iterations 5,10,20")
    for option, name in SHEET.items():
        field = DREAM.__dataclass_fields__[name]
        text, kind = field.metadata["help"], field.metadata["kind"]
        if option == "layers":
            text = "the layers to dream on; all shows every one"
        elif option == "seeds":
            text = "of the shifts"
        default = SHEET_SEED if option == "seeds" else field.default
        metavar = "LAYER,LAYER" if kind is str else "N,N"
        group.add_argument(f"--{option}", type=_list_of(kind), metavar=metavar, help=f"{text} (default: {default})")
    _add_settings(parser.add_argument_group("who dreams"), WORKERS, workers="none, this program dreams")
    _add_force(parser)
    _add_dream_settings(
        parser, without=[*SHEET, *(DREAM.__dataclass_fields__[n].metadata["option"] for n in SHEET.values())]
    )


def _web_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "The page has all that it needs from this machine alone. Ctrl-C ends it, and nothing stays behind.\n"
        "It needs another package: pip install gradio"
    )
    group = parser.add_argument_group("the page")
    _add_settings(group, WEB, without=["allow_host"])
    allow_host = WEB.__dataclass_fields__["allow_host"].metadata
    group.add_argument("--allow-host", action="append", metavar="NAME", help=allow_host["help"])
    _add_settings(parser.add_argument_group("the net"), NET)


def _keys_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default=NET.model, help=f"a name or a folder (default: {NET.model})")


def _info_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("picture", metavar="PICTURE", help="a picture made by dreamify")


def _again_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("dream", metavar="DREAM", help="a picture made by dreamify, whose settings are used")
    parser.add_argument("source", metavar="IN", help="the picture it was made from")
    parser.add_argument("target", metavar="OUT", help="where the new dream goes")
    parser.add_argument("--guide", metavar="PICTURE", help="the guide it was made with, if there was one")
    parser.add_argument("--mask", metavar="PICTURE", help="the mask it was made with, if there was one")
    parser.add_argument("--model", help="the folder of its model, where that was given by path")
    _add_force(parser)


def _models_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("fetch",), help="download a model and verify it")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the model to fetch")
