"""Reads the mean of a training set: from a .binaryproto of Caffe, a .npy or the data layer of a training net."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from google.protobuf import text_format

from ..errors import DreamError
from .prototxt_text import MAX_BYTES, parse
from .stored_blobs import blob_of_bytes
from .upgrade import data_transform
from .wire import WireError


def read_mean(path: Path) -> tuple[float, float, float]:
    """The means of blue, green and red. A grey mean counts for all three. Raises DreamError if there are none."""
    try:
        array = np.load(path, allow_pickle=False) if path.suffix.lower() == ".npy" else _binaryproto(path)
    except (OSError, ValueError, WireError) as error:
        reason = getattr(error, "strerror", None) or "it is damaged"
        raise DreamError(
            f"the mean {path} cannot be read ({reason}): delete it, or give `mean:` in readme.md"
        ) from None
    array = array[0] if array.ndim == 4 and len(array) == 1 else array
    means = array.reshape(len(array), -1).mean(1, dtype=np.float64) if array.ndim in (1, 3) else np.empty(0)
    if len(means) not in (1, 3) or not np.isfinite(means).all():
        size = "x".join(map(str, array.shape))
        raise DreamError(f"the mean {path} has the shape {size}, not one or three channels: give `mean:` in readme.md")
    blue, green, red = means if len(means) == 3 else np.repeat(means, 3)
    return float(blue), float(green), float(red)


def data_transformation(prototxt: Path) -> tuple[tuple[float, float, float] | None, float]:
    """The mean of blue, green and red, and the scale behind it, that the data layer of a training net gives.

    None and 1 if it gives none, or if the file is no net.
    """
    if prototxt.stat().st_size > MAX_BYTES:
        return None, 1.0
    try:
        net, faults = parse(prototxt.read_bytes())
    except (text_format.ParseError, UnicodeDecodeError, RecursionError, OSError):
        return None, 1.0
    transform = data_transform(net, faults)
    if transform is None:
        return None, 1.0
    means = list(transform.mean_value)
    if len(means) not in (1, 3):
        return None, transform.scale
    blue, green, red = means if len(means) == 3 else means * 3
    return (blue, green, red), transform.scale


def _binaryproto(path: Path) -> np.ndarray:
    blob = blob_of_bytes(path.read_bytes())
    array = blob.array(blob.shape)
    if array is None:
        raise ValueError
    return array
