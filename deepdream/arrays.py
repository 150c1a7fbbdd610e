"""Pictures as arrays, and the few calls in which NumPy arrays (a net on the CPU) and torch tensors (a GPU) differ."""

import sys
from typing import Any, Tuple

import numpy as np

from .errors import UsageError

Size = Tuple[int, int]  # height, width

_MOST = np.finfo(np.float32).max  # a net computes in float32


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


def checked_picture(img: Any, what: str = "the picture") -> np.ndarray:
    """The array itself, if it is a picture of (h, w, 3): numbers of any type, whole ones too, that are all finite.

    Raises UsageError for anything else, with what would do.
    """
    wanted = f"{what} must be an array of (height, width, 3), RGB of 0-255"
    if not isinstance(img, np.ndarray):
        way_out = 'np.float32(image.convert("RGB"))' if hasattr(img, "convert") else "np.float32(...) makes one"
        raise UsageError(f"{wanted}, not {type(img).__name__}: {way_out}")
    if img.dtype.kind not in "buif":
        raise UsageError(f"{wanted}, not of {img.dtype}: np.float32(...) makes numbers of it")
    if img.ndim != 3 or img.shape[2] != 3:
        raise UsageError(f"{wanted}, not of {_size(img)}: {_way_out(img)}")
    if img.size and not -_MOST <= img.min() <= img.max() <= _MOST:
        way_out = "np.nan_to_num(img).clip(0, 255) replaces them"
        raise UsageError(f"{what} holds numbers that are not finite in float32: {way_out}")
    return img


def _size(img: np.ndarray) -> str:
    return "x".join(map(str, img.shape)) or "one number"


def _way_out(img: np.ndarray) -> str:
    """How an array of another shape becomes a picture."""
    if img.ndim == 2 or (img.ndim == 3 and img.shape[2] == 1):
        return "np.dstack([grey] * 3) makes colours of grey"
    if img.ndim == 3 and img.shape[2] == 4:
        return "img[:, :, :3] is the colours without the transparency"
    if img.ndim == 3 and img.shape[0] == 3:
        return "img.transpose(1, 2, 0) has the colours last"
    if img.ndim == 4:
        return "img[0] is the first of several pictures"
    return "np.float32(PIL.Image.open(...).convert('RGB')) is one"
