"""pycaffe's Net on PyTorch: blobs, parameters, and the parts that both of its modes share."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Iterator, Sequence

import numpy as np
import torch

from ... import system
from ...caffe_format.layer_spec import Shape
from ...caffe_format.topology import Topology
from ...caffe_format.weights import Weights
from ...errors import UsageError
from ..diffs import TrackedDiff
from .layers.base import Tensor, at_least_float32
from .made import LayersWhenUsed, ParamsWhenUsed

if TYPE_CHECKING:
    from ...arrays import Array
    from ..interface import Model


class Blob(TrackedDiff):
    """pycaffe's Blob: `data` and `diff` of one shape, in memory that grows but never shrinks.

    On the CPU both are writable NumPy arrays that share memory with the engine. On other devices, and in bfloat16,
    which NumPy does not support, they are torch tensors. A blob that grows beyond its largest size so far gets new
    memory, all zeros. A blob that shrinks keeps its memory and contents (blob.cpp).

    Args:
        channels_last: store 4-D blobs with the channels innermost, for layers that read them in this format.
        lazy: ignore, in the largest size so far, shapes that the blob had before its data or diff was first used.
    """

    def __init__(
        self,
        shape: Sequence[int],
        dtype: torch.dtype,
        device: torch.device,
        channels_last: bool = False,
        lazy: bool = False,
    ):
        self._dtype, self._device, self._channels_last, self._lazy = dtype, device, channels_last, lazy
        self._capacity = 0
        self._forget()
        self.is_param = False  # of a layer, which works on this memory for good
        self.is_shown = False  # whether someone has had the data in hand, who may change it at any time
        self.reshape(*shape)

    def reshape(self, *shape: int) -> None:
        """Changes the shape of data and diff. Raises UsageError for another one of a layer's parameter."""
        if self.is_param and tuple(shape) != self.shape:
            own, other = ("x".join(map(str, sizes)) for sizes in (self.shape, shape))
            raise UsageError(f"a layer's parameter keeps its shape: it is {own}, and cannot become {other}")
        self.shape: Shape = tuple(shape)
        if prod(shape) > self._capacity or (self._lazy and not self._memory):
            self._capacity = prod(shape)
            self._forget()

    def _forget(self) -> None:
        """Drops the numbers; those that are used next are zeros."""
        self._memory: dict[str, Tensor] = {}

    def tensor(self, which: str) -> Tensor:
        """Returns "data" or "diff" as a torch tensor."""
        if which not in self._memory:
            self._memory[which] = _zeros(self._capacity, self._dtype, self._device)
        memory = self._memory[which][: prod(self.shape)]
        if self._channels_last and len(self.shape) == 4:
            n, c, h, w = self.shape
            return memory.view(n, h, w, c).permute(0, 3, 1, 2)
        return memory.view(self.shape)

    @property
    def count(self) -> int:
        """How many numbers the data is."""
        return prod(self.shape)

    @property
    def num(self) -> int:
        return self._axis(0)

    @property
    def channels(self) -> int:
        return self._axis(1)

    @property
    def height(self) -> int:
        return self._axis(2)

    @property
    def width(self) -> int:
        return self._axis(3)

    def _axis(self, axis: int) -> int:
        """The size of one of four axes, 1 if it is missing (Blob::LegacyShape). Raises UsageError for a fifth."""
        if len(self.shape) > 4:
            raise UsageError(f"a blob of {len(self.shape)} axes has no num, channels, height or width: use its shape")
        return self.shape[axis] if axis < len(self.shape) else 1

    def put(self, which: str, value: object, name: str) -> None:
        """Copies an array, or a number, into "data" or "diff". Raises UsageError if its shape is another."""
        tensor = value if isinstance(value, torch.Tensor) else torch.as_tensor(np.array(value))
        shape = tuple(tensor.shape)
        if len(shape) == len(self.shape) and shape[:1] != self.shape[:1]:
            what = "Input" if which == "data" else "Diff"
            count = f"{name} holds {self.shape[0]}, but the array has {shape[0]}"
            raise UsageError(f"{what} is not batch sized: {count}, so reshape the blob first")
        try:
            self.tensor(which).copy_(tensor.broadcast_to(self.shape))
        except RuntimeError:
            size = "x".join(map(str, self.shape))
            given = "x".join(map(str, shape))
            raise UsageError(f"{name} is {size}, but the array is {given}: reshape one of them") from None

    @property
    def data(self) -> Array:
        self.is_shown = True
        return _array(self.tensor("data"))

    @property
    def diff(self) -> Array:
        self.hand_out()
        return _array(self.tensor("diff"))

    def _diff(self) -> Tensor:
        return self.tensor("diff")

    def clear_diff(self) -> None:
        """Sets the diff to zero, without allocating it if it was never used."""
        if "diff" in self._memory:
            self.tensor("diff").zero_()


@contextmanager
def memory_errors() -> Iterator[None]:
    """Converts PyTorch's various out-of-memory errors to Python's MemoryError."""
    try:
        yield
    except RuntimeError as error:  # includes torch.OutOfMemoryError
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            raise MemoryError(str(error)) from None
        raise


def _zeros(count: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Makes zeros that take no memory until they are written.

    A prototxt may declare a batch of ten, of which a single picture uses only a tenth.
    """
    if device.type != "cpu":
        return torch.zeros(count, dtype=dtype, device=device)
    size, line = torch.empty(0, dtype=dtype).element_size(), 64  # bytes; matrix products need aligned cache lines
    memory = np.zeros(count * size + line, np.uint8)
    start = -memory.ctypes.data % line
    return torch.from_numpy(memory[start : start + count * size]).view(dtype)


def _array(tensor: Tensor) -> Array:
    return tensor.numpy() if tensor.device.type == "cpu" and tensor.dtype != torch.bfloat16 else tensor


@dataclass
class _Transformer:
    """See interface.Transformer."""

    mean: dict[str, np.ndarray]


class Net:
    """Base of both modes: blobs, parameters, layers and the transformer's mean, under pycaffe's names.

    Args:
        topology: the layers of the net.
        weights: {layer: arrays}, float32 or float64.
        mean: the means of the three input channels, in the net's channel order (BGR).
        precision: of the computation, including parameters. With bfloat16, the blobs still hold float32.
    """

    model: Model  # set by load_net
    lazy = False  # whether the blobs are lazy
    blob_type = Blob
    direct = True  # whether layers multiply and add as their formulas do
    engine = "torch"
    engine_version = torch.__version__.split("+")[0]

    def __init__(
        self, topology: Topology, weights: Weights, mean: Sequence[float], device: torch.device, precision: str
    ):
        self.topology, self.device, self.precision = topology, device, precision
        # TF32 is float32 everywhere except in the GPU's matrix products.
        self.dtype = torch.float32 if precision == "tf32" else getattr(torch, precision)
        shown = at_least_float32(self.dtype)
        self.blobs = OrderedDict(
            (name, self.blob_type(shape, shown, device, lazy=self.lazy)) for name, shape in topology.shapes.items()
        )
        names = [spec.name for spec in topology.layers if weights.get(spec.name)]
        self.params = ParamsWhenUsed(dict.fromkeys(names), weights, self._param)
        self.layers = LayersWhenUsed(topology.layers, self.params, self.dtype, device, self.direct)
        self.inputs, self.outputs = topology.inputs, topology.outputs
        self.transformer = _Transformer({name: np.asarray(mean, np.float32)[:, None, None] for name in self.inputs[:1]})

    def _param(self, array: np.ndarray) -> Blob:
        blob = self.blob_type(array.shape, self.dtype, self.device, self.channels_last)
        blob.is_param = True
        data = blob.tensor("data")
        shared = _array(data)
        if isinstance(shared, np.ndarray):
            shared[...] = array  # PyTorch would wake all its threads for each copy, which takes longer than the copy
        else:
            data.copy_(torch.from_numpy(array.copy()))
        return blob

    @property
    def channels_last(self) -> bool:
        """Whether 4-D blobs and parameters have the channels innermost in memory."""
        return False

    def free_memory(self) -> int | None:
        """The free memory of the net's device in bytes. None if unknown."""
        return torch.cuda.mem_get_info(self.device)[0] if self.device.type == "cuda" else system.free()

    @property
    def threads(self) -> int:
        """The number of CPU threads that a pass uses."""
        return torch.get_num_threads()

    def _tensors(self, names: Sequence[str], which: str = "data") -> list[Tensor]:
        return [self.blobs[name].tensor(which) for name in names]

    def _shapes(self) -> dict[str, Shape]:
        return {name: blob.shape for name, blob in self.blobs.items()}
