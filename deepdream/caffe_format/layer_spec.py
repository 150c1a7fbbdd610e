"""LayerSpec: one layer of a net, as the prototxt declares it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, List, NoReturn, Tuple

from ..errors import DreamError

if TYPE_CHECKING:
    from .message import Message

Shape = Tuple[int, ...]
Shapes = Tuple[List[Shape], List[Shape]]  # of a layer's tops, of its parameters


class ShapeError(DreamError):
    """A layer cannot work on blobs of these shapes."""


@dataclass(frozen=True)
class LayerSpec:
    """Holds a layer's name and type, the names of the blobs it reads and writes, and its LayerParameter."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    param: Message


def refuse(layer: LayerSpec, what: str) -> NoReturn:
    """Raises DreamError because a layer uses an unsupported option."""
    raise DreamError(f"layer {layer.name} ({layer.type}) uses {what}, which is not supported")
