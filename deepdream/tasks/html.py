"""Puts a net into the web page that is one file: see browser/."""

import base64
import json
from pathlib import Path
from typing import Optional

from ..caffe_format.topology import read_topology
from ..console import say
from ..errors import DreamError, UsageError
from ..modelzoo.auto import choose
from ..modelzoo.zoo import Model
from ..settings import GOOGLENET, NET
from ..storage import files
from ..units import byte_text

_BUILT = Path(__file__).resolve().parents[2] / "browser" / "dist" / "dreamify.html"
# The layers that browser/src/layers.js computes, and those that need nothing to be computed.
_KNOWN = {"Clip", "Concat", "Convolution", "Dropout", "Eltwise", "LRN", "Pooling", "ReLU", "Input", "Split"}
_MARK = "<!-- net -->"  # where the net goes; browser/src/index.html has it


def run(target: str, model: str, page: Optional[str] = None, force: bool = False) -> None:
    """Writes the page with a model inside.

    page: the one without a net; None for the one that `make browser` built. force: replace what is at the target.
    Raises UsageError if the target must not be replaced, DreamError if there is no page or the model is not available.
    """
    if not target.lower().endswith((".html", ".htm")):
        raise UsageError(f"{target} should end in .html: browsers would not open it as a page")
    empty = _page(page)
    _check_target(target, page, force)
    found = choose(model, NET.engine, progress=True)
    _check_layers(found)
    if found.is_fallback:
        say(f"the net inside is {found.name}, because {GOOGLENET} is not installed and cannot be downloaded")
    whole = empty.replace(_MARK, _element(found)).encode()
    files.write(target, whole, new=not force)
    say(f"{target} is a page with {found.name} inside, {byte_text(len(whole))}: open it in a browser")


def _page(name: Optional[str]) -> str:
    if name is None and not _BUILT.is_file():
        raise DreamError("the page is not built: run `make browser` in a clone, or name a release's page with --page")
    data, _ = files.read(str(_BUILT) if name is None else name)
    text = data.decode("utf-8", "replace")
    if text.count(_MARK) != 1:
        raise DreamError(f"{name or _BUILT} is not the page without a net: name another one with --page")
    return text


def _check_target(target: str, page: Optional[str], force: bool) -> None:
    files.check(target)
    if page is not None and files.identity(page) == files.identity(target, is_output=True):
        raise UsageError(f"{target} is an input, which is never overwritten: choose another OUT")
    if not force and files.exists(target):
        raise UsageError(f"{target} exists: choose another OUT, or replace it with --force")


def _check_layers(model: Model) -> None:
    """Raises DreamError for a net that has few layers that the page can dream on."""
    topology = read_topology(model.prototxt)
    unknown = {
        end: [layer.type for layer in topology.needed(end) if layer.type not in _KNOWN] for end in topology.dreamable()
    }
    if 2 * sum(map(bool, unknown.values())) > len(unknown):
        types = ", ".join(dict.fromkeys(kind for kinds in unknown.values() for kind in kinds))
        raise DreamError(
            f"the page cannot dream on most layers of {model.name}, because it does not know {types}: "
            f"use another model, such as {GOOGLENET}"
        )


def _element(model: Model) -> str:
    """The net as an element of the page."""
    prototxt, weights = (base64.b64encode(path.read_bytes()).decode() for path in (model.prototxt, model.weights))
    content = json.dumps({"name": model.name, "prototxt": prototxt, "weights": weights}).replace("<", "\\u003c")
    return f'<script type="application/json" id="net">{content}</script>'
