"""Creates the components of the page and parses their values. Importing this module imports Gradio."""

import contextlib
import os
from html import escape
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional
from urllib.parse import quote

import gradio as gr
import numpy as np
from PIL import Image

from ..errors import UsageError, printable
from ..settings import DREAM, OBJECTIVE, WEB_MAXIMA
from .storage import NOT_HERE

_MAX_DIGITS = 20  # Python refuses to parse numbers with thousands of digits
_PREVIEWS = 3  # how many pictures of a running dream to keep
Update = Dict[str, Any]  # what gr.update returns


class Swatch(NamedTuple):
    """A small picture to choose by."""

    key: str
    words: str
    path: Path
    number: int = 0  # of those in the file, which may hold several, one below the other
    of: int = 1


class Palette:
    """Small pictures of which one is chosen: a group of radio buttons, each of which shows a picture.

    Gradio's gallery would make each of them a stop of the Tab key, and call them by numbers.
    """

    def __init__(self, swatches: Iterable[Swatch], label: str, elem_id: str, chosen: Optional[str] = None):
        self._id, given = elem_id, list(swatches)
        self.style = gr.Markdown(self._pictures(given), sanitize_html=False, elem_classes="unseen")
        self.radio = gr.Radio(
            [(each.words, each.key) for each in given],
            value=chosen,
            label=label,
            elem_id=elem_id,
            elem_classes="palette",
            interactive=True,
            visible=bool(given),
        )

    def filled(self, swatches: Iterable[Swatch], chosen: Optional[str]) -> Dict[Any, Update]:
        """The updates that show other pictures, of which one may be chosen."""
        given = list(swatches)
        keys = [each.key for each in given]
        radio = gr.update(
            choices=[(each.words, each.key) for each in given],
            value=chosen if chosen in keys else None,
            visible=bool(given),
        )
        return {self.radio: radio, self.style: gr.update(value=self._pictures(given))}

    def _pictures(self, swatches: List[Swatch]) -> str:
        rules = (
            f"#{self._id} label:nth-child({place}) {{ background-image: url({address(each.path)}); {_position(each)} }}"
            for place, each in enumerate(swatches, 1)
        )
        return f"<style>{' '.join(rules)}</style>"


def _position(swatch: Swatch) -> str:
    if swatch.of == 1:
        return ""
    return (
        f"background-size: 100% {100 * swatch.of}%; background-position: 0 {100 * swatch.number / (swatch.of - 1):g}%"
    )


def address(path: Path) -> str:
    """Where the page serves a file of this run, for HTML and for CSS."""
    return f"gradio_api/file={quote(str(path))}"


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


def slider(name: str, words: str, info: str) -> gr.Slider:
    """A slider for the dream setting with this field name. words: what it is, in plain words."""
    limits = DREAM.__dataclass_fields__[name].metadata
    label = f"{words} ({limits['option']})"
    value = getattr(DREAM, name)
    return gr.Slider(
        limits["minimum"], WEB_MAXIMA[name], value, step=1, label=label, info=info, precision=0, buttons=[]
    )


def number(name: str, maximum: float, step: float) -> gr.Number:
    """A field for a regularizer, the setting with this name."""
    about = OBJECTIVE.__dataclass_fields__[name].metadata["help"]
    return gr.Number(0, label=name, info=about, minimum=0, maximum=maximum, step=step)


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
    with contextlib.suppress(FileNotFoundError):  # whoever removes them all, as at a dream's end, may be at it
        for old in sorted(path.parent.glob("growing*"), key=os.path.getmtime)[:-_PREVIEWS]:
            old.unlink()


def typed_seed(typed: object) -> Any:
    """Parse a seed; None if nothing was typed. Anything but a number is returned as is, for the settings to reject."""
    text = str(typed or "").strip()
    return int(text) if text.isdecimal() and len(text) < _MAX_DIGITS else text or None


def status(words: str, share: Optional[float] = None, is_wrong: bool = False) -> str:
    """The status line as HTML, with a progress bar if share is given."""
    bar = "" if share is None else f'<progress value="{share:.3f}" aria-label="the dream\'s progress"></progress>'
    kind = ' class="wrong"' if is_wrong else ""
    return f"<div>{bar}<p{kind}>{escape(printable(words))}</p></div>"


def compared(before: Path, after: Path, name: str) -> str:
    """A dream over the picture that it began with, as HTML; page.js lets the visitor move the line between them."""
    name = escape(name)
    return (
        f'<figure class="compared"><div class="both"><img class="after" src="{address(after)}" alt="the dream {name}">'
        f'<img class="before" src="{address(before)}" alt="the picture before">'
        '<input type="range" min="0" max="100" value="30" aria-label="percent of the picture before that are shown">'
        f'</div><figcaption>{name} · <a href="{address(after)}" target="_blank">full size</a></figcaption></figure>'
    )


def film(path: Path, still: Path, name: str) -> str:
    """A film, as HTML. still: a picture for those who do not want an animation to move."""
    name = escape(name)
    if path.suffix == ".mp4":
        shown = f'<video src="{address(path)}" controls loop muted playsinline aria-label="the film {name}"></video>'
    else:
        shown = (
            f'<picture><source srcset="{address(still)}" media="(prefers-reduced-motion: reduce)">'
            f'<img src="{address(path)}" alt="the film {name}"></picture>'
        )
    link = f'<a href="{address(path)}" target="_blank">full size</a>'
    return f'<figure class="film">{shown}<figcaption>{name} · {link}</figcaption></figure>'


def share(query: str) -> str:
    """A link to the page with the settings of a dream, as HTML; page.js copies its address."""
    return f'<a id="share" href="{escape(query)}">Copy the address of these settings</a>'
