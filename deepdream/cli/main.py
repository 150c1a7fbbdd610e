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
from typing import Any, List, NoReturn, Optional

from .. import __version__, system
from ..errors import DreamError, NobodyReads, UsageError, printable
from ..storage import streams
from . import again, batch, dream, info, keys, models, sheet, video, web, zoom

VERBS = {
    "keys": keys,
    "info": info,
    "zoom": zoom,
    "video": video,
    "batch": batch,
    "sheet": sheet,
    "web": web,
    "again": again,
    "models": models,
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse's own says nothing of a standard output that takes nothing."""
        streams.print_out(message.rstrip("\n"))


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
        args = parser_of(verb).parse_intermixed_args(argv if verb == "dream" else argv[1:])
        system.check(system.LIBRARIES)  # before the verb loads them
        return VERBS.get(verb, dream).run(args)
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


def parser_of(verb: str) -> argparse.ArgumentParser:
    """The parser of a verb, or of the plain dream."""
    module = VERBS.get(verb, dream)
    prog = "dreamify" if module is dream else f"dreamify {verb}"
    parser = _Parser(prog=prog, description=module.HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
    if module is dream:
        verbs = "\n".join(f"  {name:8} {module.HELP}" for name, module in VERBS.items())
        parser.epilog = f"verbs (each has its own --help):\n{verbs}"
        parser.add_argument("--version", action="version", version=f"dreamify {__version__}")
    module.add_arguments(parser)
    return parser
