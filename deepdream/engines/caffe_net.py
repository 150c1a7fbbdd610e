"""Nets on real Caffe: caffe.Classifier with the additions of our Net.

Caffe aborts the whole process if one of its checks fails, so this module looks for errors beforehand.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Callable, Iterator, Sequence

import numpy as np

from .. import system
from ..caffe_format.layer_spec import LayerSpec, Shape
from ..caffe_format.topology import Topology
from ..compat import prod
from ..errors import DreamError, UsageError
from . import caffe_device, caffe_prototxt
from .diffs import CleanPasses, TrackedDiff
from .real_caffe import import_caffe

caffe, _ = import_caffe()
if TYPE_CHECKING:
    from .caffe_types import BareNet, CaffeBlob, Classifier
    from .interface import Model, NeededNet, PycaffeNet
else:
    Classifier = caffe.Classifier

_ABORTING = ("ArgMax", "Threshold")  # types whose Backward is NOT_IMPLEMENTED
_MAX_NUMBERS = 2**31 - 1  # Caffe counts the numbers of a blob in an int


class _Blob(TrackedDiff):
    """Wraps pycaffe's Blob and records when its diff is handed out."""

    def __init__(self, blob: CaffeBlob):
        self._blob = blob

    @property
    def data(self) -> np.ndarray:
        return self._blob.data

    @property
    def diff(self) -> np.ndarray:
        self.hand_out()
        return self._diff()

    def _diff(self) -> np.ndarray:
        return self._blob.diff

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blob, name)


class CaffeNet(CleanPasses, Classifier):
    """blobs="all": a caffe.Classifier whose backward passes begin with clean diffs."""

    engine = "caffe"
    engine_version = caffe.__version__
    precision = "float32"
    device = "cpu"
    model: Model  # set by load_net
    _tracked: dict[str, _Blob] | None = None

    @property
    def blobs(self) -> dict[str, _Blob]:
        """pycaffe's blobs, by name."""
        if self._tracked is None:
            self._tracked = OrderedDict((name, _Blob(blob)) for name, blob in super().blobs.items())
        return self._tracked

    def tracked(self) -> dict[str, _Blob]:
        return self.blobs

    @property
    def threads(self) -> int:
        """The number of CPU threads for matrix products. Everything else in Caffe runs on one thread."""
        return caffe_device.threads()

    def forward(
        self,
        blobs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: np.ndarray,
    ) -> dict[str, np.ndarray]:
        """pycaffe's forward. Raises DreamError if Caffe would abort because of the size of a picture."""
        self._check(start, end)
        self.begin_forward()
        caffe_device.select(self.device)
        return super().forward(blobs=blobs, start=start, end=end, **inputs)

    def backward(
        self, diffs: Sequence[str] | None = None, start: str | None = None, end: str | None = None, **tops: np.ndarray
    ) -> dict[str, np.ndarray]:
        """pycaffe's backward. CleanPasses describes what happens to diffs that are already there."""
        self._check_gradients(start, end)
        with self.backward_pass(start, end):
            caffe_device.select(self.device)
            return super().backward(diffs=diffs, start=start, end=end, **tops)

    def reshape(self) -> None:
        """pycaffe's reshape. Raises DreamError if Caffe would abort because of the size of a picture."""
        self._check(None, None)
        super().reshape()

    def _check(self, start: str | None, end: str | None) -> None:
        topology = self.topology
        first = topology.position(start) if start else 0
        last = topology.position(end) if end else len(topology.layers) - 1
        _check_counts(topology, topology.layers[first : last + 1], self._shapes())

    def _check_gradients(self, start: str | None, end: str | None) -> None:
        """Raises DreamError if a layer on the way back has no backward pass, for which Caffe would abort."""
        topology = self.topology
        last = topology.position(start) if start else len(topology.layers) - 1
        for layer in topology.layers[topology.position(end) if end else 0 : last + 1]:
            if layer.type in _ABORTING:
                raise DreamError(
                    f"Caffe cannot run backward through layer {layer.name} ({layer.type}): start at a layer before it"
                )

    def _shapes(self) -> dict[str, Shape]:
        return {name: tuple(blob.shape) for name, blob in self.blobs.items()}


class PrunedCaffeNet(CaffeNet):
    """blobs="needed": runs a second net that has only the layers that `end` depends on.

    The second net shares the weights of this one. It sees no diffs of other passes and computes no weight gradients.
    """

    memory: int | None = None  # Caffe cannot run tile by tile, so a limit would change nothing
    _end: str | None = None  # of the last forward pass
    _pruned: BareNet  # which ran it

    def forward(self, end: str | None = None) -> dict[str, np.ndarray]:  # type: ignore[override]
        """Runs the layers that `end` (default: the last) depends on, and returns {blob: data} of its tops."""
        end = end or self.topology.layers[-1].name
        needed = self.topology.needed(end)
        _check_counts(self.topology, needed, self._shapes())
        caffe_device.select(self.device)
        if end != self._end:
            self._end, self._pruned = end, self._prune(needed)
        for name in self._pruned.inputs:
            self._pruned.blobs[name].reshape(*self.blobs[name].shape)
            self._pruned.blobs[name].data[...] = self.blobs[name].data
        self._pruned.forward()
        for name in needed[-1].tops:
            self.blobs[name].reshape(*self._pruned.blobs[name].shape)
            self.blobs[name].data[...] = self._pruned.blobs[name].data
        return {name: self.blobs[name].data for name in needed[-1].tops}

    def backward(self, start: str | None = None) -> dict[str, np.ndarray]:  # type: ignore[override]
        """Propagates the diff of `start`, the `end` of the last forward pass, to the input; returns {blob: diff}."""
        start = start or self.topology.layers[-1].name
        if start != self._end:
            raise UsageError(
                f"backward(start={start!r}) follows forward(end={self._end!r}): use the same layer for both"
            )
        caffe_device.select(self.device)
        for name in self.topology.layers[self.topology.position(start)].tops:
            self._pruned.blobs[name].diff[...] = self.blobs[name].diff
        self._pruned.backward()
        source = self.inputs[0]
        self.blobs[source].diff[...] = self._pruned.blobs[source].diff if source in self._pruned.inputs else 0
        return {source: self.blobs[source].diff}

    def bytes_needed(self, end: str, input_shape: Sequence[int]) -> int:
        """The memory of a pass to `end`: data and diff of all its blobs, and the column buffer of a convolution."""
        layers, shapes = self.topology.needed(end), {**self._shapes(), self.inputs[0]: tuple(input_shape)}
        shapes = self.topology.infer(layers, shapes)
        blobs = {name for layer in layers for name in layer.tops}
        columns = max(_columns(self.topology, layers, shapes), default=0)
        return 8 * sum(prod(shapes[name]) for name in blobs) + 4 * columns

    min_memory = bytes_needed

    def bytes_of_weights(self, ends: Sequence[str]) -> int:
        """The size of the whole file: Caffe loads every parameter, whichever layers a pass needs."""
        return self.model.weights.stat().st_size

    def free_memory(self) -> int | None:
        """The free memory in bytes. None if unknown, as on a GPU."""
        return system.free() if self.device == "cpu" else None

    def _prune(self, needed: Sequence[LayerSpec]) -> BareNet:
        with caffe_prototxt.as_file(caffe_prototxt.pruned(self.topology, needed)) as path:
            net = caffe.Net(path, caffe.TEST)
        net.share_with(self)
        return net


def _check_counts(topology: Topology, layers: Sequence[LayerSpec], shapes: dict[str, Shape]) -> None:
    """Raises DreamError if a layer cannot work on its input, or a blob would have too many numbers for Caffe."""
    shapes = topology.infer(layers, shapes)
    for layer, columns in zip(layers, _columns(topology, layers, shapes)):
        if max((columns, *(prod(shapes[top]) for top in layer.tops))) > _MAX_NUMBERS:
            raise DreamError(f"layer {layer.name} would be too large for Caffe at this size: use a smaller picture")


def _columns(topology: Topology, layers: Sequence[LayerSpec], shapes: dict[str, Shape]) -> Iterator[int]:
    """Yields the size of each layer's column buffer, which its weights are multiplied by (base_conv_layer.cpp)."""
    for layer in layers:
        if layer.type not in ("Convolution", "Deconvolution"):
            yield 0
            continue
        weight = topology.param_shapes[layer.name][0]
        narrow = (layer.tops if layer.type == "Convolution" else layer.bottoms)[0]
        yield prod(weight[1:]) * layer.param.convolution_param.group * prod(shapes[narrow][2:])


if TYPE_CHECKING:  # type checkers compare the nets with the interface here
    _all: Callable[..., PycaffeNet] = CaffeNet
    _needed: Callable[..., NeededNet] = PrunedCaffeNet
