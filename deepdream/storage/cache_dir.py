"""The cache folder, for files that can be downloaded or computed again."""

from __future__ import annotations

import os
from pathlib import Path


def cache_root() -> Path | None:
    """Returns the dreamify folder in the user cache, or None if the user has no home folder."""
    try:
        from platformdirs import user_cache_dir
    except ImportError:  # such as with an old Caffe and models stored by hand
        folder = Path(os.path.expanduser("~/.cache/dreamify"))  # noqa: PTH111  # Path.expanduser raises RuntimeError
    else:
        try:
            folder = Path(user_cache_dir("dreamify"))
        except RuntimeError:
            return None
    return folder if folder.is_absolute() else None  # ~ is not expanded if there is no home folder
