"""Parses the command line, runs the verb and reports failures.

dreamify IN OUT [LAYER [ITERATIONS [OCTAVES [SCALE]]]]     dream, as in 2015
dreamify zoom, video, batch, sheet, web, html, keys, info, again, models     each has its own --help
"""

import argparse
import atexit
import contextlib
import errno
import gc
import io
import sys
from typing import Any, List, NoReturn, Optional

from .. import __version__, system
from ..errors import DreamError, NobodyReads, UsageError, printable
from ..storage import streams
from . import again, batch, dream, html, info, keys, models, sheet, video, web, zoom

VERBS = {
    "keys": keys,
    "info": info,
    "zoom": zoom,
    "video": video,
    "batch": batch,
    "sheet": sheet,
    "web": web,
    "html": html,
    "again": again,
    "models": models,
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
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Prints, and fails if standard output cannot be written; argparse would ignore that."""
        streams.print_out(message.rstrip("\n"))


def main(argv: Optional[List[str]] = None) -> int:
    """Runs one command; returns its exit code: 0 done, 1 failed, 2 usage error, 130 interrupted, 143 terminated."""
    # Importing PyTorch creates 300,000 permanent objects. Scanning them for garbage over and over would take a quarter
    # of the time to the first step, and most of a second at exit; a dream creates hardly any garbage.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    streams.reserve()
    if isinstance(sys.stdout, io.TextIOWrapper):  # some locales cannot show every file name
        sys.stdout.reconfigure(errors="backslashreplace")
    argv = sys.argv[1:] if argv is None else argv
    verb = argv[0] if argv and argv[0] in VERBS else "dream"
    try:
        # Intermixed: IN OUT --seed 1 LAYER is the same as IN OUT LAYER --seed 1.
        args = parser_of(verb).parse_intermixed_args(argv if verb == "dream" else argv[1:])
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


def _failed(what: str, code: int = 1) -> int:
    """Reports the error on standard error, if possible; returns the exit code."""
    with contextlib.suppress(OSError):
        print(f"dreamify: {printable(what)}", file=sys.stderr, flush=True)
    return code


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The argument parser of a verb, or of the plain dream."""
    module = VERBS.get(verb, dream)
    prog = "dreamify" if module is dream else f"dreamify {verb}"
    parser = _Parser(prog=prog, description=module.HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    if module is dream:
        verbs = "\n".join(f"  {name:8} {module.HELP}" for name, module in VERBS.items())
        parser.epilog = f"verbs (each has its own --help):\n{verbs}"
        parser.add_argument("--version", action="version", version=f"dreamify {__version__}")
    module.add_arguments(parser)
    return parser
