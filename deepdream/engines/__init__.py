"""The engines: which of them computes, real Caffe or PyTorch."""

import os
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Optional

from .. import system
from ..errors import DreamError
from . import real_caffe


def is_caffe(engine: str) -> bool:
    """Whether an engine, "auto" too, is real Caffe."""
    return bool(choose_engine(engine).__name__ == f"{__name__}.caffe")


def not_caffe() -> Optional[str]:
    """Why "auto" does not take the module that is called caffe; None where there is none, or it does."""
    if not real_caffe.is_installed():
        return None
    try:
        from . import caffe  # noqa: F401
    except real_caffe.NotCaffe as error:
        return error.why
    return None


def choose_engine(engine: str) -> Any:
    """The module of an engine; "auto" is Caffe where BVLC's can be imported."""
    if engine in ("auto", "caffe"):
        try:
            from . import caffe

            return caffe
        except DreamError:
            if engine == "caffe":
                raise
    if not find_spec("torch"):
        raise DreamError("neither Caffe nor PyTorch is installed: pip install torch (it wants Python 3.10 or later)")
    # Asks PyTorch, which reads it once, for huge pages: a fresh blob in pages of 4 kB takes longer to get than to fill.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    return _torch()


@lru_cache(maxsize=None)
def _torch() -> Any:
    """The engine on PyTorch. Raises DreamError where that cannot be loaded."""
    system.check(system.PYTORCH)
    try:
        from . import torch
    except (ImportError, MemoryError, OSError) as error:
        reason = str(error).strip() or type(error).__name__
        raise DreamError(
            f"PyTorch cannot be loaded ({reason}): give the program more memory, or install PyTorch anew"
        ) from None
    return torch
