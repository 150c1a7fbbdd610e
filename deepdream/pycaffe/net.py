"""pycaffe's Net, on the PyTorch engine: what programs of 2015 call, with Caffe's numbers and pycaffe's errors."""

from __future__ import annotations

from collections import OrderedDict
from itertools import zip_longest
from pathlib import Path
from typing import Any, Dict, Iterator, Mapping, NamedTuple, Sequence

import numpy as np

from ..engines.torch.layers import LAYERS
from ..errors import DreamError
from . import mode, model, parameters
from .blob import Blob
from .gradients import loss_weights, wanted
from .passes import Callback, Passes

Arrays = Dict[str, np.ndarray]


class Layer(NamedTuple):
    """A layer as `net.layers` shows it."""

    type: str
    blobs: list[Blob]


class Net:
    """A net from a prototxt, for inference and gradients.

    Net(file, phase), Net(file, phase, weights=FILE) and the older Net(file, FILE, phase) are the same as in pycaffe.
    Without a weights file the fillers of the prototxt make the parameters.

    Args:
        network_file: the path of the prototxt.
        phase: caffe.TEST or caffe.TRAIN: which layers are in the net.
        level, stages: the same, for layers that have rules on these.
        weights: the path of the .caffemodel.

    Raises RuntimeError if a file is missing, and DreamError where Caffe would end the process: for a file that is
    damaged, a layer that is not supported, or the weights of another net.
    """

    def __init__(
        self,
        network_file: str,
        phase: Any,
        level: int | None = None,
        stages: Sequence[str] | None = None,
        weights: str | None = None,
    ):
        if isinstance(phase, (str, Path)):  # the older order: file, weights, phase
            weights, phase, level = str(phase), level, None
        if isinstance(phase, bool) or phase not in (model.TRAIN, model.TEST):
            raise TypeError(f"the phase of a net is caffe.TEST or caffe.TRAIN, not {phase!r}")
        if weights is not None and not Path(weights).exists():
            raise RuntimeError(f"Could not open file {weights}")
        read = model.read(str(network_file), int(phase), level or 0, stages or ())
        arrays = parameters.initial(str(network_file), read.topology, weights)
        self._name, self._topology = read.name, read.topology
        backward = wanted(read.topology, read.force_backward)
        self._passes = Passes(read.topology, arrays, backward, read.data, mode.device())
        self._layers: list[Layer] | None = None  # made when it is asked for, since it copies all parameters
        self._layer_names = [layer.name for layer in read.topology.layers]
        self._blob_names = list(self._passes.blobs)
        self._blobs = list(self._passes.blobs.values())
        self.inputs, self.outputs = list(read.topology.inputs), sorted(read.topology.outputs)
        self._inputs, self._outputs = self._ids(self.inputs), self._ids(self.outputs)

    @property
    def blobs(self) -> Mapping[str, Blob]:
        """The blobs by name, in Caffe's order."""
        return self._passes.blobs

    @property
    def params(self) -> Mapping[str, Sequence[Blob]]:
        """{layer: its parameters}, of the layers that have some."""
        return self._passes.params  # type: ignore[return-value]

    @property
    def layers(self) -> list[Layer]:
        """The layers in Caffe's order, with the Splits that Caffe inserts."""
        if self._layers is None:
            self._layers = [Layer(spec.type, list(self.params.get(spec.name, ()))) for spec in self._topology.layers]
        return self._layers

    @property
    def layer_dict(self) -> OrderedDict[str, Layer]:
        """The layers by name."""
        return OrderedDict(zip(self._layer_names, self.layers))

    @property
    def top_names(self) -> OrderedDict[str, list[str]]:
        """{layer: the blobs that it writes}."""
        return OrderedDict((layer.name, list(layer.tops)) for layer in self._topology.layers)

    @property
    def bottom_names(self) -> OrderedDict[str, list[str]]:
        """{layer: the blobs that it reads}."""
        return OrderedDict((layer.name, list(layer.bottoms)) for layer in self._topology.layers)

    @property
    def blob_loss_weights(self) -> OrderedDict[str, float]:
        """{blob: its factor in the loss}."""
        weights = loss_weights(self._topology)
        return OrderedDict((name, weights.get(name, 0.0)) for name in self._blob_names)

    def _ids(self, names: Sequence[str]) -> list[int]:
        return [self._blob_names.index(name) for name in names]

    def _top_ids(self, layer: int) -> list[int]:
        return self._ids(self._topology.layers[layer].tops)

    def _bottom_ids(self, layer: int) -> list[int]:
        return self._ids(self._topology.layers[layer].bottoms)

    def forward(
        self,
        blobs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **inputs: np.ndarray,
    ) -> Arrays:
        """Runs forward from layer `start` to `end`, both included, with all inputs or none given.

        Returns {blob: data} of the tops of `end` (default: the net's outputs) and of `blobs`.
        """
        first, last = self._place(start, 0), self._place(end, len(self._layer_names) - 1)
        names = [*(self.outputs if end is None else self.top_names[end]), *(blobs or ())]
        self._check(inputs, self.inputs, "Input")
        for name, array in inputs.items():
            self.blobs[name].data[...] = array
        self._forward(first, last)
        return {name: self.blobs[name].data for name in names}

    def backward(
        self,
        diffs: Sequence[str] | None = None,
        start: str | None = None,
        end: str | None = None,
        **tops: np.ndarray,
    ) -> Arrays:
        """Runs backward from layer `start` to `end`, both included, with the diffs of all outputs or of none given.

        Returns {blob: diff} of the bottoms of `end` (default: the net's inputs) and of `diffs`. Without
        `force_backward: true` in the prototxt only what leads from a loss to something to learn runs, as in Caffe.
        """
        last, first = self._place(start, len(self._layer_names) - 1), self._place(end, 0)
        names = [*(self.inputs if end is None else self.bottom_names[end]), *(diffs or ())]
        self._check(tops, self.outputs, "Diff")
        for name, array in tops.items():
            self.blobs[name].diff[...] = array
        self._backward(last, first)
        return {name: self.blobs[name].diff for name in names}

    def _forward(self, first: int, last: int) -> None:
        self._passes.place(mode.device())
        self._passes.run_forward(first, last)

    def _backward(self, last: int, first: int) -> None:
        self._passes.place(mode.device())
        self._passes.run_backward(last, first)

    def _place(self, layer: str | None, default: int) -> int:
        return default if layer is None else self._layer_names.index(layer)

    def _check(self, given: Mapping[str, np.ndarray], names: Sequence[str], what: str) -> None:
        """Raises an exception unless an array is given for each name, or none at all."""
        if given and set(given) != set(names):
            others = "net inputs" if what == "Input" else "net outputs"
            raise Exception(f"{what} arguments do not match the {others}: {', '.join(names)}")
        for name, array in given.items():
            if array.shape[0] != self.blobs[name].shape[0]:
                raise Exception(f"{what} is not batch sized: {name} holds {self.blobs[name].shape[0]}")

    def forward_all(self, blobs: Sequence[str] | None = None, **inputs: np.ndarray) -> Arrays:
        """Runs forward on any number of pictures, a batch at a time; returns what forward does for all of them."""
        outs: dict[str, list[np.ndarray]] = {}
        for batch in self._batches(inputs):
            _collect(outs, self.forward(blobs, None, None, **batch))
        return _joined(outs, inputs)

    def forward_backward_all(
        self, blobs: Sequence[str] | None = None, diffs: Sequence[str] | None = None, **arrays: np.ndarray
    ) -> tuple[Arrays, Arrays]:
        """Runs forward and backward on any number of pictures, a batch at a time.

        arrays: data of the inputs and diffs of the outputs, by blob. Returns ({blob: data}, {blob: diff}).
        """
        inputs = {name: arrays[name] for name in self.inputs if name in arrays}
        tops = {name: arrays[name] for name in self.outputs if name in arrays}
        nothing: Arrays = {}
        outs: dict[str, list[np.ndarray]] = {}
        backs: dict[str, list[np.ndarray]] = {}
        batches = zip_longest(self._batches(inputs), self._batches(tops), fillvalue=nothing)
        for batch, batch_diffs in batches:
            _collect(outs, self.forward(blobs, None, None, **batch))
            _collect(backs, self.backward(diffs, None, None, **batch_diffs))
        return _joined(outs, arrays), _joined(backs, arrays)

    def _batches(self, arrays: Mapping[str, np.ndarray]) -> Iterator[Arrays]:
        """Yields the arrays in parts of the net's batch size, the last one filled up with zeros."""
        size, count = self._blobs[0].shape[0], len(next(iter(arrays.values()), ()))
        for i in range(0, count, size):
            parts = {name: np.asarray(array[i : i + size]) for name, array in arrays.items()}
            missing = size - min(size, count - i)
            yield {
                name: np.concatenate([part, np.zeros((missing, *part.shape[1:]), part.dtype)]) if missing else part
                for name, part in parts.items()
            }

    def reshape(self) -> None:
        """Gives all blobs the shapes that follow from those of the inputs."""
        self._passes.reshape()

    def clear_param_diffs(self) -> None:
        """Sets the diffs of all parameters to zero."""
        self._passes.clear_param_diffs()

    def copy_from(self, weights: str) -> None:
        """Takes the parameters of the layers that a weights file has, by name."""
        for name, arrays in parameters.copied(str(weights), self._topology).items():
            for blob, array in zip(self.params[name], arrays):
                blob.data[...] = array

    def share_with(self, other: Net) -> None:
        """Uses the parameters of another net: those of its layers with the same names."""
        for name in self.params:
            if name in other.params:
                if len(self.params[name]) != len(other.params[name]):
                    raise DreamError(f"layer {name} has another number of parameters in the other net")
                for own, given in zip(self.params[name], other.params[name]):
                    own.share(given)
        self._passes.forget_layers()

    def save(self, path: str) -> None:
        """Writes the net with its parameters as a .caffemodel, which Caffe reads, too."""
        Path(path).write_bytes(parameters.written(self._name, self._topology, self.params))

    def set_input_arrays(self, data: np.ndarray, labels: np.ndarray) -> None:
        """Not there: it belongs to MemoryData layers, which are for training."""
        raise DreamError("set_input_arrays is for MemoryData layers, which are not supported: use an Input layer")

    def before_forward(self, callback: Callback) -> None:
        """Has a function called before each layer runs forward, with the layer's number."""
        self._passes.around.setdefault("before_forward", []).append(callback)

    def after_forward(self, callback: Callback) -> None:
        """The same after each layer has run forward."""
        self._passes.around.setdefault("after_forward", []).append(callback)

    def before_backward(self, callback: Callback) -> None:
        """The same before each layer runs backward."""
        self._passes.around.setdefault("before_backward", []).append(callback)

    def after_backward(self, callback: Callback) -> None:
        """The same after each layer has run backward."""
        self._passes.around.setdefault("after_backward", []).append(callback)


def layer_type_list() -> list[str]:
    """The types of layers that there are."""
    return sorted(LAYERS)


def _collect(parts: dict[str, list[np.ndarray]], arrays: Arrays) -> None:
    for name, array in arrays.items():
        parts.setdefault(name, []).append(array.copy())


def _joined(parts: Mapping[str, list[np.ndarray]], given: Mapping[str, np.ndarray]) -> Arrays:
    """The parts of each blob as one array, without what was filled up."""
    if not given:
        raise RuntimeError("there is nothing to run on: give the arrays by the names of their blobs")
    count = len(next(iter(given.values())))
    return {name: np.concatenate(arrays)[:count] for name, arrays in parts.items()}
