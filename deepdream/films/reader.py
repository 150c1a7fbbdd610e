"""Films: files and folders -> pictures with times, and the form that new pictures are stored in."""

import hashlib
from fractions import Fraction
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Tuple

import numpy as np
from PIL import Image

from .. import picture
from .. import recipe as recipes
from ..errors import DreamError, UsageError
from .colour import ToRgb, matrix_and_range
from .film import BT709, FORMATS, Film, Form, Frame, Sound, Span, pyav
from .folder import FrameFolder, rate_of
from .packets import Damage, decoded
from .survey import opened, survey

_USUAL_RATE = 25.0
_LANCZOS = 1  # Pillow's filter; its name moved between releases, its number did not


def open_film(
    source: str,
    start: Optional[float] = None,
    end: Optional[float] = None,
    every: int = 1,
    fps: Optional[float] = None,
    max_size: Optional[int] = None,
) -> Film:
    """Open a film: whatever FFmpeg decodes, or a folder of numbered pictures.

    start, end: seconds since its beginning, end exclusive; the first frame from start on is the new beginning, for the
    sound too. every: only each so manieth frame; the speed stays. fps: frames a second of a folder, 25 if None.
    max_size: longest side in pixels; larger pictures are shrunk to it. All are in the ranges of their settings.
    Raises UsageError for a span without frames and a rate for a film that has its own, DreamError for what cannot be
    read.
    """
    if source == "-":
        raise UsageError("a film cannot come from standard input: name a file")
    span = Span(Fraction(str(start or 0)), None if end is None else Fraction(str(end)), every)
    if Path(source).is_dir():
        return FrameFolder(source, span, rate_of(_USUAL_RATE if fps is None else fps), max_size)
    if fps is not None:
        raise UsageError(f"--fps is for folders of frames, and {source} has its own rate: leave it out")
    return _File(source, span, max_size)


def read_recipe(source: str) -> Dict[str, Any]:
    """The recipe stored in a film, by its extension, or in a picture.

    Raises DreamError for what is neither, and where the recipe is missing or damaged.
    """
    if Path(source).suffix.lower() not in FORMATS:
        return picture.read_recipe(source)
    with opened(source) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}  # WebM has them in capitals
    return recipes.parse(tags.get("comment"), source)


class _File(Film):
    """A film in a file."""

    def __init__(self, source: str, span: Span, max_size: Optional[int]):
        digest = _sha256(source)
        known = survey(source, span)
        self._span, self._known, self._max_size = span, known, max_size
        try:
            first, frame = next(decoded(source, span, known))
        except Damage as damage:
            raise DreamError(
                f"the first frame of {source} cannot be decoded ({damage}): get it anew, or start elsewhere"
            ) from None
        if frame is None:
            raise span.nothing_in(source, known.length)
        self.source = source
        # A film that is taken from its beginning keeps what is heard before its first picture.
        self._zero = first if span.start else Fraction(0)
        self._turn = _display_matrix(frame)
        pixels = self._pixels(ToRgb(), frame)
        matrix, full_range = matrix_and_range(frame)
        is_rgb = frame.format.is_rgb
        form = Form(
            rate=known.rate / span.every,
            time_base=known.time_base,
            matrix=matrix,
            primaries=BT709 if is_rgb else known.primaries,
            transfer=BT709 if is_rgb else known.transfer,
            full_range=full_range,
            aspect=1 / known.aspect if self._turn[1] else known.aspect,
            sound=Sound(source, self._zero, span.end) if known.has_sound else None,
        )
        super().__init__(source, digest, -(-known.count // span.every), pixels.shape[:2], form)

    def frames(self) -> Iterator[Frame]:
        self.fault = None
        convert = ToRgb()
        begin, end, pixels, done = self._zero, self._zero, None, 0
        try:
            for number, (time, frame) in enumerate(decoded(self.source, self._span, self._known)):
                end = time
                if frame is None:
                    break
                if number % self._span.every == 0:
                    if pixels is not None:
                        yield Frame(begin - self._zero, time - begin, pixels)
                        done += 1
                    begin, pixels = time, self._pixels(convert, frame)
        except Damage as damage:
            end += self._known.last
            place = f"at {float(damage.time):.2f} s, after {done + 1} frame{'s' if done else ''}"
            self.fault = DreamError(f"{self.source} is damaged {place} ({damage}): get it anew")
        if pixels is not None:
            yield Frame(begin - self._zero, end - begin, pixels)

    def _pixels(self, convert: ToRgb, frame: Any) -> np.ndarray:
        """A frame upright, and no larger than max_size."""
        try:
            pixels = _upright(convert(frame), self._turn)
        except pyav().FFmpegError as error:
            raise DreamError(
                f"{self.source} has pixels that cannot be turned into RGB ({error.strerror}): convert it to MP4 first"
            ) from None
        height, width = pixels.shape[:2]
        size = picture.fit((width, height), self._max_size)
        if size != (width, height):
            pixels = np.array(Image.fromarray(pixels).resize(size, _LANCZOS))
        return pixels


def _display_matrix(frame: Any) -> Tuple[int, int, int, int]:
    """How a point (x, y) is shown, at (a x + c y, b x + d y): (a, b, c, d), of -1, 0 and 1, y downwards.

    A frame that was asked for its side data is in a reference cycle with them: ask one, not all.
    """
    data = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32)[:5])
    if abs(b) > abs(a):  # a camera's angle is one of four; of others the nearest is taken
        return 0, int(np.sign(b)), int(np.sign(c)), 0
    return (-1 if a < 0 else 1), 0, 0, (-1 if d < 0 else 1)


def _upright(pixels: np.ndarray, matrix: Tuple[int, int, int, int]) -> np.ndarray:
    a, b, c, d = matrix
    if b:
        pixels = pixels.transpose(1, 0, 2)
    return np.ascontiguousarray(pixels[:: b or d, :: c or a])


def _sha256(source: str) -> str:
    digest = hashlib.sha256()
    try:
        with Path(source).open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
            if not file.tell():
                raise DreamError(f"{source} is empty: there is no film in it")
    except FileNotFoundError:
        raise DreamError(f"there is no file {source}: check the path") from None
    except OSError as error:
        raise DreamError(f"{source} cannot be read ({error.strerror}): check it and its permissions") from None
    return digest.hexdigest()
