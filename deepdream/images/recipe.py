"""The recipe that travels with a picture: the settings it was dreamt with, as JSON, and where each format keeps it.

PNG has text chunks, GIF a comment and TIFF ImageDescription; JPEG, WebP and AVIF carry EXIF, whose UserComment is the
field that galleries do not show as a caption.
"""

import json
import struct
from typing import Any, Collection, Dict, Optional

from PIL import Image

from ..errors import DreamError

KEYWORD = "dreamify"
# Keys that say how a dream was computed, not what was asked for.
HOW = frozenset({"version", "engine", "engine_version", "device", "threads", "memory"})
IMAGE_DESCRIPTION = 0x010E
_EXIF_IFD, _USER_COMMENT = 0x8769, 0x9286
_WIDEST = 40  # characters of a setting's name; a longer one is nobody's, and would move every value out of sight
_ASCII = b"ASCII\0\0\0"  # the character code that opens a UserComment


def to_json(recipe: Dict[str, Any]) -> str:
    """The recipe as one line of ASCII, under the key `dreamify` and in the recipe's own order."""
    return json.dumps({KEYWORD: recipe}, allow_nan=False)


def to_exif(recipe: Dict[str, Any]) -> bytes:
    """An EXIF block that holds the recipe as UserComment, and nothing else.

    Made by hand, because Pillow would store the comment as BYTE; EXIF wants UNDEFINED.
    """
    comment = _ASCII + to_json(recipe).encode("ascii")
    long, undefined = 4, 7
    header = b"Exif\0\0MM\0*" + struct.pack(">L", 8)  # offsets count from MM
    ifd0 = struct.pack(">HHHLLL", 1, _EXIF_IFD, long, 1, 26, 0)  # one entry of 18 bytes, so the next IFD starts at 26
    exif_ifd = struct.pack(">HHHLLL", 1, _USER_COMMENT, undefined, len(comment), 44, 0)
    return header + ifd0 + exif_ifd + comment


def find(image: Image.Image, name: str) -> Dict[str, Any]:
    """The recipe in an opened and loaded picture.

    name: the picture's name, for messages. Raises DreamError where there is no recipe, or one that cannot be read.
    """
    return parse(_stored(image), name)


def parse(text: Optional[str], name: str) -> Dict[str, Any]:
    """The recipe in what stands where one would.

    text: None for nothing. name: the file's name, for messages. Raises DreamError where there is no recipe, or one that
    cannot be read.
    """
    if text is None or not text.startswith(f'{{"{KEYWORD}":'):
        raise DreamError(f"{name} holds no recipe: it was not made by dreamify, or another program rewrote it")
    try:
        recipe = json.loads(text)[KEYWORD]
    except (ValueError, RecursionError):
        recipe = None
    if not isinstance(recipe, dict):
        raise DreamError(f"the recipe in {name} is damaged: use the file as dreamify wrote it")
    return recipe


def difference(there: Dict[str, Any], asked: Dict[str, Any], free: Collection[str]) -> Optional[str]:
    """The first key, beside those that are free, in which a recipe that was read is not the one that is asked for."""
    wanted = json.loads(json.dumps(asked))
    for key in [*wanted, *there]:
        if key not in free and there.get(key) != wanted.get(key):
            return str(key)
    return None


def _stored(image: Image.Image) -> Optional[str]:
    """What stands where a recipe would, whichever format the picture is in now: other programs convert and keep it."""
    places = [image.info.get(KEYWORD), getattr(image, "tag_v2", {}).get(IMAGE_DESCRIPTION)]
    try:
        places.append(image.getexif().get_ifd(_EXIF_IFD).get(_USER_COMMENT))
    except Exception:  # Pillow's EXIF reader raises whatever comes when the block is broken
        places.append(None)
    comment = image.info.get("comment")  # a GIF's; of a JPEG it is whatever a camera says
    places.append(comment.decode("ascii", "replace") if isinstance(comment, bytes) else comment)
    for place in places:
        if isinstance(place, bytes):
            return place[len(_ASCII) :].decode("ascii", "replace")
        if isinstance(place, str):
            return place
    return None


def recipe_text(recipe: Dict[str, Any]) -> str:
    """The recipe for people: a line for each setting, values in one column, no newline at the end.

    What a terminal would act on instead of showing it (the file may be anyone's) is escaped.
    """
    lines = [(_plain(key), _plain(value)) for key, value in recipe.items()]
    width = max((len(key) for key, _ in lines if len(key) <= _WIDEST), default=0)
    return "\n".join(f"{key:{width}}  {value}" for key, value in lines)


def _plain(value: Any) -> str:
    if isinstance(value, str) and value.isprintable():
        return value
    if value is None or isinstance(value, bool):
        return {None: "none", True: "yes", False: "no"}[value]
    return json.dumps(value)
