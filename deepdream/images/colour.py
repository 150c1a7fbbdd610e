"""Colour: any of Pillow's modes and any ICC profile -> RGB in sRGB, which is what the nets were trained on."""

import contextlib
import io
import warnings
from typing import Optional, Tuple

import numpy as np
from PIL import Image, ImageCms, ImageOps


def to_rgb(image: Image.Image) -> Tuple[Image.Image, Optional[Image.Image]]:
    """Any mode -> (RGB picture in sRGB, alpha as L or None), turned upright."""
    with warnings.catch_warnings(), contextlib.suppress(Exception):  # a broken EXIF block says nothing
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
    """Grey of 16 or 32 bits, or floating point, -> L.

    White is 65535, or for floating point 1, 255 or 65535, whichever is the first that no pixel exceeds; values outside
    all of these are stretched to fit.
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
    """L, RGB, CMYK or LAB -> RGB in sRGB. A profile that is broken, or not of the picture's kind, is left out."""
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
    """Whether a transform from RGB to sRGB moves no colour beyond rounding: profiles of sRGB go by many names."""
    levels = np.arange(0, 256, 15, dtype=np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3)
    moved = np.asarray(transform.apply(Image.fromarray(colours)), dtype=np.int16)
    return bool(np.abs(moved - colours).max() <= 2)


def srgb_profile() -> bytes:
    """An ICC profile of sRGB, to embed in a file: always the same bytes."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # The header says when it was made, which is now: 1 July 2015 instead, so that equal pictures make equal files.
    profile[24:36] = np.array([2015, 7, 1, 0, 0, 0], dtype=">u2").tobytes()
    return bytes(profile)
