"""Parses the command line, runs the verb and reports failures.

dreamify IN OUT [LAYER [ITERATIONS [OCTAVES [SCALE]]]]     dream, as in 2015
dreamify zoom, video, batch, sheet, web, html, keys, info, again, models, run     each has its own --help
dreamify help [VERB]                                       the same
"""

import argparse
import atexit
import contextlib
import errno
import gc
import io
import sys
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from .. import __version__, system
from ..errors import DreamError, NobodyReads, UsageError, printable
from ..storage import streams
from . import again, atlas, batch, dream, html, info, keys, models, run, sheet, video, web, words, zoom

VERBS = {
    "keys": keys,
    "info": info,
    "zoom": zoom,
    "video": video,
    "batch": batch,
    "sheet": sheet,
    "atlas": atlas,
    "web": web,
    "html": html,
    "again": again,
    "models": models,
    "run": run,
}

_WAYS_OUT = {
    errno.EMFILE: ": raise the limit on open files with ulimit -n",
    errno.ENFILE: ": too many files are open on this machine, close other programs",
    errno.ENOSPC: ": free space on the disk",
    errno.EDQUOT: ": free space in your disk quota",
    errno.EACCES: ": check its permissions",
    errno.EPERM: ": check its permissions",
    errno.EROFS: ": use another folder",
    errno.ENOMEM: ": lower --memory, or close other programs",
    errno.EAGAIN: ": raise the limit on processes with ulimit -u, or lower --threads",
}


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one sentence, with what to type instead."""

    verb = "dream"

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{words.explained(message, self.verb, _parsers)} (see {self.prog} --help)")

    def options(self) -> List[str]:
        return list(self._option_string_actions)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Prints, and fails if standard output cannot be written; argparse would ignore that."""
        streams.print_out(message.rstrip("\n"))


def main(argv: Optional[List[str]] = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 failed, 2 usage error, 130 interrupted, 143 terminated."""
    # Importing PyTorch creates 300,000 permanent objects. Scanning them for garbage over and over would take a quarter
    # of the time to the first step, and most of a second at exit; a dream creates hardly any garbage.
    gc.set_threshold(400_000)
    atexit.register(gc.freeze)
    streams.reserve()
    if isinstance(sys.stdout, io.TextIOWrapper):  # some locales cannot show every file name
        sys.stdout.reconfigure(errors="backslashreplace")
    argv = sys.argv[1:] if argv is None else argv
    try:
        if not argv:
            return _short_usage()
        verb, typed = _verb(argv)
        if verb == "help":
            return _help(typed)
        if verb == "run" and typed and typed[0] not in ("-h", "--help"):
            args = argparse.Namespace(program=typed)  # in Python's words
        else:  # intermixed: IN OUT --seed 1 LAYER is the same as IN OUT LAYER --seed 1
            args = parser_of(verb).parse_intermixed_args(typed)
        system.check(system.LIBRARIES)  # before the verb loads them
        return VERBS.get(verb, dream).run(args)
    except NobodyReads as error:
        return error.exit_code
    except DreamError as error:
        return _failed(str(error), error.exit_code)
    except OSError as error:
        what = f"{error.filename} cannot be used" if error.filename else "the operating system refused a request"
        return _failed(f"{what} ({error.strerror or error}){_WAYS_OUT.get(error.errno or 0, '')}")
    except MemoryError:
        return _failed("memory has run out: lower --memory, or shrink the picture with --max-size")
    except KeyboardInterrupt:
        return _failed("interrupted, nothing written", 130)


def _short_usage() -> int:
    """Prints how to begin. The exit code is that of a wrong command line: a script may have lost its arguments."""
    with contextlib.suppress(OSError):
        print(words.USAGE, end="", file=sys.stderr, flush=True)
    return 2


def _verb(argv: List[str]) -> Tuple[str, List[str]]:
    """The verb, dream if none is named, and the words after it. Raises UsageError for words in the wrong place."""
    if argv[0] != "run":
        words.check_marks(argv, lambda: [option for parser in _parsers().values() for option in parser.options()])
    first, helps = argv[0], {verb: module.HELP for verb, module in VERBS.items()}
    if first in VERBS or (first == "help" and not words.exists(first)):
        if first in VERBS and argv[1:] == ["help"] and not words.exists("help"):
            raise UsageError(f"help comes first: dreamify help {first}")
        return first, argv[1:]
    words.check_first(first, len(argv) == 1, helps)
    words.check_verb_comes_first(argv, parser_of("dream"), {**helps, "help": ""})
    return "dream", argv


def _help(named: List[str]) -> int:
    """dreamify help [VERB]: the same as --help."""
    wanted = [name for name in named if name not in ("-h", "--help")]
    if len(wanted) > 1:
        raise UsageError("help explains one verb: dreamify help VERB")
    verb = wanted[0] if wanted else "dream"
    if verb == "help":
        verb = "dream"
    if verb not in VERBS and verb != "dream":
        words.check_first(verb, False, {name: module.HELP for name, module in VERBS.items()})
        raise words.no_such_verb(verb)
    parser_of(verb).print_help()
    return 0


def _parsers() -> Dict[str, "_Parser"]:
    return {verb: parser_of(verb) for verb in ("dream", *VERBS)}


def _failed(what: str, code: int = 1) -> int:
    """Reports the error on standard error, if possible; returns the exit code."""
    with contextlib.suppress(OSError):
        print(f"dreamify: {printable(what)}", file=sys.stderr, flush=True)
    return code


def parser_of(verb: str) -> _Parser:
    """The argument parser of a verb, or of the plain dream."""
    module = VERBS.get(verb, dream)
    prog = "dreamify" if module is dream else f"dreamify {verb}"
    parser = _Parser(prog=prog, description=module.HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.verb = verb
    if module is dream:
        verbs = "\n".join(f"  {name:8} {module.HELP}" for name, module in VERBS.items())
        parser.epilog = f"verbs (dreamify help VERB explains each):\n{verbs}"
        parser.add_argument("--version", action="version", version=f"dreamify {__version__}")
    module.add_arguments(parser)
    return parser
