"""Writes what remains of a dream: the picture in two formats, what it began with, and a small one."""

import re
from pathlib import Path
from typing import NamedTuple, Optional, Tuple

import numpy as np
from PIL import Image

from ..dream import Step
from ..images import picture, transparency
from ..images.recipe import Recipe
from ..pipeline.prepare import DreamJob
from ..pipeline.request import Request
from ..tasks.single import finalize

_MAX_STEM, _MAX_TARGET = 60, 30  # characters
THUMBNAIL = 112  # pixels


class Result(NamedTuple):
    """The result of a dream, finished or stopped."""

    dream: Path  # a PNG with its recipe
    jpeg: Path  # the same
    before: Path  # the picture that the dream began with
    thumbnail: Path
    recipe: Recipe

    @property
    def files(self) -> Tuple[Path, ...]:
        """All of its files."""
        return self.dream, self.jpeg, self.before, self.thumbnail


class FilmResult(NamedTuple):
    """A film of a dream, whole or as far as it got."""

    kind: str  # growth or zoom
    film: Path  # with its recipe
    thumbnail: Path
    recipe: Recipe

    @property
    def files(self) -> Tuple[Path, ...]:
        """All of its files."""
        return self.film, self.thumbnail


def write_result(prepared: DreamJob, last: Optional[Step]) -> Result:
    """Store the dream, and the original picture for comparison, in the folder of the request's target."""
    base, settings = prepared.inputs.base, prepared.request.dream
    image, recipe = finalize(prepared, last)
    target = Path(prepared.request.target)
    names = (target, target.with_suffix(".jpg"), target.with_name("before.png"), target.with_name("small.jpg"))
    result = Result(*names, recipe)
    pixels = picture.to_uint8(image, settings.clip)
    for path in (result.dream, result.jpeg):
        picture.write(str(path), pixels, recipe, base.alpha)
    Image.fromarray(transparency.joined(base.pixels, base.alpha)).save(result.before)
    write_small(result.thumbnail, transparency.on_white(pixels, base.alpha))
    return result


def write_small(path: Path, pixels: np.ndarray) -> None:
    """Store a picture, (h, w, 3) uint8, at the size at which the row of dreams shows it."""
    small = Image.fromarray(np.ascontiguousarray(pixels))
    small.thumbnail((2 * THUMBNAIL, THUMBNAIL))
    small.save(path, quality=80)


def dream_name(request: Request) -> str:
    """The file name for a dream: that of the picture, which may be anything, what it is of, and the seed."""
    stem = _plain(Path(request.source).stem)[:_MAX_STEM] or "picture"
    return f"{stem}-{subject(request)}-seed{request.dream.seed}.png"


def subject(request: Request) -> str:
    """What a dream is of, as a part of a file name."""
    asked = request.objective
    words = {"channel": f"channel-{asked.channel}", "class": f"class-{asked.class_}", "layers": str(asked.layers)}
    what = words.get(request.kind, request.dream.end)
    return _plain(what.replace("/output", ""), "-")[:_MAX_TARGET] or "layer"


def _plain(text: str, instead: str = "_") -> str:
    """Only what is safe in a file name, a header and a page."""
    return re.sub(r"[^\w.-]+", instead, text).strip("._-")
