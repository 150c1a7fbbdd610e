"""Animations: pictures, one after the other -> a GIF or an animated WebP."""

from typing import Any, BinaryIO, Dict, Iterable, Sequence

import numpy as np
from PIL import GifImagePlugin, Image

from ..errors import DreamError
from . import colour, transparency
from . import recipe as recipes

FORMATS = {".gif": "GIF", ".webp": "WEBP"}
_TRANSPARENT = 255  # the number of that colour in a GIF
SHORTEST = 20  # milliseconds: browsers show what a GIF wants to be shown shorter for a tenth of a second


def write(
    file: BinaryIO,
    kind: str,
    frames: Iterable[np.ndarray],
    durations: Sequence[int],
    recipe: Dict[str, Any],
    plays: int = 0,
    has_alpha: bool = False,
) -> None:
    """Writes an animation.

    A GIF has 256 colours a frame, chosen for each and dithered, and is written frame by frame. WebP keeps every pixel,
    and its frames are in memory all at once.

    kind: "GIF" or "WEBP". frames: (h, w, 3) uint8, or for has_alpha (h, w, 4), of one size; of a GIF's pixels, those
    that are half transparent are laid on white. durations: of each, in milliseconds; a GIF counts in hundredths of a
    second. recipe: what JSON can hold; GIF has it as its comment, WebP in its EXIF. plays: how often it is shown; 0 for
    without end.
    Raises DreamError for what the format cannot hold; OSError where the file cannot be written.
    """
    writer = {"GIF": _write_gif, "WEBP": _write_webp}[kind]
    try:
        writer(file, frames, durations, recipe, plays, has_alpha)
    except (MemoryError, OSError, DreamError):
        raise
    except Exception as error:  # encoders raise whatever comes, mostly for a picture beyond the format's limits
        raise DreamError(f"the frames cannot be stored as {kind} ({error}): write them to a folder") from None


def _write_gif(
    file: BinaryIO,
    frames: Iterable[np.ndarray],
    durations: Sequence[int],
    recipe: Dict[str, Any],
    plays: int,
    has_alpha: bool,
) -> None:
    """With Pillow's building blocks: its save() would hold all frames in memory."""
    once: Dict[str, Any] = {"comment": recipes.to_json(recipe).encode("ascii")}
    if plays != 1:  # a GIF counts how often it is shown again, and without a word is shown once
        once["loop"] = max(0, plays - 1)
    # What is transparent shows nothing of the frame before.
    see_through: Dict[str, Any] = {"transparency": _TRANSPARENT, "disposal": 2} if has_alpha else {}
    for number, (frame, duration) in enumerate(zip(frames, durations)):
        image = _with_256_colours(frame)
        header, _ = GifImagePlugin.getheader(image, info=once)  # which puts the palette in order, too
        if number == 0:
            file.writelines(header)
        more: Dict[str, Any] = {} if number else once  # what Pillow before 9.2 puts there, and now into the header
        options = {"duration": duration, "include_color_table": True, **see_through, **more}
        file.writelines(GifImagePlugin.getdata(image, **options))
    file.write(b";")


def _with_256_colours(frame: np.ndarray) -> Image.Image:
    """The last of them stands for what is transparent, if there is alpha."""
    rgb, alpha = transparency.as_held("GIF", *transparency.split(frame))
    image = Image.fromarray(np.ascontiguousarray(rgb))
    # Without k-means the few bright yellows and reds of a dream would be lost in Pillow's median cut; and it is done a
    # second time because Pillow dithers towards a palette that it is given, not towards one that it makes.
    if alpha is None:
        return image.quantize(palette=image.quantize(256, kmeans=2))
    image = image.quantize(palette=image.quantize(_TRANSPARENT, kmeans=2))
    palette = (image.getpalette() or [])[: 3 * _TRANSPARENT]
    image = Image.fromarray(np.where(alpha == 0, np.uint8(_TRANSPARENT), np.asarray(image)))
    image.putpalette([*palette, *[255] * (768 - len(palette))])
    return image


def _write_webp(
    file: BinaryIO,
    frames: Iterable[np.ndarray],
    durations: Sequence[int],
    recipe: Dict[str, Any],
    plays: int,
    has_alpha: bool,
) -> None:
    first, *rest = (Image.fromarray(frame) for frame in frames)
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=rest,
        duration=list(durations) if rest else durations[0],
        loop=plays,
        lossless=True,
        exif=recipes.to_exif(recipe),
        icc_profile=colour.srgb_profile(),
    )
