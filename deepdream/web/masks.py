"""Fits a visitor's mask to the picture."""

from dataclasses import replace

import numpy as np
from PIL import Image

from ..arrays import Size
from ..errors import DreamError
from ..images.picture import Picture


def fitted(mask: Picture, size: Size) -> Picture:
    """The mask at the size of the picture, (height, width). Raises DreamError if it has another shape.

    The page paints a mask at the size at which a browser can, and both pictures may have been shrunk since.
    """
    (h, w), (mask_h, mask_w) = size, mask.size
    if (h, w) == (mask_h, mask_w):
        return mask
    if abs(mask_w * h - mask_h * w) > max(h, w, mask_h, mask_w):  # more than a pixel of a side
        raise DreamError(f"the mask is {mask_w}x{mask_h} and the picture {w}x{h}: give it the same shape")
    alpha = None if mask.alpha is None else np.asarray(Image.fromarray(mask.alpha).resize((w, h)))
    return replace(mask, pixels=np.asarray(Image.fromarray(mask.pixels).resize((w, h))), alpha=alpha)
