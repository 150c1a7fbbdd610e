"""The recipe stored in a picture: the settings that it was dreamt with, as JSON.

PNG stores it in a text chunk, GIF in the comment and TIFF in ImageDescription. JPEG, WebP and AVIF store it in EXIF, as
UserComment, which galleries do not show as a caption.
"""

import json
import struct
from typing import Any, Collection, Dict, Optional

from PIL import Image

from ..errors import DreamError

Recipe = Dict[str, Any]  # what JSON can hold, as it reads back from a file: see normalized

KEYWORD = "dreamify"
# Keys that describe how a dream was computed, not what was requested.
HOW = frozenset({"version", "engine", "engine_version", "device", "threads", "memory"})
WORDING = frozenset({"asked_layer", "asked_channel", "asked_layers"})  # how what was dreamt on was named
MODEL, NUMBERS = "model_sha256", "numbers_sha256"  # of the file that a net's weights are in, and of the numbers in it
MEAN, SCALE = "model_mean", "model_scale"  # what a folder of the user's own says of the net's input; a card is known
BROWSER = "onnxruntime-web"  # the engine in a recipe of the page that is one file, see browser/
PROGRESS = "moment"  # of an unfinished dream, in words; recipes have used this key from the start
IMAGE_DESCRIPTION = 0x010E
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_WIDEST = 40  # characters in the name of a setting; a longer one is not ours, and would push all values out of sight
_ASCII = b"ASCII\0\0\0"  # the character code at the start of a UserComment


def to_json(recipe: Recipe) -> str:
    """Serializes the recipe as one line of ASCII, under the key `dreamify`, keeping its order."""
    return json.dumps({KEYWORD: recipe}, allow_nan=False)


def to_exif(recipe: Recipe) -> bytes:
    """Returns an EXIF block that holds only the recipe, as UserComment.

    It is built by hand, because Pillow would store the comment as BYTE and EXIF requires UNDEFINED.
    """
    comment = _ASCII + to_json(recipe).encode("ascii")
    long, undefined = 4, 7
    header = b"Exif\0\0MM\0*" + struct.pack(">L", 8)  # offsets are relative to MM
    ifd0 = struct.pack(">HHHLLL", 1, _EXIF_IFD, long, 1, 26, 0)  # one entry of 18 bytes, so the next IFD starts at 26
    exif_ifd = struct.pack(">HHHLLL", 1, _USER_COMMENT, undefined, len(comment), 44, 0)
    return header + ifd0 + exif_ifd + comment


def find(image: Image.Image, name: str) -> Recipe:
    """Returns the recipe in a picture that has been opened, and loaded unless it is a PNG from png.py.

    name: the name of the picture, for messages. Raises DreamError if there is no recipe, or if it cannot be read.
    """
    return parse(_stored(image), name)


def parse(text: Optional[str], name: str) -> Recipe:
    """Parses the text found in the place of a recipe.

    text: None if nothing was found. name: the name of the file, for messages. Raises DreamError if there is no recipe,
    or if it cannot be read.
    """
    if text is None or not text.startswith(f'{{"{KEYWORD}":'):
        raise DreamError(f"{name} holds no recipe: it was not made by dreamify, or another program removed the recipe")
    try:
        recipe = json.loads(text)[KEYWORD]
    except (ValueError, RecursionError):
        recipe = None
    if not isinstance(recipe, dict):
        raise DreamError(f"the recipe in {name} is damaged: use the original file that dreamify wrote")
    return recipe


def normalized(recipe: Recipe) -> Recipe:
    """Returns the recipe as it reads back from a file: JSON turns tuples into lists. All recipes are kept so."""
    read: Recipe = json.loads(json.dumps(recipe))
    return read


def difference(there: Recipe, asked: Recipe, free: Collection[str] = ()) -> Optional[str]:
    """Returns the first key in which a stored recipe differs from the requested one, ignoring the keys in `free`.

    The same net in another file is no difference, nor is another name for the same layer.
    """
    free = {*free, *WORDING, *uncompared(there, asked)}
    differing = (key for key in [*asked, *there] if key not in free and there.get(key) != asked.get(key))
    return next(differing, None)


def uncompared(there: Recipe, asked: Recipe) -> Collection[str]:
    """Returns the keys of two recipes that say nothing of whether their nets are the same.

    A net is its numbers, so their sum decides if both recipes have it, and else that of the file. Recipes of older
    versions have no mean.
    """
    unknown = {key for key in (MEAN, SCALE) if (key in there) != (key in asked)}
    return {MODEL if there.get(NUMBERS) and asked.get(NUMBERS) else NUMBERS, *unknown}


def _stored(image: Image.Image) -> Optional[str]:
    """Returns the text in the place of a recipe, in any format, because other programs may convert a picture."""
    places = [image.info.get(KEYWORD), getattr(image, "tag_v2", {}).get(IMAGE_DESCRIPTION)]
    try:
        places.append(image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT))
    except Exception:  # the EXIF reader of Pillow raises anything on a broken block
        places.append(None)
    comment = image.info.get("comment")  # of a GIF; in a JPEG it is any text of the camera
    places.append(comment.decode("ascii", "replace") if isinstance(comment, bytes) else comment)
    for place in places:
        if isinstance(place, bytes):
            return place[len(_ASCII) :].decode("ascii", "replace")
        if isinstance(place, str):
            return place
    return None


def recipe_text(recipe: Recipe) -> str:
    """Formats the recipe for display: one line per setting, values in one column, no newline at the end.

    Escapes control characters, because the file may come from anyone.
    """
    lines = [(_plain(key), _plain(value)) for key, value in recipe.items()]
    width = max((len(key) for key, _ in lines if len(key) <= _WIDEST), default=0)
    return "\n".join(f"{key:{width}}  {value}" for key, value in lines)


def _plain(value: object) -> str:
    if isinstance(value, str) and value.isprintable():
        return value
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return json.dumps(value)
