"""Layers and parameters that are made when they are first used.

A dream uses a part of its net. A classifier behind that part may have a hundred million parameters, which would be
copied for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Callable, Iterable, Iterator

import numpy as np
import torch

from ...caffe_format.layer_spec import LayerSpec
from ...caffe_format.weights import Weights
from .layers import LAYERS, Layer

if TYPE_CHECKING:
    from .net import Blob


class ParamsWhenUsed(Mapping[str, "list[Blob]"]):
    """{layer: its parameters as blobs}, of the layers named. Weights that are one array become one blob."""

    def __init__(self, names: Iterable[str], weights: Weights, make: Callable[[np.ndarray], Blob]):
        self._names, self._weights, self._make = list(names), weights, make
        self._made: dict[str, list[Blob]] = {}
        self._blobs: dict[int, Blob] = {}  # by the id of the array

    def __getitem__(self, name: str) -> list[Blob]:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = [self._blob(array) for array in self._weights[name]]
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def made(self) -> list[Blob]:
        """The parameters that have been used so far."""
        return list(self._blobs.values())

    def _blob(self, array: np.ndarray) -> Blob:
        if id(array) not in self._blobs:
            self._blobs[id(array)] = self._make(array)
        return self._blobs[id(array)]


class LayersWhenUsed(Sequence):
    """The layers of a net, in the order of its topology."""

    def __init__(
        self,
        specs: Sequence[LayerSpec],
        params: Mapping[str, list[Blob]],
        dtype: torch.dtype,
        device: torch.device,
        direct: bool,
    ):
        self._specs, self._params = specs, params
        self._kind = (dtype, device, direct)  # see Layer.placed
        self._made: dict[int, Layer] = {}

    def __len__(self) -> int:
        return len(self._specs)

    def __getitem__(self, place):  # type: ignore[no-untyped-def, override]
        """A layer, or a list of layers for a slice."""
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        if place not in self._made:
            spec = self._specs[place]
            blobs = self._params.get(spec.name, [])
            self._made[place] = LAYERS[spec.type](spec, [blob.tensor("data") for blob in blobs])
            self._made[place].placed(*self._kind, lambda: any(blob.is_shown for blob in blobs))
        return self._made[place]
