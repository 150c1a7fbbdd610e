"""What a film is to the program: pictures with times, and what else is kept when others take their place."""

import hashlib
import importlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple, Optional, Tuple

import numpy as np

from ..errors import DreamError, UsageError

FORMATS = {".mp4": "MP4", ".webm": "WEBM"}  # that can be written
BT709 = 1  # a code point of H.273, which FFmpeg shares, for the matrix, the primaries and the transfer alike


@dataclass(frozen=True)
class Sound:
    """All sound of a file, from start to end: seconds since the file's beginning; end: None for all there is."""

    path: str
    start: Fraction
    end: Optional[Fraction] = None


@dataclass(frozen=True)
class VideoFormat:
    """What of a film is kept when its pictures are replaced by others.

    rate: frames a second, in the mean. time_base: seconds, of which the frames' times are multiples.
    matrix, primaries, transfer: H.273's code points. full_range: whether black is 0 and white 255, not 16 and 235.
    aspect: a pixel's width to its height. max_size: longest side in pixels that was asked for; None for any.
    plays: how often an animation is shown; 0 for without end.
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
    """The part of a film that is read: seconds since its beginning, end exclusive, and of that each `every`th frame."""

    start: Fraction = Fraction(0)
    end: Optional[Fraction] = None
    every: int = 1

    def holds(self, time: Fraction) -> bool:
        return time >= self.start and not self.is_over(time)

    def is_over(self, time: Fraction) -> bool:
        return self.end is not None and time >= self.end

    def nothing_in(self, source: str, length: Fraction) -> UsageError:
        """What is said where no frame of the film is in it. length: the film's, in seconds."""
        until = "its end" if self.end is None else f"{float(self.end):g} s"
        wanted = f"from {float(self.start):g} s to {until}"
        return UsageError(f"{source} has no frame {wanted}: it is {float(length):.2f} s long")


class Frame(NamedTuple):
    """A picture of a film.

    time: seconds since the beginning of what is read. duration: seconds until the next. pixels: (h, w, 3) uint8, RGB.
    alpha: (h, w) uint8, 255 where it is opaque; None where it is opaque everywhere.
    """

    time: Fraction
    duration: Fraction
    pixels: np.ndarray
    alpha: Optional[np.ndarray] = None


class Film:
    """A film that was opened.

    sha256: of the file's bytes, in hexadecimal; of a folder, of its pictures' bytes in order.
    count: frames to come, as far as can be told without decoding them. size: (height, width) of the pictures.
    fault: what is wrong with the film after its last whole frame; known when frames() or check() has come to it.
    notes: sentences on what is not shown as it is stored; frames() adds to them as it comes to such a place.
    """

    def __init__(
        self,
        source: str,
        sha256: str,
        count: int,
        size: Tuple[int, int],
        form: VideoFormat,
        notes: Optional[List[str]] = None,
    ):
        self.source, self.sha256, self.count, self.size, self.form = source, sha256, count, size, form
        self.fault: Optional[DreamError] = None
        self.notes: List[str] = [] if notes is None else notes

    def frames(self) -> Iterator[Frame]:
        """The frames, from the first one at each call, one at a time."""
        raise NotImplementedError

    def check(self) -> Iterator[None]:
        """Nothing, once for every frame of frames(), which also sets fault; it takes less time than they do."""
        for _ in self.frames():
            yield

    def note(self, sentence: str) -> None:
        """Keep a sentence for notes, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)


def pyav() -> Any:
    """The package `av`, which is an optional one. Raises DreamError where it is missing."""
    try:
        av = importlib.import_module("av")
        importlib.import_module("av.filter")
    except ImportError:
        raise DreamError(
            "a film needs PyAV, which is not installed here: pip install av opencv-python-headless"
        ) from None
    av.logging.set_level(None)  # FFmpeg's own words on a damaged file would run through those of the program
    return av


def beginning(container: Any) -> Fraction:
    """What the times in an av.container.InputContainer are at its beginning, in seconds.

    Below 0 is only what a decoder of sound needs to run up, and of that FFmpeg up to 7 tells.
    """
    return Fraction(max(0, container.start_time or 0), 1000000)


def sha256(source: str) -> str:
    """The SHA-256 of a film's file, in hexadecimal. Raises DreamError where it is empty or cannot be read."""
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
