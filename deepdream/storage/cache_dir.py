"""The folder for what can be downloaded or computed again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path | None:
    """The folder in the user's cache for what can be had again; None where the user has no home."""
    try:
        from platformdirs import user_cache_dir
    except ImportError:  # beside an old Caffe, say, with models put there by hand
        folder = Path(os.path.expanduser("~/.cache/dreamify"))  # noqa: PTH111  # Path.expanduser raises RuntimeError
    else:
        try:
            folder = Path(user_cache_dir("dreamify"))
        except RuntimeError:
            return None
    return folder if folder.is_absolute() else None  # ~ is left as it is where nobody knows what it means
