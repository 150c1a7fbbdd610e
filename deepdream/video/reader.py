"""Reads films from files and folders: frames with times, and the format in which to store new frames."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterator, Optional, Tuple, cast

import numpy as np
from PIL import Image

from ..errors import DreamError, UsageError
from ..images import picture
from ..images import recipe as recipes
from ..storage import files
from .animated import Animation, gif_plays, is_animated_webp
from .colour import ToRgb, matrix_and_range
from .decode import Damage, Timed, decoded
from .deinterlace import deinterlaced, is_possible
from .film import BT709, FORMATS, Film, Frame, Sound, TimeRange, VideoFormat, pyav, sha256
from .folder import FrameFolder, rate_of
from .probe import opened, survey
from .truncation import unread_films

if TYPE_CHECKING:
    import av

_USUAL_RATE = 25.0
_COMBS = "its frames stay interlaced because this FFmpeg lacks the bwdif filter"
_LANCZOS = 1  # Pillow's filter; its name moved between releases, its number did not


def open_film(
    source: str,
    start: Optional[float] = None,
    end: Optional[float] = None,
    every: int = 1,
    fps: Optional[float] = None,
    max_size: Optional[int] = None,
) -> Film:
    """Open a film: any file that FFmpeg decodes, or a folder of numbered pictures.

    start, end: seconds since its beginning, end exclusive. The film now begins with the first frame at or after start,
    and so does the sound. every: read only every Nth frame, at the same speed. fps: frames per second of a folder; 25
    if None. max_size: longest side in pixels; larger pictures are shrunk to it. All values must be in the ranges of
    their settings.
    Raises UsageError if the span contains no frame or if fps is given for a film with its own rate, DreamError if the
    film cannot be read.
    """
    if source == "-" or files.is_address(source):
        where = "standard input" if source == "-" else source
        raise UsageError(f"a film is read from this machine's disk, not from {where}: name a file or a folder")
    source = files.local(source)
    span = TimeRange(Fraction(str(start or 0)), None if end is None else Fraction(str(end)), every)
    if Path(source).is_dir():
        return FrameFolder(source, span, rate_of(_USUAL_RATE if fps is None else fps), max_size)
    if fps is not None:
        raise UsageError(f"--fps is for folders of frames, and {source} has its own rate: leave it out")
    return (Animation if is_animated_webp(source) else _File)(source, span, max_size)


def read_recipe(source: str) -> recipes.Recipe:
    """The recipe stored in a film or in a picture; the file's extension decides which of them it is.

    Raises DreamError if the file is neither, or if the recipe is missing or damaged.
    """
    if Path(source).suffix.lower() not in FORMATS:
        return picture.read_recipe(source)
    with opened(files.local(source)) as container:
        tags = {key.lower(): value for key, value in container.metadata.items()}  # upper-case in WebM
    return recipes.parse(tags.get("comment"), source)


class _File(Film):
    """A film in a file that FFmpeg can read."""

    def __init__(self, source: str, span: TimeRange, max_size: Optional[int]):
        digest = sha256(source)
        known = survey(source, span)
        self.source, self.notes = source, []
        self._span, self._known, self._max_size = span, known, max_size
        self._unread = unread_films(source)
        try:
            first, frame = next(self._decoded())
        except Damage as damage:
            raise DreamError(
                f"the first frame of {source} cannot be decoded ({damage}): "
                "download or export it again, or change --start"
            ) from None
        if frame is None:
            raise span.nothing_in(source, known.length)
        # A film that is read from its beginning keeps the sound before its first frame.
        self._zero = first if span.start else Fraction(0)
        self._turn = _display_matrix(frame)
        pixels, _ = self._pixels(ToRgb(), frame)
        matrix, full_range = matrix_and_range(frame)
        is_rgb = frame.format.is_rgb
        form = VideoFormat(
            rate=known.rate / span.every,
            time_base=known.time_base,
            matrix=matrix,
            primaries=BT709 if is_rgb else known.primaries,
            transfer=BT709 if is_rgb else known.transfer,
            full_range=full_range,
            aspect=1 / known.aspect if self._turn[1] else known.aspect,
            sound=Sound(source, self._zero, span.end) if known.has_sound else None,
            max_size=max_size,
            plays=gif_plays(source),
        )
        super().__init__(source, digest, -(-known.count // span.every), pixels.shape[:2], form, self.notes)

    def frames(self) -> Iterator[Frame]:
        self.fault = None
        convert = ToRgb()
        for begin, end, frame in self._shown():
            pixels, alpha = self._pixels(convert, frame)
            yield Frame(begin - self._zero, end - begin, pixels, alpha)

    def check(self) -> Iterator[None]:
        self.fault = None
        for _ in self._shown():
            yield

    def _shown(self) -> Iterator[Tuple[Fraction, Fraction, "av.VideoFrame"]]:
        """Yield (start, end, frame) for every `every`th frame, and set fault at the end."""
        begin, end, held, done = self._zero, self._zero, None, 0
        try:
            for number, (time, frame) in enumerate(self._decoded()):
                end = time
                if frame is None:
                    break
                if number % self._span.every == 0:
                    if held is not None:
                        yield begin, time, held
                        done += 1
                    begin, held = time, frame
        except Damage as damage:
            end += self._known.last
            place = f"at {float(damage.time):.2f} s, after {done + 1} frame{'s' if done else ''}"
            self.fault = DreamError(f"{self.source} is damaged {place} ({damage}): download or export it again")
        if held is not None:
            yield begin, end, held

    def _decoded(self) -> Iterator[Timed]:
        """Yield what decode.decoded does, deinterlaced, and note everything that differs from the stored film."""
        if self._known.joins:
            count = len(self._known.joins) + 1
            self.note(
                f"{self.source} holds {count} recordings, one after the other: they are joined, and broken frames "
                "where they meet are left out"
            )
        if self._unread:
            self.note(
                f"{self.source} holds {self._unread + 1} films, one after the other, and only the first is read: "
                "join the original files with a video editor, or dream on each of them"
            )
        ends = self._known.sound_ends
        if ends is not None and ends > self._span.start and not self._span.is_over(ends):
            self.note(f"the sound of {self.source} is damaged at {float(ends):.2f} s, and ends there")
        frames = self._noted()
        return deinterlaced(frames) if is_possible() else frames

    def _noted(self) -> Iterator[Timed]:
        first: Optional[Tuple[int, int]] = None
        changed = False
        for time, frame in decoded(self.source, self._span, self._known):
            if frame is not None:
                if frame.interlaced_frame:
                    ending = "its frames are deinterlaced with bwdif" if is_possible() else _COMBS
                    self.note(f"{self.source} is interlaced: {ending}")
                first = first or (frame.width, frame.height)
                if not changed and first != (frame.width, frame.height):
                    changed = True
                    self.note(
                        f"{self.source} changes at {float(time):.2f} s from {first[0]}x{first[1]} to "
                        f"{frame.width}x{frame.height}: all its frames are scaled to the first size"
                    )
            yield time, frame

    def _pixels(self, convert: ToRgb, frame: "av.VideoFrame") -> Tuple[np.ndarray, Optional[np.ndarray]]:
        """The pixels and the alpha of a frame, rotated upright and no larger than max_size."""
        try:
            pixels, alpha = convert(frame)
        except pyav().FFmpegError as error:
            raise DreamError(
                f"{self.source} has pixels that cannot be converted to RGB ({error.strerror}): convert it to MP4 first"
            ) from None
        return self._fitted(pixels), None if alpha is None else self._fitted(alpha)

    def _fitted(self, plane: np.ndarray) -> np.ndarray:
        plane = _upright(plane, self._turn)
        height, width = plane.shape[:2]
        size = picture.fit((width, height), self._max_size)
        return plane if size == (width, height) else np.array(Image.fromarray(plane).resize(size, _LANCZOS))


def _display_matrix(frame: "av.VideoFrame") -> Tuple[int, int, int, int]:
    """Return (a, b, c, d), each -1, 0 or 1: a point (x, y), y downwards, is shown at (a x + c y, b x + d y).

    Accessing a frame's side data creates a reference cycle, so do this for one frame, not for all.
    """
    data = cast(Dict[str, bytes], frame.side_data).get("DISPLAYMATRIX")
    if data is None:
        return 1, 0, 0, 1
    a, b, _, c, d = (int(value) for value in np.frombuffer(bytes(data), np.int32)[:5])
    # Cameras use one of four angles; round others to the nearest, and a matrix of zeros to upright.
    if abs(b) > abs(a) and abs(c) > abs(d):
        return 0, _sign(b), _sign(c), 0
    return _sign(a), 0, 0, _sign(d)


def _sign(value: int) -> int:
    return -1 if value < 0 else 1


def _upright(pixels: np.ndarray, matrix: Tuple[int, int, int, int]) -> np.ndarray:
    a, b, c, d = matrix
    if b:
        pixels = pixels.swapaxes(0, 1)
    return np.ascontiguousarray(pixels[:: b or d, :: c or a])
