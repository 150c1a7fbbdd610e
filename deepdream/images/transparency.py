"""Transparency, with one rule for all output: kept if the format can hold it, else blended with white and reported.

The dream is computed on the colours of the picture, including those of transparent pixels; alpha stays unchanged. Alpha
is (h, w) uint8, 255 for an opaque pixel, or None if all pixels are opaque.
"""

from typing import Optional, Tuple

import numpy as np
from PIL import Image

_HOLDS = {"PNG", "WEBP", "TIFF", "AVIF", "WEBM"}  # formats with full alpha
_OPAQUE = 128  # pixels of a GIF are opaque from this alpha on


def as_held(kind: str, rgb: np.ndarray, alpha: Optional[np.ndarray]) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Converts pixels and alpha to what a format can hold.

    kind: the name of the format in picture.py, animation.py and the video package. rgb: (h, w, 3) uint8.
    """
    if alpha is None or kind in _HOLDS:
        return rgb, alpha
    if kind != "GIF":
        return on_white(rgb, alpha), None
    is_opaque = alpha >= _OPAQUE
    return on_white(rgb, np.where(is_opaque, alpha, np.uint8(0))), np.where(is_opaque, np.uint8(255), np.uint8(0))


def if_any(alpha: Optional[np.ndarray]) -> Optional[np.ndarray]:
    """Returns alpha, or None if every pixel is opaque."""
    return None if alpha is None or alpha.min() == 255 else alpha


def is_held(kind: str) -> bool:
    """Whether a format can hold any transparency."""
    return kind in _HOLDS or kind == "GIF"


def on_white(rgb: np.ndarray, alpha: Optional[np.ndarray]) -> np.ndarray:
    """Blends a picture with white: (h, w, 3) uint8."""
    if alpha is None:
        return rgb
    image, layer = (Image.fromarray(np.ascontiguousarray(plane)) for plane in (rgb, alpha))
    return np.asarray(Image.composite(image, Image.new("RGB", image.size, "white"), layer))


def loss(kind: str, alpha: Optional[np.ndarray]) -> Optional[str]:
    """Returns a warning about transparency that a format cannot hold, or None if nothing is lost. kind: see as_held."""
    alpha = if_any(alpha)
    if alpha is None or kind in _HOLDS:
        return None
    if kind != "GIF":
        return f"{kind} cannot hold transparency: transparent pixels become white"
    if np.isin(alpha, (0, 255)).all():
        return None
    return (
        "a GIF cannot hold partial transparency: partly transparent pixels become opaque on white or fully transparent"
    )


def split(pixels: np.ndarray) -> Tuple[np.ndarray, Optional[np.ndarray]]:
    """Splits (h, w, 3 or 4) uint8 into RGB and alpha."""
    return pixels[..., :3], pixels[..., 3] if pixels.shape[2] == 4 else None


def joined(rgb: np.ndarray, alpha: Optional[np.ndarray]) -> np.ndarray:
    """Joins RGB and alpha to (h, w, 3 or 4) uint8."""
    return rgb if alpha is None else np.dstack([rgb, alpha])


def resized(alpha: Optional[np.ndarray], height: int, width: int) -> Optional[np.ndarray]:
    """Resizes alpha."""
    return None if alpha is None else np.array(Image.fromarray(alpha).resize((width, height)))
