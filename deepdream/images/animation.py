"""Writes a sequence of pictures as a GIF or an animated WebP."""

from typing import Any, BinaryIO, Dict, Iterable, Iterator, Sequence

import numpy as np
from PIL import GifImagePlugin, Image

from ..errors import DreamError
from . import colour, transparency
from . import recipe as recipes

FORMATS = {".gif": "GIF", ".webp": "WEBP"}
_TRANSPARENT = 255  # the palette index of the transparent colour in a GIF
SHORTEST = 20  # milliseconds; browsers show a GIF frame with a shorter duration for a tenth of a second


def write(
    file: BinaryIO,
    kind: str,
    frames: Iterable[np.ndarray],
    durations: Sequence[int],
    recipe: recipes.Recipe,
    plays: int = 0,
    has_alpha: bool = False,
) -> None:
    """Writes an animation.

    A GIF has a palette of 256 colours for each frame, and is dithered. WebP is lossless. Frames are taken one by one;
    a GIF is also written so, and a WebP is held in memory as it is compressed.

    kind: "GIF" or "WEBP". frames: (h, w, 3) uint8, or (h, w, 4) with has_alpha, all of one size; partly transparent
    pixels of a GIF are blended with white. durations: the duration of each frame in milliseconds; a GIF stores
    hundredths of a second. recipe: serializable as JSON; stored in the comment of a GIF or the EXIF of a WebP. plays:
    the number of times the animation is shown; 0 loops forever.
    Raises DreamError if the format cannot hold the frames, OSError if the file cannot be written.
    """
    try:
        if kind == "GIF":
            _write_gif(file, map(_with_256_colours, frames), durations, _gif_header(recipe, plays), has_alpha)
        else:
            _write_webp(file, map(Image.fromarray, frames), durations, recipe, plays)
    except (MemoryError, OSError, DreamError):
        raise
    except Exception as error:  # encoders raise anything, mostly for pictures beyond the limits of the format
        raise DreamError(f"the frames cannot be stored as {kind} ({error}): write them to a folder instead") from None


def _write_gif(
    file: BinaryIO, images: Iterator[Image.Image], durations: Sequence[int], header: Dict[str, Any], has_alpha: bool
) -> None:
    """Uses the building blocks of Pillow, because save() would hold all frames in memory."""
    options: Dict[str, Any] = {"include_color_table": True}
    if has_alpha:
        options.update(transparency=_TRANSPARENT, disposal=2)  # transparent pixels do not show the previous frame
    for number, (image, duration) in enumerate(zip(images, durations)):
        blocks, _ = GifImagePlugin.getheader(image, info=header)  # this also puts the palette in order
        if number == 0:
            file.writelines(blocks)
        # Pillow before 9.2 writes the comment and the loop with the first frame, not in the header. Real Caffe's
        # environments are limited to Pillow 8 and 9, so this stays.
        once = header if number == 0 else {}
        file.writelines(GifImagePlugin.getdata(image, duration=duration, **options, **once))
    file.write(b";")


def _gif_header(recipe: recipes.Recipe, plays: int) -> Dict[str, Any]:
    """What a GIF stores once, for all frames."""
    header: Dict[str, Any] = {"comment": recipes.to_json(recipe).encode("ascii")}
    if plays != 1:  # a GIF stores the number of repeats; without it, it is shown once
        header["loop"] = max(0, plays - 1)
    return header


def _with_256_colours(frame: np.ndarray) -> Image.Image:
    """Reduces a frame to 256 colours. With alpha, the last one marks transparent pixels."""
    rgb, alpha = transparency.as_held("GIF", *transparency.split(frame))
    image = Image.fromarray(np.ascontiguousarray(rgb))
    # Without k-means, Pillow's median cut would lose the few bright yellows and reds of a dream. quantize is called a
    # second time because Pillow dithers only to a palette that it is given.
    if alpha is None:
        return image.quantize(palette=image.quantize(256, kmeans=2))
    image = image.quantize(palette=image.quantize(_TRANSPARENT, kmeans=2))
    palette = (image.getpalette() or [])[: 3 * _TRANSPARENT]
    image = Image.fromarray(np.where(alpha == 0, np.uint8(_TRANSPARENT), np.asarray(image)))
    image.putpalette([*palette, *[255] * (768 - len(palette))])
    return image


def _write_webp(
    file: BinaryIO, images: Iterator[Image.Image], durations: Sequence[int], recipe: recipes.Recipe, plays: int
) -> None:
    first, rest = next(images), len(durations) - 1
    first.save(
        file,
        "WEBP",
        save_all=True,
        append_images=[_Rest(images, rest)] if rest else [],
        duration=list(durations) if rest else durations[0],
        loop=plays,
        lossless=True,
        exif=recipes.to_exif(recipe),
        icc_profile=colour.srgb_profile(),
    )
    next(images, None)  # whoever counts the frames hears of the last one, too


class _Rest:
    """Pictures as one with several frames, each of which is taken when Pillow seeks it, and then given up."""

    def __init__(self, images: Iterator[Image.Image], count: int):
        self.n_frames, self._images = count, images

    def seek(self, _: int) -> None:
        self._image = next(self._images)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._image, name)
