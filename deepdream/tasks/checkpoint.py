"""The state of a sequence of dreams between two frames, and the file that holds it."""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

from ..images.recipe import Recipe


@dataclass(frozen=True)
class Checkpoint:
    """The state of a sequence between two frames.

    done: number of frames written. dream: the last of them, (h, w, 3) float32, RGB; before the first, the source
    picture. Of a growth, it is what the net's input holds, (3, h, w) float32 or float64.
    """

    done: int
    dream: np.ndarray
    recipe: Recipe


def load(path: Path) -> Optional[Checkpoint]:
    """Reads a checkpoint; None if the file is damaged or something else."""
    try:
        if not path.is_file():  # a pipe, for example, would block
            return None
        if not zipfile.is_zipfile(str(path)):  # old NumPy would print a warning for this
            return None
        with np.load(str(path), allow_pickle=False) as stored:
            state = Checkpoint(int(stored["done"]), stored["dream"], json.loads(str(stored["recipe"])))
    except Exception:  # NumPy, zipfile and json raise many kinds for foreign bytes
        return None
    is_sound = (
        state.dream.dtype in (np.float32, np.float64) and state.dream.ndim == 3 and isinstance(state.recipe, dict)
    )
    return state if is_sound else None


def save(path: Path, state: Checkpoint) -> None:
    """Writes a checkpoint. Raises OSError if that fails."""
    with path.open("wb") as file:  # given a name, NumPy would append its own extension
        np.savez(file, done=state.done, dream=state.dream, recipe=json.dumps(state.recipe))
