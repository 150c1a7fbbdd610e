"""Reads what FFmpeg cannot, with Pillow: animated WebP files, and how often a GIF is played.

FFmpeg up to version 8 opens an animated WebP but decodes none of its frames.
"""

import contextlib
import itertools
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

import numpy as np
from PIL import Image

from ..errors import DreamError
from ..images import colour, picture
from .film import Film, Frame, TimeRange, VideoFormat, sha256

_LANCZOS = 1  # Pillow's filter; its name moved between releases, its number did not
_MILLISECOND = Fraction(1, 1000)
_TOO_SHORT, _INSTEAD = (
    10,
    100,
)  # milliseconds: browsers show a frame with such a short duration for a tenth of a second


@dataclass(frozen=True)
class _Outline:
    """What a WebP file says about its frames. durations: in milliseconds. plays: 0 to loop forever."""

    durations: List[int]
    plays: int


def is_animated_webp(source: str) -> bool:
    """Whether a file's header says that it is a WebP with several frames; False if the file cannot be read."""
    with contextlib.suppress(OSError), Path(source).open("rb") as file:
        opening = file.read(21)
        return opening[:4] == b"RIFF" and opening[8:16] == b"WEBPVP8X" and bool(opening[20:21][0] & 2)
    return False


def gif_plays(source: str) -> int:
    """How often a GIF is played: 0 to loop forever, and also for any other file and for a GIF that cannot be read."""
    with contextlib.suppress(Exception), Image.open(source, formats=["GIF"]) as image:
        loop = image.info.get("loop")
        return 1 if loop is None else (loop + 1 if loop else 0)
    return 0


class Animation(Film):
    """An animated WebP.

    max_size: longest side in pixels; larger pictures are shrunk to it.
    Raises UsageError if the span contains no frame, DreamError if the file cannot be read.
    """

    def __init__(self, source: str, span: TimeRange, max_size: Optional[int]):
        digest = sha256(source)
        outline = _outline(Path(source).read_bytes())
        times = [_MILLISECOND * time for time in itertools.accumulate([0, *outline.durations])]
        inside = [number for number, time in enumerate(times[:-1]) if span.holds(time)]
        self._max_size, self._numbers = max_size, inside[:: span.every]
        first = picture.read(source, max_size)  # raises if the file is too large or not a picture
        if not inside:
            raise span.nothing_in(source, times[-1])
        zero, end = times[inside[0]], times[inside[-1] + 1]
        self._times = [*(times[number] - zero for number in self._numbers), end - zero]
        form = VideoFormat(
            rate=len(inside) / (end - zero) / span.every,
            time_base=_MILLISECOND,
            max_size=max_size,
            plays=outline.plays,
        )
        super().__init__(source, digest, len(self._numbers), first.size, form)

    def frames(self) -> Iterator[Frame]:
        self.fault = None
        with Image.open(self.source, formats=["WEBP"]) as image:
            for done, (number, time) in enumerate(zip(self._numbers, self._times)):
                try:
                    image.seek(number)
                    pixels, alpha = self._pixels(image)
                except Exception as error:  # Pillow's decoders can raise anything
                    place = f"at {float(time):.2f} s, after {done} frame{'' if done == 1 else 's'}"
                    self.fault = DreamError(f"{self.source} is damaged {place} ({error}): download or export it again")
                    return
                yield Frame(time, self._times[done + 1] - time, pixels, alpha)

    def _pixels(self, image: Image.Image) -> Tuple[np.ndarray, Optional[np.ndarray]]:
        """Return the pixels and the alpha of a frame, no larger than max_size."""
        rgb, alpha = colour.to_rgb(image.copy())
        size = picture.fit(rgb.size, self._max_size)
        planes = [plane if plane.size == size else plane.resize(size, _LANCZOS) for plane in (rgb, alpha) if plane]
        is_opaque = alpha is None or alpha.getextrema()[0] == 255
        return np.array(planes[0]), None if is_opaque else np.array(planes[1])


def _outline(data: bytes) -> _Outline:
    """Parse the chunks of a WebP file, up to the first incomplete one."""
    durations, plays, place = [], 0, 12
    while place + 8 <= len(data):
        kind, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        content = data[place + 8 : place + 8 + size]
        if kind == b"ANIM" and len(content) >= 6:
            plays = int.from_bytes(content[4:6], "little")
        elif kind == b"ANMF" and len(content) >= 16:  # x, y, width, height, duration: three bytes each; then flags
            duration = int.from_bytes(content[12:15], "little")
            durations.append(duration if duration > _TOO_SHORT else _INSTEAD)
        place += 8 + size + size % 2
    return _Outline(durations, plays)
