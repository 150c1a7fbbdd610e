"""Transparency, one rule for all that is written: kept where the format can hold it, else laid on white, and said.

A dream is made of the colours that a picture has, those under what is transparent too; how opaque each pixel is stays
as it was. Alpha is (h, w) uint8, 255 where a pixel is opaque, and None where all are.
"""

from typing import Optional, Tuple

import numpy as np
from PIL import Image

_HOLDS = {"PNG", "WEBP", "TIFF", "AVIF", "WEBM"}  # every degree of it
_OPAQUE = 128  # from there on, a pixel of a GIF is


def as_held(kind: str, rgb: np.ndarray, alpha: Optional[np.ndarray]) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """A picture's pixels and alpha as a format can hold them.

    kind: what picture.py, animation.py and films call the format. rgb: (h, w, 3) uint8.
    """
    if alpha is None or kind in _HOLDS:
        return rgb, alpha
    if kind != "GIF":
        return on_white(rgb, alpha), None
    is_opaque = alpha >= _OPAQUE
    return on_white(rgb, np.where(is_opaque, alpha, np.uint8(0))), np.where(is_opaque, np.uint8(255), np.uint8(0))


def if_any(alpha: Optional[np.ndarray]) -> Optional[np.ndarray]:
    """Alpha, or None where everything is opaque."""
    return None if alpha is None or alpha.min() == 255 else alpha


def is_held(kind: str) -> bool:
    """Whether a format can hold any of it."""
    return kind in _HOLDS or kind == "GIF"


def on_white(rgb: np.ndarray, alpha: Optional[np.ndarray]) -> np.ndarray:
    """(h, w, 3) uint8: a picture as it looks on white paper."""
    if alpha is None:
        return rgb
    image, layer = (Image.fromarray(np.ascontiguousarray(plane)) for plane in (rgb, alpha))
    return np.asarray(Image.composite(image, Image.new("RGB", image.size, "white"), layer))


def loss(kind: str, alpha: Optional[np.ndarray]) -> Optional[str]:
    """What to say of the transparency that a format cannot hold; None where nothing is lost. kind: see as_held."""
    alpha = if_any(alpha)
    if alpha is None or kind in _HOLDS:
        return None
    if kind != "GIF":
        return f"{kind} cannot hold transparency: what is transparent becomes white"
    if np.isin(alpha, (0, 255)).all():
        return None
    return "a GIF's pixels are transparent or not: what is half transparent becomes white"


def split(pixels: np.ndarray) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """(h, w, 3 or 4) uint8 -> RGB and alpha."""
    return pixels[..., :3], pixels[..., 3] if pixels.shape[2] == 4 else None


def joined(rgb: np.ndarray, alpha: Optional[np.ndarray]) -> np.ndarray:
    """RGB and alpha -> (h, w, 3 or 4) uint8."""
    return rgb if alpha is None else np.dstack([rgb, alpha])


def resized(alpha: Optional[np.ndarray], height: int, width: int) -> Optional[np.ndarray]:
    """Alpha of another size."""
    return None if alpha is None else np.array(Image.fromarray(alpha).resize((width, height)))
