"""Converts pictures of any mode and ICC profile to sRGB, which the nets were trained on."""

import contextlib
import io
import warnings
from typing import Optional, Tuple

import numpy as np
from PIL import Image, ImageCms, ImageOps


def to_rgb(image: Image.Image) -> Tuple[Image.Image, Optional[Image.Image]]:
    """Converts a picture of any mode to (RGB in sRGB, alpha as L or None) and applies the EXIF orientation."""
    with warnings.catch_warnings(), contextlib.suppress(Exception):  # ignore a broken EXIF block
        warnings.simplefilter("ignore")
        image = ImageOps.exif_transpose(image)
    profile = image.info.get("icc_profile")
    if image.mode == "F" or image.mode.startswith("I"):
        image = _to_8_bits(image)
    alpha = None
    if image.mode in ("LA", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        grey = image.mode in ("L", "LA")
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
        if grey:
            image = image.convert("L")
    elif image.mode == "1":
        image = image.convert("L")
    elif image.mode not in ("L", "CMYK", "LAB"):
        image = image.convert("RGB")
    return _to_srgb(image, profile), alpha


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Converts grey of 16 or 32 bits, or in floating point, to L.

    White is 65535; in floating point, it is the first of 1, 255 and 65535 that no pixel exceeds. If values lie outside
    these ranges, the picture is rescaled to fit.
    """
    values = np.asarray(image, dtype=np.float64)
    values = np.where(np.isfinite(values), values, 0)
    low, high = min(values.min(), 0), values.max()
    if low == 0:
        whites = (1, 255, 65535) if image.mode == "F" else (65535,)
        high = next((white for white in whites if high <= white), high)
    scaled = (values - low) * (255 / max(high - low, 1e-30))
    return Image.fromarray((scaled + 0.5).astype(np.uint8))


def _to_srgb(image: Image.Image, profile: Optional[bytes]) -> Image.Image:
    """Converts L, RGB, CMYK or LAB to sRGB. Ignores a profile that is broken or does not fit the mode."""
    if profile or image.mode == "LAB":
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
            if image.mode == "L" and source.profile.xcolor_space.strip() == "RGB":
                image = image.convert("RGB")
            transform = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), image.mode, "RGB")
            if image.mode != "RGB" or not _leaves_alone(transform):
                return transform.apply(image)
    return image.convert("RGB")


def _leaves_alone(transform: ImageCms.ImageCmsTransform) -> bool:
    """Whether a transform changes no colour beyond rounding. Profiles of sRGB have many names, so names do not help."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    moved = np.asarray(transform.apply(Image.fromarray(colours)), dtype=np.int16)
    return bool(np.abs(moved - colours).max() <= 2)


def srgb_profile() -> bytes:
    """Returns an ICC profile of sRGB to embed in a file; its bytes are always the same."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Replace the creation time in the header by 1 July 2015, so that equal pictures give equal files.
    profile[24:36] = np.array([2015, 7, 1, 0, 0, 0], dtype=">u2").tobytes()
    return bytes(profile)
