"""The page of an atlas: one file that works offline, without scripts, with every picture and its command inside."""

import base64
import html as escaping
import io
import re
from pathlib import Path
from string import Template
from typing import NamedTuple, Optional, Sequence

import numpy as np
from PIL import Image

from ..errors import DreamError, printable
from ..images import recipe as recipes
from ..images.recipe import Recipe
from ..storage import files
from .sheet_picture import Content

_TEMPLATE = Path(__file__).with_name("atlas.html")
_MARK = '<meta name="dreamify" content="'  # and the recipe: it tells that the file is a page of an atlas
_HEAD = 2**16  # bytes: the recipe is within them
_QUALITY = 88  # of the pictures on the page; the commands make them without loss


class Tile(NamedTuple):
    """A channel on the page."""

    name: str  # its number
    content: Content  # (h, w, 3) uint8, with alpha (h, w, 4); or why there is no picture
    command: Optional[str]  # that makes the picture


def html(recipe: Recipe, note: str, tiles: Sequence[Tile]) -> str:
    """The page. recipe: of the atlas. note: on what the layer shows; "" if nothing is known."""
    layer, model = (printable(str(recipe[key])) for key in ("atlas_layer", "model"))
    silent = sum(tile.command is None for tile in tiles)
    fields = {
        "mark": _MARK + escaping.escape(recipes.to_json(recipe)) + '" />',
        "layer": escaping.escape(layer),
        "model": escaping.escape(model),
        "note": escaping.escape(f"Dreams on the whole layer show: {note}." if note else ""),
        "count": str(len(tiles)),
        "silent": f"{silent} of them stay grey, because nothing in the start picture reaches them." if silent else "",
        "start": escaping.escape(str(recipe.get("input", "a picture"))),
        "steps": f"{recipe['iterations']} steps at each of {recipe.get('octaves', 'several')} sizes",
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(fields, tiles="\n".join(map(_tile, tiles)))


def is_page(name: str) -> bool:
    """Whether a file of that name is a page, and not a picture."""
    return Path(name).suffix.lower() in (".html", ".htm")


def is_one(name: str) -> bool:
    """Whether a file is the page of an atlas."""
    try:
        return "atlas_layer" in read_recipe(name)
    except DreamError:
        return False


def read_recipe(name: str) -> Recipe:
    """The recipe of the page of an atlas. Raises DreamError if the file has none, or a damaged one."""
    data, name = files.read(name)
    found = re.search(re.escape(_MARK) + '([^"]*)"', data[:_HEAD].decode("utf-8", "replace"))
    return recipes.parse(escaping.unescape(found.group(1)) if found else None, name)


def _tile(tile: Tile) -> str:
    name = escaping.escape(tile.name)
    if isinstance(tile.content, str):
        return f'<div class="tile grey" id="c{name}"><p>{escaping.escape(tile.content)}</p>{name}</div>'
    image = f'<img src="{_data(tile.content)}" alt="what channel {name} sees" />'
    return (
        f'<details class="tile" id="c{name}"><summary>{image}{name}</summary>'
        f"<code>{escaping.escape(tile.command or '')}</code></details>"
    )


def _data(pixels: np.ndarray) -> str:
    """The picture as a data: address."""
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "WEBP", quality=_QUALITY, method=4)
    return "data:image/webp;base64," + base64.b64encode(stored.getvalue()).decode()
