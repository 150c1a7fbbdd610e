"""The few calls in which NumPy arrays (a net on the CPU) and torch tensors (one on a GPU) differ."""

import sys
from typing import Any, Tuple

import numpy as np


def roll(x: Any, shifts: Tuple[int, int]) -> Any:
    """x shifted around its last two axes by (vertical, horizontal) pixels."""
    return (np if isinstance(x, np.ndarray) else sys.modules["torch"]).roll(x, shifts, (-2, -1))


def zeros_like(x: Any) -> Any:
    """Zeros of the shape, type and device of x."""
    return (np if isinstance(x, np.ndarray) else sys.modules["torch"]).zeros_like(x)


def where(choice: Any, x: Any, y: Any) -> Any:
    """x where choice is true, else y."""
    return (np if isinstance(x, np.ndarray) else sys.modules["torch"]).where(choice, x, y)


def like(array: np.ndarray, x: Any) -> Any:
    """A NumPy array as what x is: itself, or a tensor on the device of x."""
    return array if isinstance(x, np.ndarray) else x.new_tensor(array)


def to_numpy(x: Any) -> np.ndarray:
    """The numbers of x as an array, which may share its memory."""
    return x if isinstance(x, np.ndarray) else x.cpu().numpy()
