"""Inserts a Split layer after every blob that several layers read, as Caffe does (caffe/util/insert_splits.cpp)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Sequence

from . import schema
from .layer_spec import LayerSpec, ShapeError


def with_splits(layers: Sequence[LayerSpec]) -> list[LayerSpec]:
    """Inserts a Split after every blob that several layers read, with the names that Caffe uses."""
    sources: dict[str, tuple[int, int]] = {}  # blob -> (layer, top) that wrote it last; in-place layers write it again
    reads = []
    readers: Counter = Counter()
    for i, layer in enumerate(layers):
        for bottom in layer.bottoms:
            if bottom not in sources:
                raise ShapeError(f"layer {layer.name} reads blob {bottom}, but no earlier layer writes it")
        reads.append([sources[bottom] for bottom in layer.bottoms])
        readers.update(reads[i])
        for k, top in enumerate(layer.tops):
            # Nothing can work in place after a Split, so the blob must have no other reader.
            in_place = layer.bottoms[k : k + 1] == (top,) and readers[reads[i][k]] == 1
            if top in sources and not in_place:
                raise ShapeError(
                    f"layer {layer.name} writes blob {top}, which already exists: give its top a name of its own"
                )
            sources[top] = (i, k)
    taken: Counter = Counter()
    result = []
    for i, layer in enumerate(layers):
        bottoms = list(layer.bottoms)
        for k, source in enumerate(reads[i]):
            if readers[source] > 1:
                bottoms[k] = _split_name(layers, source, bottoms[k]) + "_" + str(taken[source])
                taken[source] += 1
        result.append(replace(layer, bottoms=tuple(bottoms)))
        for k, top in enumerate(layer.tops):
            if readers[(i, k)] > 1:
                name = _split_name(layers, (i, k), top)
                tops = tuple(name + "_" + str(n) for n in range(readers[(i, k)]))
                param = schema.LayerParameter(name=name, type="Split", bottom=[top], top=tops)
                result.append(LayerSpec(name, "Split", (top,), tops, param))
    return result


def _split_name(layers: Sequence[LayerSpec], source: tuple[int, int], blob: str) -> str:
    layer, top = source
    return f"{blob}_{layers[layer].name}_{top}_split"
