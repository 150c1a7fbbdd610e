"""The net that the stand-in computes with: the engine's, with pycaffe's blobs, and layer by layer as Caffe runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Mapping

import torch

from ..caffe_format.topology import Topology
from ..caffe_format.weights import Weights
from ..engines.torch.full_net import FullNet
from ..engines.torch.made import LayersWhenUsed
from ..engines.torch.net import memory_errors
from .blob import Blob
from .fillers import numbers
from .gradients import Wanted, loss_weights
from .model import Data

if TYPE_CHECKING:
    from ..caffe_format.message import Message

Callback = Callable[[int], object]


class Passes(FullNet):
    """Runs layers forward and backward. Nothing is cleared between passes."""

    blob_type = Blob
    blobs: dict[str, Blob]  # type: ignore[assignment]

    def __init__(self, topology: Topology, weights: Weights, wanted: list[Wanted], data: Data, device: torch.device):
        super().__init__(topology, weights, (), device, "float32")
        self.wanted, self._data = wanted, data
        self.around: dict[str, list[Callback]] = {}  # what to call before and after each layer
        for name, weight in loss_weights(topology).items():
            self.blobs[name].tensor("diff").fill_(weight)
        for fillers in data.values():
            self._fill(fillers)

    @memory_errors()
    def run_forward(self, first: int, last: int) -> None:
        """Runs the layers at these positions, both included. Raises ShapeError before any runs."""
        self._reshape(first, last)
        for index in range(first, last + 1):
            self._call("before_forward", index)
            spec = self.topology.layers[index]
            if spec.type == "DummyData":  # constants stay as they are, or as the program has changed them
                self._fill({name: one for name, one in self._data[spec.name].items() if one.type != "constant"})
            else:
                self._bring_params(index)
                self.layer_forward(index)
            self._call("after_forward", index)

    @memory_errors()
    def run_backward(self, last: int, first: int) -> None:
        """Runs the layers at these positions backward, as far as Caffe would."""
        for index in range(last, first - 1, -1):
            self._call("before_backward", index)
            if self.wanted[index].runs:
                self._bring_params(index)
                self.layer_backward(index, self.wanted[index].bottoms, self.wanted[index].params)
            self._call("after_backward", index)

    def _bring_params(self, index: int) -> None:
        """Brings what the program has written into a layer's parameters to where they are computed with."""
        for blob in self.params.get(self.topology.layers[index].name, ()):
            blob.tensor("data")

    def _fill(self, fillers: Mapping[str, Message]) -> None:
        for name, filler in fillers.items():
            self.blobs[name].data[...] = numbers(filler, self.blobs[name].shape)

    def _call(self, when: str, index: int) -> None:
        for callback in self.around.get(when, ()):
            callback(index)

    def place(self, device: torch.device) -> None:
        """Moves everything to another device, unless it is there."""
        if device != self.device:
            self.device = device
            params: list[Blob] = self.params.made()  # type: ignore[assignment]
            for blob in (*self.blobs.values(), *params):
                blob.move(device)
            self.forget_layers()

    def forget_layers(self) -> None:
        """Makes the layers anew, of the parameters as they lie in memory now."""
        self.layers = LayersWhenUsed(self.topology.layers, self.params, self.dtype, self.device, self.direct)
