"""Runs nets on real BVLC Caffe: a caffe.Classifier with the additions of our Net.

Caffe aborts the whole process if one of its checks fails, so this module looks for errors beforehand.
"""

import ctypes
import os
import re
import subprocess
import sys
import tempfile
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Sequence

import numpy as np
from google.protobuf import text_format

from .. import system
from ..caffe_format.convolutional import as_convolutional, reshaped
from ..caffe_format.sizes import check_input
from ..caffe_format.topology import LayerSpec, Topology, read_topology
from ..caffe_format.weights import read_weights
from ..errors import DreamError, UsageError
from . import caffe_prototxt
from .diffs import CleanPasses, TrackedDiff
from .real_caffe import import_caffe

caffe, caffe_pb2 = import_caffe()
_MOST = 2**31 - 1  # Caffe counts the numbers of a blob in an int
_TRIAL = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 } } }
layer { name: "power" type: "Power" bottom: "data" top: "power" power_param { scale: 2 } }
"""


class _Blob(TrackedDiff):
    """Wraps pycaffe's Blob and records when its diff is handed out."""

    def __init__(self, blob: Any):
        self._blob = blob

    @property
    def data(self) -> np.ndarray:
        return self._blob.data  # type: ignore[no-any-return]

    @property
    def diff(self) -> np.ndarray:
        self.hand_out()
        return self._diff()

    def _diff(self) -> np.ndarray:
        return self._blob.diff  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blob, name)


class CaffeNet(CleanPasses, caffe.Classifier):  # type: ignore[misc,name-defined]
    """blobs="all": a caffe.Classifier whose backward passes begin with clean diffs."""

    engine = "caffe"
    engine_version = caffe.__version__
    precision = "float32"
    device = "cpu"
    model: Any = None  # the model_zoo.Model that the net was made from
    _tracked: Optional[Dict[str, _Blob]] = None

    @property
    def blobs(self) -> Dict[str, _Blob]:
        """pycaffe's blobs, by name."""
        if self._tracked is None:
            self._tracked = OrderedDict((name, _Blob(blob)) for name, blob in super().blobs.items())
        return self._tracked

    def tracked(self) -> Dict[str, _Blob]:
        return self.blobs

    @property
    def threads(self) -> int:
        """The number of CPU threads for matrix products. Everything else in Caffe runs on one thread."""
        return max((pool["num_threads"] for pool in _thread_pools().info()), default=1)

    def forward(
        self,
        blobs: Optional[Sequence[str]] = None,
        start: Optional[str] = None,
        end: Optional[str] = None,
        **inputs: Any,
    ) -> Any:
        """pycaffe's forward. Raises DreamError if Caffe would abort because of the size of a picture."""
        self._check(start, end)
        self.begin_forward()
        _select(self.device)
        return super().forward(blobs=blobs, start=start, end=end, **inputs)

    def backward(
        self, diffs: Optional[Sequence[str]] = None, start: Optional[str] = None, end: Optional[str] = None, **tops: Any
    ) -> Any:
        """pycaffe's backward. CleanPasses describes what happens to diffs that are already there."""
        with self.backward_pass(start, end):
            _select(self.device)
            return super().backward(diffs=diffs, start=start, end=end, **tops)

    def _check(self, start: Optional[str], end: Optional[str]) -> None:
        topology = self.topology
        first = topology.position(start) if start else 0
        last = topology.position(end) if end else len(topology.layers) - 1
        _check_counts(topology, topology.layers[first : last + 1], self._shapes())

    def _shapes(self) -> Dict[str, Any]:
        return {name: tuple(blob.shape) for name, blob in self.blobs.items()}


class PrunedCaffeNet(CaffeNet):
    """blobs="needed": runs a second net that has only the layers that `end` depends on.

    The second net shares the weights of this one. It sees no diffs of other passes and computes no weight gradients.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._end: Optional[str] = None
        self._pruned: Any = None

    def forward(self, end: Optional[str] = None) -> Dict[str, np.ndarray]:  # type: ignore[override]
        """Runs the layers that `end` (default: the last) depends on, and returns {blob: data} of its tops."""
        end = end or self.topology.layers[-1].name
        needed = self.topology.needed(end)
        _check_counts(self.topology, needed, self._shapes())
        _select(self.device)
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

    def backward(self, start: Optional[str] = None) -> Dict[str, np.ndarray]:  # type: ignore[override]
        """Propagates the diff of `start`, the `end` of the last forward pass, to the input; returns {blob: diff}."""
        start = start or self.topology.layers[-1].name
        if start != self._end:
            raise UsageError(
                f"backward(start={start!r}) follows forward(end={self._end!r}): use the same layer for both"
            )
        _select(self.device)
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

    least_memory = bytes_needed  # Caffe cannot run tile by tile

    def free_memory(self) -> Optional[int]:
        """The free memory in bytes. None if unknown, as on a GPU."""
        return system.free() if self.device == "cpu" else None

    def _prune(self, needed: Sequence[LayerSpec]) -> Any:
        with _prototxt(caffe_prototxt.pruned(self.topology, needed)) as path:
            net = caffe.Net(path, caffe.TEST)
        net.share_with(self)
        return net


def _check_counts(topology: Topology, layers: Sequence[LayerSpec], shapes: Dict[str, Any]) -> None:
    """Raises DreamError if a layer cannot work on its input, or a blob would have too many numbers for Caffe."""
    shapes = topology.infer(layers, shapes)
    for layer, columns in zip(layers, _columns(topology, layers, shapes)):
        if max((columns, *(prod(shapes[top]) for top in layer.tops))) > _MOST:
            raise DreamError(f"layer {layer.name} would be too large for Caffe at this size: use a smaller picture")


def _columns(topology: Topology, layers: Sequence[LayerSpec], shapes: Dict[str, Any]) -> Iterator[int]:
    """Yields the size of each layer's column buffer, which its weights are multiplied by (base_conv_layer.cpp)."""
    for layer in layers:
        if layer.type not in ("Convolution", "Deconvolution"):
            yield 0
            continue
        weight = topology.param_shapes[layer.name][0]
        (narrow,) = layer.tops if layer.type == "Convolution" else layer.bottoms
        yield prod(weight[1:]) * layer.param.convolution_param.group * prod(shapes[narrow][2:])


def set_threads(threads: int) -> None:
    """Sets the number of CPU threads for matrix products."""
    _thread_pools().limit(limits=threads)


@lru_cache(maxsize=None)
def _thread_pools() -> Any:
    """Returns threadpoolctl's controller of the libraries that multiply matrices.

    It finds them in a callback from C, where a Ctrl-C would be lost. It therefore runs in another thread, which never
    receives one.
    """
    import threadpoolctl

    with ThreadPoolExecutor(1) as other_thread:
        return other_thread.submit(threadpoolctl.ThreadpoolController).result()


def make_net(
    model: Any, device: str, precision: str, blobs: str, leftovers: bool, convolutional: bool = False
) -> CaffeNet:
    """Makes a Net for a model_zoo.Model. The arguments are those of load_net."""
    if precision != "float32":
        raise UsageError(f"Caffe computes in float32 only: use --engine torch for {precision}")
    chosen = _device(device)
    topology = read_topology(model.prototxt)
    check_input(topology)
    _check_types(topology)
    weights = read_weights(model.weights, topology)  # raises DreamError if they belong to another net
    _select(chosen)
    kind = PrunedCaffeNet if blobs == "needed" else CaffeNet
    options = {"mean": np.float32(model.mean), "channel_swap": (2, 1, 0)}
    if convolutional:
        topology = as_convolutional(topology)
        # Caffe would abort over the shapes in the file, so it gets an empty one, from which it loads nothing.
        with _prototxt(caffe_prototxt.whole(topology)) as path:
            net = kind(path, os.devnull, **options)
        for name, arrays in reshaped(weights, topology).items():
            for blob, array in zip(net.params[name], arrays):
                blob.data[...] = array
    else:
        with _prototxt(_forced_backward(model.prototxt)) as path:
            net = kind(path, str(model.weights), **options)
    net.topology, net.device, net.leftovers = topology, chosen, leftovers
    return net


def _check_types(topology: Topology) -> None:
    """Raises DreamError if this Caffe, which may be old, lacks the type of a layer."""
    there = caffe.layer_type_list()
    for layer in topology.layers:
        if layer.type not in there:
            since = "it was added in August 2018; " if layer.type == "Clip" else ""
            way_out = f"{since}use --engine torch or a newer Caffe"
            raise DreamError(f"this Caffe has no layer of type {layer.type} (layer {layer.name}): {way_out}")


def _forced_backward(prototxt: Path) -> str:
    """Returns the text of the net with force_backward, as in the notebook of 2015.

    Without it, Caffe does not compute the diff of the input.
    """
    net = caffe_pb2.NetParameter()
    try:
        text_format.Parse(Path(prototxt).read_text(encoding="utf-8"), net)
    except text_format.ParseError as error:
        raise DreamError(f"{prototxt} is not a net that this Caffe can read: {error}") from None
    for layer in (*net.layer, *net.layers):
        for field, value in layer.ListFields():
            if field.name.endswith("_param") and "engine" in value.DESCRIPTOR.fields_by_name:
                value.ClearField("engine")  # a Caffe without cuDNN aborts if a layer asks for it
    net.force_backward = True
    return str(text_format.MessageToString(net))


@contextmanager
def _prototxt(text: str) -> Iterator[str]:
    """Yields the path of a temporary file with this text, since Caffe reads nets only from files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deploy.prototxt"
        path.write_text(text, encoding="utf-8")
        yield str(path)


def _select(device: str) -> None:
    """Makes Caffe compute on a device. The setting holds only for the current Python thread."""
    if device == "cpu":
        caffe.set_mode_cpu()
    else:
        caffe.set_device(int(device[len("cuda:") :]))
        caffe.set_mode_gpu()


def _device(name: str) -> str:
    """Resolves auto, cpu, cuda or cuda:N to cpu or cuda:N. Raises UsageError if Caffe cannot compute there."""
    if name == "auto":
        return "cuda:0" if _has_driver() and _works("cuda:0") else "cpu"
    wanted = "cuda:0" if name == "cuda" else name
    if wanted == "cpu" or (re.fullmatch(r"cuda:\d+", wanted) and _works(wanted)):
        return wanted
    raise UsageError(f"this Caffe cannot compute on {name} here: use --device cpu or --engine torch")


def _has_driver() -> bool:
    """Whether NVIDIA's driver is installed. Asking Caffe would take a second."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _works(device: str) -> bool:
    """Whether Caffe was built for GPUs and computes on this one.

    Another process tries it, since Caffe would abort if it cannot.
    """
    ask = (
        "import sys; sys.path.insert(0, sys.argv[1]); import caffe; "
        "caffe.set_device(int(sys.argv[2])); caffe.set_mode_gpu(); caffe.Net(sys.argv[3], caffe.TEST).forward()"
    )
    folder = str(Path(caffe.__file__).resolve().parents[1])
    with _prototxt(_TRIAL) as path:
        command = [sys.executable, "-c", ask, folder, device[len("cuda:") :], path]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
