"""Animations: pictures, one after the other -> a GIF or an animated WebP that loops forever."""

from typing import Any, BinaryIO, Dict, Iterable, Sequence

import numpy as np
from PIL import GifImagePlugin, Image

from . import colour
from . import recipe as recipes
from .errors import DreamError

FORMATS = {".gif": "GIF", ".webp": "WEBP"}
SHORTEST = 20  # milliseconds: browsers show what a GIF wants to be shown shorter for a tenth of a second


def write(
    file: BinaryIO, kind: str, frames: Iterable[np.ndarray], durations: Sequence[int], recipe: Dict[str, Any]
) -> None:
    """Writes an animation.

    A GIF has 256 colours a frame, chosen for each and dithered, and is written frame by frame. WebP keeps every pixel,
    and its frames are in memory all at once.

    kind: "GIF" or "WEBP". frames: (h, w, 3) uint8, of one size. durations: of each, in milliseconds; a GIF counts in
    hundredths of a second. recipe: what JSON can hold; GIF has it as its comment, WebP in its EXIF.
    Raises DreamError for what the format cannot hold; OSError where the file cannot be written.
    """
    images = (Image.fromarray(frame) for frame in frames)
    try:
        {"GIF": _write_gif, "WEBP": _write_webp}[kind](file, images, durations, recipe)
    except (MemoryError, OSError, DreamError):
        raise
    except Exception as error:  # encoders raise whatever comes, mostly for a picture beyond the format's limits
        raise DreamError(f"the frames cannot be stored as {kind} ({error}): write them to a folder") from None


def _write_gif(file: BinaryIO, images: Iterable[Image.Image], durations: Sequence[int], recipe: Dict[str, Any]) -> None:
    """With Pillow's building blocks: its save() would hold all frames in memory."""
    once: Dict[str, Any] = {"loop": 0, "comment": recipes.to_json(recipe).encode("ascii")}
    for number, (image, duration) in enumerate(zip(map(_with_256_colours, images), durations)):
        header, _ = GifImagePlugin.getheader(image, info=once)  # which puts the palette in order, too
        if number == 0:
            file.writelines(header)
        more: Dict[str, Any] = {} if number else once  # what Pillow before 9.2 puts there, and now into the header
        file.writelines(GifImagePlugin.getdata(image, duration=duration, include_color_table=True, **more))
    file.write(b";")


def _with_256_colours(image: Image.Image) -> Image.Image:
    # Without k-means the few bright yellows and reds of a dream would be lost in Pillow's median cut; and it is done a
    # second time because Pillow dithers towards a palette that it is given, not towards one that it makes.
    return image.quantize(palette=image.quantize(256, kmeans=2))


def _write_webp(
    file: BinaryIO, images: Iterable[Image.Image], durations: Sequence[int], recipe: Dict[str, Any]
) -> None:
    first, *rest = images
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=rest,
        duration=list(durations) if rest else durations[0],
        loop=0,
        lossless=True,
        exif=recipes.to_exif(recipe),
        icc_profile=colour.srgb_profile(),
    )
