"""Animations: frames on disk -> the bytes of a GIF or an animated WebP that loops forever."""

import io
from pathlib import Path
from typing import Any, Dict, Sequence

from PIL import Image

from . import colour
from . import recipe as recipes
from .errors import DreamError

FORMATS = {".gif": "GIF", ".webp": "WEBP"}
DURATION = 100  # milliseconds of each frame; a GIF counts in hundredths of a second


def encode(kind: str, frames: Sequence[Path], recipe: Dict[str, Any], duration: int = DURATION) -> bytes:
    """An animation file's bytes.

    WebP keeps every pixel. A GIF has 256 colours a frame, chosen for each and dithered.

    kind: "GIF" or "WEBP". frames: pictures of one size, all held in memory at once. recipe: what JSON can hold; GIF
    has it as its comment, WebP in its EXIF. duration: of each frame, in milliseconds.
    Raises DreamError for a frame that cannot be read, and for what the format cannot hold.
    """
    images = [_frame(path, kind) for path in frames]
    options: Dict[str, Any] = {"save_all": True, "append_images": images[1:], "duration": duration, "loop": 0}
    if kind == "GIF":
        options["comment"] = recipes.to_json(recipe).encode("ascii")
    else:
        options.update(lossless=True, exif=recipes.to_exif(recipe), icc_profile=colour.srgb_profile())
    buffer = io.BytesIO()
    try:
        images[0].save(buffer, kind, **options)
    except MemoryError:
        raise
    except Exception as error:  # encoders raise whatever comes, mostly for a picture beyond the format's limits
        raise DreamError(f"{len(images)} frames cannot be stored as {kind} ({error}): zoom to a folder") from None
    return buffer.getvalue()


def _frame(path: Path, kind: str) -> Image.Image:
    try:
        with Image.open(path) as image:
            rgb = image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise DreamError(f"the frame {path} cannot be read ({error}): remove its folder and zoom anew") from None
    if kind != "GIF":
        return rgb
    # Without k-means the few bright yellows and reds of a dream would be lost in Pillow's median cut; and it is done a
    # second time because Pillow dithers towards a palette that it is given, not towards one that it makes.
    return rgb.quantize(palette=rgb.quantize(256, kmeans=2))
