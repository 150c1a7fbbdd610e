"""Noise pictures to dream on, selected by `noise:WIDTHxHEIGHT` in place of a file name."""

import re
from typing import Optional, Tuple

import numpy as np
from PIL import Image

from ..errors import UsageError

PREFIX = "noise:"
_GREY, _DEVIATION = 128, 16  # levels: enough for a net to see something, yet hardly visible in the dream


def size_of(source: str) -> Optional[Tuple[int, int]]:
    """Returns (width, height) if a source is noise:WIDTHxHEIGHT, None if it is a file name.

    Raises UsageError if the size is not valid.
    """
    if not source.startswith(PREFIX):
        return None
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", source[len(PREFIX) :], re.ASCII)
    width, height = (int(number) for number in match.groups()) if match else (0, 0)
    limit = 2 * (Image.MAX_IMAGE_PIXELS or 2**62)  # the same limit as for files
    if not 0 < width * height <= limit:
        raise UsageError(
            f"{source} is not a valid noise size: write {PREFIX}WIDTHxHEIGHT, such as {PREFIX}640x480, "
            f"with at most {limit} pixels (to name a file, write ./{source})"
        )
    return width, height


def make(width: int, height: int, seed: int) -> np.ndarray:
    """Makes grey with normal noise in each pixel and channel, determined by the seed: (height, width, 3) uint8."""
    random = np.random.RandomState(seed)
    pixels = np.empty((height, width, 3), np.uint8)
    for row in pixels:  # row by row, to save memory on large pictures
        row[:] = np.clip(random.normal(_GREY, _DEVIATION, row.shape), 0, 255)
    return pixels
