"""What makes the command's own process start and end sooner. Programs that use the library are left alone."""

import atexit
import contextlib
import os
import re
import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from .main import main

# A quarter of PyTorch's import goes into these, which only its compiler and its exporter use. Only in the releases
# where this has been tried: the order in which its parts are imported matters.
_UNUSED = ("torch._meta_registrations", "torch.export")
_TRIED = ("2.13.", "2.14.")


class _WhenUsed(ModuleType):
    """Stands for a module that is imported for real if anything of it is used."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":  # which the import of a part of it asks for
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


def command() -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    if _release_of_torch().startswith(_TRIED):
        for name in _UNUSED:
            sys.modules.setdefault(name, _WhenUsed(name))
    leave(main())


def _release_of_torch() -> str:
    """The version of the PyTorch that would be imported; "" if it cannot be told."""
    with contextlib.suppress(OSError, ValueError, UnicodeDecodeError):
        found = find_spec("torch")
        if found and found.origin:
            text = Path(found.origin).with_name("version.py").read_text(encoding="utf-8")
            version = re.search(r"^__version__ = '([^']*)'", text, re.MULTILINE)
            return version[1] if version else ""
    return ""


def leave(code: int) -> NoReturn:
    """Ends the process as sys.exit does, but does not free its memory object by object first."""
    shutdown = getattr(threading, "_shutdown", None)  # waits for threads and their pools
    run_handlers = getattr(atexit, "_run_exitfuncs", None)
    if not shutdown or not run_handlers:
        sys.exit(code)
    shutdown()
    run_handlers()
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):
        sys.exit(code)  # reports it
    os._exit(code)
