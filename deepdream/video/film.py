"""Defines what a film is: frames with times, and everything that is kept when the frames are replaced."""

import importlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Iterator, List, NamedTuple, Optional

import numpy as np

from ..arrays import Size
from ..errors import DreamError, UsageError
from ..storage import checksum

if TYPE_CHECKING:
    import av.container

FORMATS = {".mp4": "MP4", ".webm": "WEBM"}  # that can be written
BT709 = 1  # code point in H.273 and in FFmpeg; the same for the matrix, the primaries and the transfer function


@dataclass(frozen=True)
class Sound:
    """All sound of a file from start to end, in seconds since its beginning. end: None for everything after start."""

    path: str
    start: Fraction
    end: Optional[Fraction] = None


@dataclass(frozen=True)
class VideoFormat:
    """The properties of a film that are kept when its frames are replaced.

    rate: frames per second, on average. time_base: in seconds; all frame times are multiples of it.
    matrix, primaries, transfer: code points of H.273. full_range: whether black is 0 and white 255, not 16 and 235.
    aspect: width of a pixel divided by its height. max_size: requested longest side in pixels; None for no limit.
    plays: how often an animation is played; 0 to loop forever.
    """

    rate: Fraction
    time_base: Fraction
    matrix: int = BT709
    primaries: int = BT709
    transfer: int = BT709
    full_range: bool = False
    aspect: Fraction = Fraction(1)
    sound: Optional[Sound] = None
    max_size: Optional[int] = None
    plays: int = 0


@dataclass(frozen=True)
class TimeRange:
    """The part of a film to read: every `every`th frame from start to end (exclusive), in seconds since its start."""

    start: Fraction = Fraction(0)
    end: Optional[Fraction] = None
    every: int = 1

    def holds(self, time: Fraction) -> bool:
        return time >= self.start and not self.is_over(time)

    def is_over(self, time: Fraction) -> bool:
        return self.end is not None and time >= self.end

    def nothing_in(self, source: str, length: Fraction) -> UsageError:
        """The error for a span that contains no frame. length: of the film, in seconds."""
        until = "its end" if self.end is None else f"{float(self.end):g} s"
        wanted = f"from {float(self.start):g} s to {until}"
        return UsageError(f"{source} has no frame {wanted}: it is {float(length):.2f} s long")


class Frame(NamedTuple):
    """One frame of a film.

    time: seconds since the beginning of the part that is read. duration: seconds until the next frame.
    pixels: (h, w, 3) uint8, RGB. alpha: (h, w) uint8, 255 for opaque; None if the whole frame is opaque.
    """

    time: Fraction
    duration: Fraction
    pixels: np.ndarray
    alpha: Optional[np.ndarray] = None


class Film:
    """An open film.

    sha256: of the bytes of the file, or of all pictures of a folder in order; in hexadecimal.
    count: number of frames, as far as is known without decoding them. size: (height, width) of the frames.
    fault: what is wrong with the film after its last intact frame; set once frames() or check() gets there.
    notes: sentences about what differs from the stored film; frames() adds to them as it finds such places.
    """

    def __init__(
        self,
        source: str,
        sha256: str,
        count: int,
        size: Size,
        form: VideoFormat,
        notes: Optional[List[str]] = None,
    ):
        self.source, self.sha256, self.count, self.size, self.form = source, sha256, count, size, form
        self.fault: Optional[DreamError] = None
        self.notes: List[str] = [] if notes is None else notes

    def frames(self) -> Iterator[Frame]:
        """Yield the frames one at a time; each call begins with the first one."""
        raise NotImplementedError

    def check(self) -> Iterator[None]:
        """Yield None once for each frame of frames() and set fault, in less time than frames() takes."""
        for _ in self.frames():
            yield

    def note(self, sentence: str) -> None:
        """Add a sentence to notes, unless it is already there."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def pyav() -> ModuleType:
    """Import the optional package `av`. Raises DreamError if it is missing."""
    try:
        av = importlib.import_module("av")
        importlib.import_module("av.filter")
    except ImportError:
        raise DreamError(
            "films require PyAV, which is not installed here: pip install av opencv-python-headless"
        ) from None
    av.logging.set_level(None)  # FFmpeg's own messages about a damaged file would clutter the program's output
    return av


def beginning(container: "av.container.InputContainer") -> Fraction:
    """The first time in a file, in seconds.

    Times below 0 count as 0: they belong only to the priming of a sound decoder, which FFmpeg up to 7 includes.
    """
    return Fraction(max(0, container.start_time or 0), 1000000)


def sha256(source: str) -> str:
    """The SHA-256 of a film's file, in hexadecimal. Raises DreamError if the file is empty or cannot be read."""
    path = Path(source)
    try:
        if not path.stat().st_size:
            raise DreamError(f"{source} is empty: download or export it again")
        return checksum.sha256(path)
    except FileNotFoundError:
        raise DreamError(f"there is no file {source}: check the path") from None
    except OSError as error:
        raise DreamError(f"{source} cannot be read ({error.strerror}): check it and its permissions") from None
