"""Creates the components of the page and parses their values. Importing this module imports Gradio."""

import os
from html import escape
from pathlib import Path
from typing import Any, List, Optional, Tuple, TypedDict

import gradio as gr
import numpy as np
from PIL import Image

from ..errors import UsageError, printable
from ..settings import DREAM, WEB_MAXIMA
from . import choices
from .storage import NOT_HERE

_MAX_DIGITS = 20  # Python refuses to parse numbers with thousands of digits
_PREVIEWS = 3  # how many pictures of a running dream to keep


class Samples(TypedDict):
    """The properties of the gallery that shows samples of the layers."""

    value: List[Tuple[str, str]]  # the path and the label of each
    selected_index: int
    visible: bool


def samples(layers: choices.Layers, layer: str) -> Samples:
    """The small pictures of what the layers show, with that of one layer selected if it has one."""
    names, words = list(layers.samples), {name: said for said, name in layers.choices}
    return {
        "value": [(path, words[name]) for name, path in layers.samples.items()],
        "selected_index": names.index(layer) if layer in names else -1,  # None would leave the last one selected
        "visible": bool(names),
    }


def upload(label: str, placeholder: str, elem_id: str, height: int) -> gr.Image:
    """A field for a visitor's picture."""
    return gr.Image(
        label=label,
        placeholder=placeholder,
        sources=["upload", "clipboard"],
        buttons=[],
        alt_text="your picture",
        elem_id=elem_id,
        height=height,
    )


def slider(name: str) -> gr.Slider:
    """A slider for the dream setting with this field name."""
    limits = DREAM.__dataclass_fields__[name].metadata
    value = getattr(DREAM, name)
    return gr.Slider(
        limits["minimum"], WEB_MAXIMA[name], value, step=1, label=limits["option"], info=limits["help"], precision=0
    )


def sent_path(upload: object) -> Optional[str]:
    """The file path in what a visitor sent; None if no file was given. Raises UsageError for anything else."""
    if upload is None:
        return None
    path = upload.get("path") if isinstance(upload, dict) else None
    if not isinstance(path, str):
        raise UsageError(NOT_HERE)
    return path


def write_preview(path: Path, pixels: np.ndarray) -> None:
    """Store a picture of a running dream and delete older ones, except a few that a browser may still ask for."""
    Image.fromarray(pixels).save(path)
    for old in sorted(path.parent.glob("growing*"), key=os.path.getmtime)[:-_PREVIEWS]:
        old.unlink()


def typed_seed(typed: object) -> Any:
    """Parse a seed; None if nothing was typed. Anything but a number is returned as is, for the settings to reject."""
    text = str(typed or "").strip()
    return int(text) if text.isdecimal() and len(text) < _MAX_DIGITS else text or None


def status(words: str, share: Optional[float] = None, is_wrong: bool = False) -> str:
    """The status line as HTML, with a progress bar if share is given."""
    bar = "" if share is None else f'<progress value="{share:.3f}"></progress>'
    kind = ' class="wrong"' if is_wrong else ""
    return f'<div role="status">{bar}<p{kind}>{escape(printable(words))}</p></div>'
