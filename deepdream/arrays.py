"""Checks for picture arrays, and the few calls that differ between NumPy arrays (CPU nets) and torch tensors (GPU)."""

import sys
from typing import Any, Tuple

import numpy as np

from .errors import UsageError

Size = Tuple[int, int]  # height, width

_MOST = np.finfo(np.float32).max  # nets compute in float32


def roll(x: Any, shifts: Tuple[int, int]) -> Any:
    """Rolls the last two axes of x by (vertical, horizontal) pixels."""
    return (np if isinstance(x, np.ndarray) else sys.modules["torch"]).roll(x, shifts, (-2, -1))


def zeros_like(x: Any) -> Any:
    """Returns zeros with the shape, type and device of x."""
    return (np if isinstance(x, np.ndarray) else sys.modules["torch"]).zeros_like(x)


def where(choice: Any, x: Any, y: Any) -> Any:
    """Returns x where choice is true and y elsewhere."""
    return (np if isinstance(x, np.ndarray) else sys.modules["torch"]).where(choice, x, y)


def like(array: np.ndarray, x: Any) -> Any:
    """Converts a NumPy array to the kind of x: the array itself, or a tensor on the device of x."""
    return array if isinstance(x, np.ndarray) else x.new_tensor(array)


def copied(x: Any) -> Any:
    """Returns a copy of x in memory of its own."""
    return x.copy() if isinstance(x, np.ndarray) else x.clone()


def to_numpy(x: Any) -> np.ndarray:
    """Converts x to a NumPy array, which may share its memory."""
    return x if isinstance(x, np.ndarray) else x.cpu().numpy()


def checked_picture(img: Any, what: str = "the picture") -> np.ndarray:
    """Returns the array if it is a picture: (h, w, 3), finite numbers of any type, integers included.

    Raises UsageError for anything else, with a hint how to convert it.
    """
    wanted = f"{what} must be a (height, width, 3) array, RGB of 0-255"
    if not isinstance(img, np.ndarray):
        way_out = (
            'convert it with np.float32(image.convert("RGB"))'
            if hasattr(img, "convert")
            else "convert it with np.float32(...)"
        )
        raise UsageError(f"{wanted}, not {type(img).__name__}: {way_out}")
    if img.dtype.kind not in "buif":
        raise UsageError(f"{wanted}, not of type {img.dtype}: convert it with np.float32(...)")
    if img.ndim != 3 or img.shape[2] != 3:
        raise UsageError(f"{wanted}, not of shape {_size(img)}: {_way_out(img)}")
    if img.size and not -_MOST <= img.min() <= img.max() <= _MOST:
        way_out = "replace them with np.nan_to_num(img).clip(0, 255)"
        raise UsageError(f"{what} holds numbers that are not finite in float32: {way_out}")
    return img


def _size(img: np.ndarray) -> str:
    return "x".join(map(str, img.shape)) or "one number"


def _way_out(img: np.ndarray) -> str:
    """Suggests how to convert an array of another shape to a picture."""
    if img.ndim == 2 or (img.ndim == 3 and img.shape[2] == 1):
        return "convert grey to RGB with np.dstack([grey] * 3)"
    if img.ndim == 3 and img.shape[2] == 4:
        return "drop the alpha channel with img[:, :, :3]"
    if img.ndim == 3 and img.shape[0] == 3:
        return "move the channels last with img.transpose(1, 2, 0)"
    if img.ndim == 4:
        return "pass one picture, such as img[0]"
    return "load one with np.float32(PIL.Image.open(...).convert('RGB'))"
