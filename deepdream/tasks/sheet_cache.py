"""Caches the dreams of earlier sheets in the user's cache folder, each as a PNG that carries its recipe.

A file is named by the SHA-256 of the recipe and of everything that computes it: another version of this program or of a
library, or another processor, may give a different dream, and so does not find it.

The cache is not trusted: a file that is damaged or holds another recipe than its name says counts as missing. It is
also optional: if it cannot be written, dreams are just not reused.
"""

import contextlib
import hashlib
import json
import os
import platform
from functools import lru_cache
from pathlib import Path
from typing import List, Optional, Tuple

import numpy as np

from ..arrays import Size
from ..compat import metadata
from ..errors import DreamError
from ..images import picture
from ..images.recipe import Recipe
from ..storage import atomic, cache_dir

LIMIT = 500 * 10**6  # bytes
_SOURCES = Path(__file__).parents[1]
_LIBRARIES = ("numpy", "scipy", "pillow", "torch", "numba")  # that affect the last bits of a dream


class Cells:
    """The cached dreams.

    folder: None for the user's cache. limit: bytes; beyond it, the least recently used dreams are removed.
    """

    def __init__(self, folder: Optional[Path] = None, limit: int = LIMIT):
        root = cache_dir.cache_root()
        self.folder = folder or (root and root / "cells")
        self.fault: Optional[str] = None  # why the last dream could not be saved
        self._limit = limit

    def find(self, recipe: Recipe, size: Size) -> Optional[np.ndarray]:
        """The dream of a recipe at this (height, width), as (h, w, 3) uint8; None if it is not cached."""
        if self.folder is None:
            return None
        path = str(self._path(recipe))
        try:
            if not os.path.isfile(path):  # noqa: PTH113  # Path.is_file raises PermissionError
                return None
            if picture.read_recipe(path) != recipe:
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
        """Saves a dream, (h, w, 3) uint8, if possible; otherwise sets `fault`."""
        if self.folder is None:
            self.fault = "there is no home folder, so there is no cache"
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            atomic.remove_stale(self.folder)
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
            with contextlib.suppress(FileNotFoundError):  # another sheet may be removing files, too
                status = path.stat()
                files.append((status.st_mtime, status.st_size, path))
        excess = sum(size for _, size, _ in files) - self._limit
        for _, size, path in sorted(files):
            if excess <= 0:
                break
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            excess -= size


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
    """The versions of the libraries, whether they are loaded or not."""
    found = dict.fromkeys(_LIBRARIES, "")
    for name in found:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return tuple(found.values())


def _processor(recipe: Recipe) -> List[str]:
    """Identifies the processor of a dream: the instruction set that PyTorch uses, and the GPU model."""
    found, device = [platform.machine()], str(recipe.get("device"))
    if recipe.get("engine") == "torch":
        import torch

        found.append(torch.backends.cpu.get_cpu_capability())
        if device.startswith("cuda"):
            found.append(torch.cuda.get_device_name(device))
    return found
