"""Pictures of noise, to dream from nothing: `noise:WIDTHxHEIGHT` in the place of a file."""

import re
from typing import Optional, Tuple

import numpy as np
from PIL import Image

from ..errors import UsageError

PREFIX = "noise:"
_GREY, _DEVIATION = 128, 16  # levels: a net sees something in it, and in the dream it is hardly seen any more


def size_of(source: str) -> Optional[Tuple[int, int]]:
    """(width, height) where a source is noise:WIDTHxHEIGHT; None where it is a file's name.

    Raises UsageError for a size that no picture has.
    """
    if not source.startswith(PREFIX):
        return None
    match = re.fullmatch(r"(\d{1,6})x(\d{1,6})", source[len(PREFIX) :], re.ASCII)
    width, height = (int(number) for number in match.groups()) if match else (0, 0)
    most = 2 * (Image.MAX_IMAGE_PIXELS or 2**62)  # as for pictures from files
    if not 0 < width * height <= most:
        raise UsageError(
            f"{source} is not noise of a size: write {PREFIX}WIDTHxHEIGHT, such as {PREFIX}640x480, "
            f"of {most} pixels at most (a file of that name is ./{source})"
        )
    return width, height


def make(width: int, height: int, seed: int) -> np.ndarray:
    """(height, width, 3) uint8: grey with normal noise in each pixel and channel, the same for the same seed."""
    random = np.random.RandomState(seed)
    pixels = np.empty((height, width, 3), np.uint8)
    for row in pixels:  # one by one, for large pictures' sake
        row[:] = np.clip(random.normal(_GREY, _DEVIATION, row.shape), 0, 255)
    return pixels
