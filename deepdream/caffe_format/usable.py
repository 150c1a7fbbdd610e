"""Separates the layers of a net that can be computed from those that cannot, and from what depends on these.

What a dream does not need must not keep it from running: detection heads of unknown types, losses, new layers without
weights.
"""

from __future__ import annotations

from typing import Mapping, Sequence

from ..compat import prod
from ..errors import DreamError
from .layer_spec import LayerSpec, Shape, ShapeError
from .shapes import MAX_NUMBERS, infer_layer


def usable(layers: Sequence[LayerSpec], reasons: Mapping[int, str]) -> tuple[list[LayerSpec], dict[str, str]]:
    """The layers that can be computed; and the names of the others, each with the reason.

    reasons: {number of a layer: what is known to be wrong with it}. Raises ShapeError for an input without a size, and
    for a blob that would be written twice.
    """
    shapes: dict[str, Shape] = {}
    lost: dict[str, str] = {}  # blobs that nothing computes, with the reason
    kept, left_out = [], {}
    for i, layer in enumerate(layers):
        reason = reasons.get(i) or next((lost[blob] for blob in layer.bottoms if blob in lost), None)
        if reason is None:
            twice = next((top for top in layer.tops if top in lost and top not in layer.bottoms), None)
            if twice:
                raise ShapeError(
                    f"layer {layer.name} writes blob {twice}, which already exists: give its top another name"
                )
            reason = _infer(layer, shapes)
        if reason is None:
            kept.append(layer)
            continue
        if layer.type == "Input":
            raise ShapeError(reason)
        lost.update(dict.fromkeys(layer.tops, reason))
        if layer.type != "Split" or reason.startswith(f"layer {layer.name} "):
            left_out[layer.name] = reason
    return kept, left_out


def _infer(layer: LayerSpec, shapes: dict[str, Shape]) -> str | None:
    """Adds the shapes of a layer's tops, or returns why it cannot be computed."""
    missing = next((blob for blob in layer.bottoms if blob not in shapes), None)
    if missing is not None:
        return f"layer {layer.name} reads blob {missing}, but no earlier layer writes it"
    try:
        tops, _ = infer_layer(layer, [shapes[blob] for blob in layer.bottoms])
    except DreamError as error:
        return str(error)
    for top, shape in zip(layer.tops, tops):
        if prod(shape) > MAX_NUMBERS:
            size = "x".join(map(str, shape))
            return f"layer {layer.name} ({layer.type}) declares a blob of {size} numbers, more than Caffe allows"
        shapes[top] = shape
    return None
