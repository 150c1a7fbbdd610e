"""Reads pictures to arrays and writes arrays to pictures.

`read` converts any picture to the form that the net dreams on. `write` stores a dream and its recipe in the format
given by the extension of the file.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from .. import system
from ..arrays import Size
from ..compat import prod
from ..errors import DreamError, UsageError
from ..storage import files
from . import colour, heic, noise, png, transparency
from . import recipe as recipes
from .recipe import Recipe

_FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".avif": "AVIF",
}
_PER_PIXEL = 12  # bytes: the picture in Pillow, its conversion, and the array
_ICC_PROFILE = 34675  # TIFF tag
_LANCZOS = 1  # the filter in Pillow; its name moved between releases, its number did not


@dataclass(frozen=True)
class Picture:
    """A picture that was read.

    pixels: (h, w, 3) uint8, RGB in sRGB. alpha: (h, w) uint8, or None if the file has none.
    sha256: the SHA-256 of the file in hexadecimal; for noise, of its shape and pixels.
    """

    pixels: np.ndarray
    alpha: Optional[np.ndarray]
    sha256: str

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.pixels.shape[0], self.pixels.shape[1]


def read(source: str, max_size: Optional[int] = None, seed: Optional[int] = None) -> Picture:
    """Reads a picture in any format that Pillow opens; of an animation, the first frame.

    Applies the EXIF orientation and converts an embedded ICC profile to sRGB. The pixels of an 8-bit RGB picture in
    sRGB or without a profile stay exactly the same; 16 bits or more are reduced to 8.

    source: a path, an address (see files.py), "-" for standard input, or noise:WIDTHxHEIGHT. seed: seed of the noise.
    max_size: the longest side in pixels; larger pictures are shrunk to it.
    Raises UsageError for a max_size below 1 or an invalid noise size, DreamError for anything that cannot be read.
    """
    if max_size is not None and max_size < 1:
        raise UsageError(f"the longest side of a picture must be at least 1 pixel, not {max_size}")
    size = noise.size_of(source)
    if size:
        pixels = noise.make(*fit(size, max_size), seed or 0)
        return Picture(pixels, None, hashlib.sha256(f"{pixels.shape}".encode() + pixels.tobytes()).hexdigest())
    data, name = files.read(source)
    image = _open(data, name)
    try:
        rgb, alpha = colour.to_rgb(image)
        size = fit(rgb.size, max_size)
        if rgb.size != size:
            rgb = rgb.resize(size, _LANCZOS)
            alpha = alpha and alpha.resize(size, _LANCZOS)
        pixels = np.array(rgb)
    except MemoryError:
        raise _too_large(name) from None
    except ValueError as error:
        raise DreamError(f"{name} has pixels that cannot be turned into RGB ({error}): save it as RGB first") from None
    return Picture(pixels, None if alpha is None else np.array(alpha), hashlib.sha256(data).hexdigest())


def read_recipe(source: str) -> Recipe:
    """Returns the recipe stored in a picture. The pixels of a PNG are not decoded.

    source: a path, or "-" for standard input. Raises DreamError if it is not a picture, if the picture is damaged, or
    if the recipe is missing or damaged.
    """
    data, name = files.read(source)
    if not data.startswith(png.SIGNATURE):
        return recipes.find(_open(data, name), name)
    try:
        with Image.open(io.BytesIO(png.without_pixels(data))) as image:
            return recipes.find(image, name)
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow raises for broken texts
        raise _damaged(name, error) from None


def to_uint8(dream: np.ndarray, clip: bool = True) -> np.ndarray:
    """Converts a dream to 8-bit pixels, truncated rather than rounded, as in 2015.

    dream: (h, w, 3) float32. clip: False for a dream that was not clipped; its brightness is rescaled first.
    Returns (h, w, 3) uint8.
    """
    if not clip:
        # In float64, as NumPy did in 2015; today it would compute the position of the percentile in float32.
        white = float(np.percentile(dream.astype(np.float64), 99.98))
        if white > 0:
            dream = dream * (255 / white)
    return np.clip(dream, 0, 255).astype(np.uint8)


def is_named_so(path: Path) -> bool:
    """Whether a file has the extension of a picture format that can be read."""
    Image.init()
    if heic.is_named_so(path):
        heic.is_readable()
    # Pillow can write some formats that it cannot open.
    return not path.name.startswith(".") and Image.EXTENSION.get(path.suffix.lower()) in Image.OPEN


def extensions() -> Dict[str, str]:
    """Maps the extensions that can be written here to the names of the formats in Pillow."""
    Image.init()
    return {extension: kind for extension, kind in _FORMATS.items() if kind in Image.SAVE}


def loss(target: str, alpha: Optional[np.ndarray]) -> Optional[str]:
    """Returns a warning about transparency that the target cannot hold, or None if nothing is lost.

    target: see write. alpha: (h, w) uint8. Raises UsageError for an extension that cannot be written.
    """
    return transparency.loss("PNG" if target == "-" else _format(target), alpha)


class UnknownFormat(UsageError):
    """A name whose extension stands for no format that can be written."""


def check_target(target: str) -> None:
    """Checks, before hours of dreaming, that a picture can be written.

    target: a path, or "-" for standard output. Raises UsageError if it is a folder or has an extension that cannot be
    written, DreamError if its folder is missing or read-only, and whatever files.check raises.
    """
    _format(target)
    files.check(target)


def write(target: str, rgb: np.ndarray, recipe: Recipe, alpha: Optional[np.ndarray] = None, new: bool = False) -> None:
    """Writes a picture and its recipe, tagged as sRGB; the same input gives the same bytes.

    PNG, TIFF and WebP are lossless (lossy WebP would halve the colour resolution). JPEG and AVIF use quality 95 at full
    colour resolution. The file appears under its name once it is complete, or not at all.

    target: a path whose extension gives the format, or "-" for a PNG on standard output. rgb: (h, w, 3) uint8.
    recipe: serializable as JSON. alpha: (h, w) uint8; a JPEG has none and shows the picture on white.
    new: see files.write. Raises UsageError for an extension that cannot be written, DreamError if writing fails.
    """
    files.write(target, _encode(_format(target), rgb, recipe, alpha), new)


def _open(data: bytes, name: str) -> Image.Image:
    """Opens a picture and loads its first frame."""
    if heic.is_one(data) and not heic.is_readable():
        raise DreamError(
            f"{name} is a HEIC picture, which needs pillow-heif: pip install pillow-heif, or save it as JPEG"
        )
    try:
        with warnings.catch_warnings():
            # Ignore warnings about large pictures and odd metadata; neither prevents dreaming.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data))
            if image.format == "EPS":
                raise DreamError(f"{name} is a PostScript program, not a picture: save it as PNG first")
            free = system.free()
            if free is not None and prod(image.size) * _PER_PIXEL > free:
                size = "{}x{}".format(*image.size)
                raise DreamError(f"{name} says that it is {size}, too large for the free memory: shrink it first")
            image.load()
    except DreamError:
        raise
    except UnidentifiedImageError:
        raise DreamError(f"{name} is not a picture in a known format: save it as PNG or JPEG first") from None
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
        raise DreamError(f"{name} says that it has more than {limit} pixels, the limit: shrink it first") from None
    except MemoryError:
        raise _too_large(name) from None
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, ValueError ...
        raise _damaged(name, error) from None
    if 0 in image.size:
        raise DreamError(f"{name} is a picture without pixels: use another one")
    return image


def fit(size: Tuple[int, int], longest: Optional[int]) -> Tuple[int, int]:
    """Shrinks a size to this longest side if it is larger."""
    if longest is None or max(size) <= longest:
        return size
    scale = longest / max(size)
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height


def _encode(kind: str, rgb: np.ndarray, recipe: Recipe, alpha: Optional[np.ndarray]) -> bytes:
    """Encodes a picture; kind is the name of the format in Pillow."""
    rgb, alpha = transparency.as_held(kind, rgb, alpha)
    image = Image.fromarray(np.ascontiguousarray(rgb))
    if alpha is not None:
        image.putalpha(Image.fromarray(np.ascontiguousarray(alpha)))
    buffer = io.BytesIO()
    options = _save_options(kind, recipe)
    try:
        image.save(buffer, kind, **options)
    except Exception as error:  # encoders raise anything, mostly for pictures beyond the limits of the format
        size = "{} x {}".format(*image.size)
        raise DreamError(
            f"a picture of {size} pixels cannot be stored as {kind} ({error}): write a .png instead"
        ) from None
    return buffer.getvalue()


def _save_options(kind: str, recipe: Recipe) -> Dict[str, Any]:
    if kind == "PNG":
        chunks = PngImagePlugin.PngInfo()
        chunks.add(b"sRGB", b"\0")
        chunks.add_text(recipes.KEYWORD, recipes.to_json(recipe))
        return {"pnginfo": chunks}
    profile = colour.srgb_profile()
    if kind == "TIFF":
        return {"tiffinfo": {recipes.IMAGE_DESCRIPTION: recipes.to_json(recipe), _ICC_PROFILE: profile}}
    quality: Dict[str, Dict[str, Any]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "AVIF": {"quality": 95, "subsampling": "4:4:4", "max_threads": 1},  # its bytes depend on the number of threads
        "WEBP": {"lossless": True, "exact": True},
    }
    return {"icc_profile": profile, "exif": recipes.to_exif(recipe), **quality[kind]}


def _format(target: str) -> str:
    """Returns the name in Pillow of the format that the extension stands for, if this Pillow can write it.

    A pipe or a device without an extension takes PNG, like standard output.
    """
    formats = extensions()
    kind = formats.get(Path(target).suffix.lower())
    if kind is None and (target == "-" or files.is_stream(target)):
        return "PNG"
    if kind is None:
        raise UnknownFormat(f"the format of {target} is not known: end its name in {', '.join(formats)}")
    return kind


def _damaged(name: str, error: Exception) -> DreamError:
    detail = str(error) or type(error).__name__
    return DreamError(f"{name} is damaged or truncated ({detail}): download or export it again")


def _too_large(name: str) -> DreamError:
    return DreamError(f"there is not enough memory to read {name}: shrink it first")
