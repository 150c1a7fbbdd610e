"""What the page is made of, and how what is on it is read. Importing this imports Gradio."""

import os
from html import escape
from pathlib import Path
from typing import Any, Dict, Optional

import gradio as gr
import numpy as np
from PIL import Image

from ..errors import UsageError, printable
from ..settings import DREAM, WEB_MOST
from . import choices
from .storage import NOT_HERE

_MOST_DIGITS = 20  # Python takes no number of thousands of them
_PREVIEWS = 3  # pictures of a dream under way that stay


def samples(layers: choices.Layers, layer: str) -> Dict[str, Any]:
    """Of the gallery: the small pictures, and that of a layer marked, if it has one."""
    names, words = list(layers.samples), {name: said for said, name in layers.choices}
    return {
        "value": [(path, words[name]) for name, path in layers.samples.items()],
        "selected_index": names.index(layer) if layer in names else -1,  # None would leave the last one marked
        "visible": bool(names),
    }


def upload(label: str, placeholder: str, **options: Any) -> gr.Image:
    """A place for a picture of the visitor's."""
    return gr.Image(
        label=label,
        placeholder=placeholder,
        sources=["upload", "clipboard"],
        buttons=[],
        alt_text="what you gave",
        **options,
    )


def slider(name: str) -> gr.Slider:
    """Of one of the dream's settings, by the name of its field."""
    limits = DREAM.__dataclass_fields__[name].metadata
    value = getattr(DREAM, name)
    return gr.Slider(
        limits["least"], WEB_MOST[name], value, step=1, label=limits["option"], info=limits["help"], precision=0
    )


def sent_path(upload: Any) -> Optional[str]:
    """What a visitor sent for a file's path; None where no file was given. Raises UsageError for anything else."""
    if upload is None:
        return None
    path = upload.get("path") if isinstance(upload, dict) else None
    if not isinstance(path, str):
        raise UsageError(NOT_HERE)
    return path


def write_preview(path: Path, pixels: np.ndarray) -> None:
    """Stores a picture of a dream under way; of the older ones a few stay, which a browser may still ask for."""
    Image.fromarray(pixels).save(path)
    for old in sorted(path.parent.glob("growing*"), key=os.path.getmtime)[:-_PREVIEWS]:
        old.unlink()


def typed_seed(typed: Any) -> Any:
    """A seed as it was typed, None for nothing; what is no number is left to the settings to refuse."""
    text = str(typed or "").strip()
    return int(text) if text.isdecimal() and len(text) < _MOST_DIGITS else text or None


def status(words: str, share: Optional[float] = None, is_wrong: bool = False) -> str:
    """The line that says how it stands, with a bar while it goes on."""
    bar = "" if share is None else f'<progress value="{share:.3f}"></progress>'
    kind = ' class="wrong"' if is_wrong else ""
    return f'<div role="status">{bar}<p{kind}>{escape(printable(words))}</p></div>'
