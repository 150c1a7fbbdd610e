"""Dreams of earlier sheets, in the user's cache: a PNG each that carries its recipe.

It is named by the SHA-256 of the recipe and of what computes: another version of this program or of a library, or
another processor, may dream otherwise, and finds nothing here.

Nothing is trusted: what is damaged, or has another recipe than its name says, counts as not there. Nothing depends on
it either: a cache that cannot be written costs no more than the reuse.
"""

import contextlib
import hashlib
import json
import os
import platform
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from ..arrays import Size
from ..errors import DreamError
from ..images import picture
from ..storage import atomic, cache_dir

Recipe = Dict[str, Any]

LIMIT = 500 * 10**6  # bytes
_SOURCES = Path(__file__).parents[1]
_LIBRARIES = ("numpy", "scipy", "pillow", "torch", "numba")  # that have a part in a dream's last bits


class Cells:
    """The dreams that are kept.

    folder: None for the user's cache. limit: bytes; beyond it those that were used the longest ago are removed.
    """

    def __init__(self, folder: Optional[Path] = None, limit: int = LIMIT):
        root = cache_dir.cache_root()
        self.folder = folder or (root and root / "cells")
        self.fault: Optional[str] = None  # why the last dream could not be kept
        self._limit = limit

    def find(self, recipe: Recipe, size: Size) -> Optional[np.ndarray]:
        """(h, w, 3) uint8: the dream of a recipe and of this (height, width), None where it is not there."""
        if self.folder is None:
            return None
        path = str(self._path(recipe))
        try:
            if not os.path.isfile(path):  # noqa: PTH113  # Path.is_file raises PermissionError
                return None
            if picture.read_recipe(path) != _as_read(recipe):
                return None
            pixels = picture.read(path).pixels
        except DreamError:
            return None
        if pixels.shape[:2] != size:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return pixels

    def keep(self, recipe: Recipe, pixels: np.ndarray) -> None:
        """Keeps a dream, (h, w, 3) uint8, if that is possible."""
        if self.folder is None:
            self.fault = "there is no home folder, and so no cache"
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic.clear(self.folder)
            picture.write(str(self._path(recipe)), pixels, recipe)
            self._make_room(self.folder)
        except DreamError as error:
            self.fault = str(error)
        except OSError as error:
            self.fault = f"{self.folder} cannot be used ({error.strerror})"

    def _path(self, recipe: Recipe) -> Path:
        assert self.folder is not None
        text = json.dumps([recipe, _sources(_SOURCES), *_libraries(), *_processor(recipe)], sort_keys=True)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()}.png"

    def _make_room(self, folder: Path) -> None:
        files: List[Tuple[float, int, Path]] = []
        for path in folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # another sheet makes room, too
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        excess = sum(size for _, size, _ in files) - self._limit
        for _, size, path in sorted(files):
            if excess <= 0:
                break
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            excess -= size


def _as_read(recipe: Recipe) -> Recipe:
    """The recipe as it comes back from a file."""
    read: Recipe = json.loads(json.dumps(recipe))
    return read


@lru_cache(maxsize=None)
def _sources(folder: Path) -> str:
    """A checksum of all Python code in a folder; of this package it takes 5 ms."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(f"{path.relative_to(folder).as_posix()} {content}\n".encode())
    return whole.hexdigest()


@lru_cache(maxsize=None)
def _libraries() -> Tuple[str, ...]:
    """Their versions, whether they are loaded or not."""
    found = dict.fromkeys(_LIBRARIES, "")
    for name in found:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return tuple(found.values())


def _processor(recipe: Recipe) -> List[str]:
    """What a recipe's dream is computed on: the instructions that PyTorch uses, and the model of a GPU."""
    found, device = [platform.machine()], str(recipe.get("device"))
    if recipe.get("engine") == "torch":
        import torch

        found.append(torch.backends.cpu.get_cpu_capability())
        if device.startswith("cuda"):
            found.append(torch.cuda.get_device_name(device))
    return found
