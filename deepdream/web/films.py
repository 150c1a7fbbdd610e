"""The films that a visitor can ask for: what they show, their formats, and how many frames they have."""

import math
from typing import List, NamedTuple, Tuple

from PIL import Image

from ..arrays import Size
from ..errors import DreamError, UsageError, shown
from ..settings import WEB_FRAMES, DreamSettings
from ..video import writer
from .pace import longest, work
from .sentences import for_page

KINDS = {"growth": "how the dream grows", "zoom": "a zoom into the dream"}
FORMATS = {".mp4": "MP4", ".webp": "WebP", ".gif": "GIF"}
# Pixels in all frames together. A million takes about ten seconds in a GIF, for which the others in the line wait, and
# up to five megabytes of memory in a WebP, which is whole before it is written.
_LONGEST = 4  # of the longest dreams on the page take as long as a zoom may
_MOST = {".gif": 64e6, ".webp": 128e6}


class Film(NamedTuple):
    """The film of a dream that a visitor has asked for."""

    kind: str
    suffix: str
    frames: int  # of a zoom; a growth has one for each step

    def count(self, dream: DreamSettings) -> int:
        """The number of its frames. dream: the settings of each frame."""
        return self.frames if self.kind == "zoom" else 1 + dream.octave_n * dream.iter_n

    @property
    def dreams(self) -> int:
        """How many are dreamt for it."""
        return self.frames if self.kind == "zoom" else 1

    def check(self, dream: DreamSettings, size: Size, max_size: int) -> None:
        """Raise UsageError if there is no such film of a dream of this (height, width).

        max_size: the limit on the longest side of a dream.
        """
        if self.kind == "growth" and dream.iter_n == 0:
            raise UsageError("a growth shows every step, and this dream has none: make a zoom of it")
        count, (height, width) = self.count(dream), size
        if count * height * width > _MOST.get(self.suffix, math.inf):
            what = f"a {FORMATS[self.suffix]} of {count} frames of {width}x{height}"
            raise UsageError(f"{what} is too much for this page: choose another format, or a smaller picture")
        if self.dreams > 1 and self.dreams * work(dream, size) > _LONGEST * longest(max_size):
            what = f"a zoom of {count} frames with {dream.iter_n} iterations at {width}x{height}"
            raise UsageError(f"{what} takes too long for this page: choose fewer frames, or a smaller or fainter dream")


def asked(kind: object, suffix: object, frames: object) -> Film:
    """The film that somebody asked for. Raises UsageError for what this page does not make."""
    fewest, most = WEB_FRAMES
    if not isinstance(kind, str) or kind not in KINDS:
        raise UsageError(f"there is no film that shows {shown(kind)}: choose one of those on the page")
    if not isinstance(suffix, str) or suffix not in available():
        raise UsageError(f"no film is made as {shown(suffix)} here: choose one of the formats on the page")
    if not isinstance(frames, int) or isinstance(frames, bool) or not fewest <= frames <= most:
        raise UsageError(f"a zoom on this page has {fewest} to {most} frames, not {shown(frames)}")
    return Film(kind, suffix, frames)


def available() -> List[str]:
    """The formats that this installation can write."""
    return [suffix for suffix in FORMATS if not _reason(suffix)]


def missing() -> str:
    """Sentences about the formats that this installation cannot write, and why."""
    reasons: List[Tuple[str, str]] = [(name, _reason(suffix)) for suffix, name in FORMATS.items()]
    return " ".join(f"{name} cannot be made here: {reason}." for name, reason in reasons if reason)


def _reason(suffix: str) -> str:
    if suffix == ".mp4":
        try:
            writer.check("MP4")
        except DreamError as error:
            return for_page(str(error))
    Image.init()
    is_missing = suffix == ".webp" and "WEBP" not in Image.SAVE_ALL
    return "this Pillow has no animated WebP, but the one from PyPI has: pip install pillow" if is_missing else ""
