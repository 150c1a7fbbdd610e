"""Chooses the engine that runs the net: real Caffe or PyTorch."""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from .. import system
from ..errors import DreamError
from . import real_caffe

if TYPE_CHECKING:
    from .interface import Engine

# A thread that waits for another one's import of a module gets an ImportError if that fails, whatever the reason was.
_importing = threading.Lock()


def is_caffe(engine: str) -> bool:
    """Whether an engine (possibly "auto") means real Caffe."""
    return bool(choose_engine(engine).__name__ == f"{__name__}.caffe")


def not_caffe() -> str | None:
    """Why "auto" does not use the installed module caffe. None if it does, or if there is no such module."""
    if not real_caffe.is_installed():
        return None
    try:
        _caffe()
    except real_caffe.NotCaffe as error:
        return error.why
    return None


# How long a thread of GCC's OpenMP, which PyTorch for Linux uses, waits awake for the next part of a pass: a quarter of
# a millisecond. By default it is 7 ms. Where other programs run, the thread that is waited for has often lost its core,
# and the one that waits awake takes more of the time from it.
SPINS = 10_000
_WAITING = {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"}  # where the user has set one of them, it stays


def choose_engine(engine: str) -> Engine:
    """Returns the module of an engine. "auto" means Caffe if BVLC Caffe can be imported, else PyTorch."""
    if engine in ("auto", "caffe"):
        try:
            return _caffe()
        except DreamError:
            if engine == "caffe":
                raise
    if not find_spec("torch"):
        raise DreamError("neither Caffe nor PyTorch is installed: pip install torch (requires Python 3.10 or later)")
    # Requests huge pages; PyTorch reads this once. With 4 kB pages, allocating a new blob takes longer than filling it.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    if not _WAITING & set(os.environ):
        os.environ["GOMP_SPINCOUNT"] = str(SPINS)
    return _torch()


def _caffe() -> Engine:
    """Returns the engine on real Caffe. Raises NotCaffe if there is none."""
    with _importing:
        from . import caffe

        return caffe


@lru_cache(maxsize=None)
def _torch() -> Engine:
    """Returns the PyTorch engine. Raises DreamError if PyTorch cannot be loaded."""
    system.check(system.PYTORCH)
    try:
        from . import torch
    except (ImportError, MemoryError, OSError) as error:
        reason = str(error).strip() or type(error).__name__
        raise DreamError(
            f"PyTorch cannot be loaded ({reason}): give the program more memory, or reinstall PyTorch"
        ) from None
    return torch
