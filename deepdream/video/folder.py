"""Reads a folder of pictures as a film."""

import contextlib
import re
from fractions import Fraction
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from PIL import Image

from ..arrays import Size
from ..errors import DreamError, UsageError
from ..images import picture
from ..storage import checksum
from .film import Film, Frame, TimeRange, VideoFormat


class FrameFolder(Film):
    """The pictures of a folder, sorted by the last number in their names. Hidden files are ignored.

    rate: frames per second. max_size: longest side in pixels; larger pictures are shrunk to it.
    Raises UsageError if the span contains no frame, DreamError if the folder cannot be read, has no pictures or has a
    picture without a number.
    """

    def __init__(self, source: str, span: TimeRange, rate: Fraction, max_size: Optional[int]):
        paths = _pictures(source)
        inside = [number for number in range(len(paths)) if span.holds(number / rate)]
        if not inside:
            raise span.nothing_in(source, len(paths) / rate)
        self._paths = [paths[number] for number in inside[:: span.every]]
        ends = [*range(0, len(inside), span.every), len(inside)]
        self._times = [number / rate for number in ends]
        self._max_size = max_size
        first = picture.read(str(self._paths[0]), max_size)
        _check_sizes(self._paths)
        form = VideoFormat(rate=rate / span.every, time_base=1 / rate, max_size=max_size)
        super().__init__(source, _sha256(paths), len(self._paths), first.size, form)

    def frames(self) -> Iterator[Frame]:
        self.fault = None
        for path, time, end in zip(self._paths, self._times, self._times[1:]):
            try:
                read = picture.read(str(path), self._max_size)
            except DreamError as error:
                self.fault = error
                return
            if read.size != self.size:
                self.fault = _odd_size(path, read.size, self.size)
                return
            is_opaque = read.alpha is None or read.alpha.min() == 255
            yield Frame(time, end - time, read.pixels, None if is_opaque else read.alpha)


def _pictures(source: str) -> List[Path]:
    """The pictures of a folder in order. Raises DreamError if there are none, or if one has no number."""
    try:
        pictures = [path for path in Path(source).iterdir() if path.is_file() and picture.is_named_so(path)]
    except OSError as error:
        raise DreamError(f"{source} cannot be read ({error.strerror}): check its permissions") from None
    if not pictures:
        raise DreamError(f"there are no pictures in the folder {source}: choose one that holds the frames of a film")
    numbered: List[Tuple[int, str, Path]] = []
    for path in pictures:
        numbers = re.findall("[0-9]+", path.stem)
        if not numbers:
            raise DreamError(f"{path} has no number in its name: number the frames, or move it out of the folder")
        numbered.append((int(numbers[-1]), path.name, path))
    numbered.sort()
    for (number, name, _), (following, other, _) in zip(numbered, numbered[1:]):
        if number == following:
            raise DreamError(f"{name} and {other} in {source} are both number {number}: move one out of the folder")
    return [path for _, _, path in numbered]


def _check_sizes(paths: List[Path]) -> None:
    """Check the frame sizes in the headers of all pictures, so that a wrong one does not come up hours later."""
    sizes: Dict[Path, Size] = {}
    for path in paths:
        with contextlib.suppress(Exception), Image.open(path) as image:  # frames() will report damage
            sizes[path] = image.size[::-1]
    (_, usual), *others = sizes.items()
    for path, size in others:
        if sorted(size) != sorted(usual):  # EXIF may rotate one of them
            raise _odd_size(path, size, usual)


def _sha256(paths: List[Path]) -> str:
    try:
        return checksum.sha256(*paths)
    except OSError as error:
        raise DreamError(f"{error.filename} cannot be read ({error.strerror}): check it and its permissions") from None


def _odd_size(path: Path, size: Size, usual: Size) -> DreamError:
    """The error for a frame whose size differs from that of the first; sizes are (height, width)."""
    return DreamError(
        f"{path} has {size[1]} x {size[0]} pixels, but the first frame has {usual[1]} x {usual[0]}: "
        "resize the frames to one size"
    )


def rate_of(fps: float) -> Fraction:
    """The exact frame rate: 29.97 means 30000/1001, and likewise for other TV rates. Raises UsageError for 0."""
    if not 0 < fps < float("inf"):
        raise UsageError(f"a film must have more than 0 frames per second, not {fps:g}")
    ntsc = Fraction(round(fps * 1.001) * 1000, 1001)
    return ntsc if ntsc and abs(ntsc - Fraction(fps)) < Fraction(1, 200) and fps != round(fps) else Fraction(str(fps))
