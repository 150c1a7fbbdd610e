"""The interface of nets and engines, for type checkers only: import it under TYPE_CHECKING.

A net has pycaffe's names, so programs of 2015 run on either engine, and a few more, such as `topology`. There are two
kinds, which the `blobs` of load_net chooses: "all" makes a PycaffeNet and "needed" a NeededNet. Net is what both have.

Type checkers compare the nets of both engines with these classes in caffe_net.py and in torch/__init__.py.
"""

from pathlib import Path
from typing import List, Mapping, Optional, Protocol, Sequence, Tuple, Union  # novermin

import numpy as np
import torch

from ..arrays import Array, Blob
from ..caffe_format.layer_spec import Shape
from ..caffe_format.topology import Topology


class Model(Protocol):
    """What a net is made from: a modelzoo.model.Model."""

    @property
    def name(self) -> str:
        """Its name in the model zoo, or that of its folder."""

    @property
    def prototxt(self) -> Path: ...

    @property
    def weights(self) -> Path:
        """The .caffemodel."""

    @property
    def mean(self) -> Tuple[float, float, float]:
        """The means of blue, green and red, in levels of 0-255."""

    @property
    def scale(self) -> float:
        """What a picture in levels of 0-255, with the mean subtracted, is multiplied by for the net's first layer."""

    @property
    def sha256(self) -> str:
        """The checksum of the weights."""

    @property
    def prototxt_sha256(self) -> str: ...


class Transformer(Protocol):
    """The part of pycaffe's Transformer that both engines have."""

    @property
    def mean(self) -> Mapping[str, np.ndarray]:
        """{input blob: the mean of each channel}, (3, 1, 1) float32 in the net's channel order, BGR; grey (1, 1, 1)."""


class Net(Protocol):
    """A net in Caffe's TEST phase. Its input is (n, 3, h, w), BGR in levels of 0-255 with the mean subtracted.

    The input of a net that reads grey pictures is (n, 1, h, w), the luminance.
    """

    model: Model
    """What it was made from; set by load_net."""

    @property
    def engine(self) -> str:
        """Which engine runs it: "caffe" or "torch"."""

    @property
    def engine_version(self) -> str:
        """The version of Caffe or of PyTorch."""

    @property
    def device(self) -> Union[str, torch.device]:
        """Where it computes. str(device) is "cpu", "cuda:N" or "mps"."""

    @property
    def precision(self) -> str:
        """Of the computation: "float32", "float64", "tf32" or "bfloat16"; with Caffe always "float32"."""

    @property
    def threads(self) -> int:
        """The number of CPU threads that a pass uses; with Caffe, only for matrix products."""

    @property
    def topology(self) -> Topology:
        """The layers in Caffe's order, and the shapes of their blobs."""

    @property
    def transformer(self) -> Transformer: ...

    @property
    def inputs(self) -> List[str]:
        """The names of the input blobs. The first one holds the picture."""

    @property
    def outputs(self) -> List[str]:
        """The names of the blobs that no layer reads."""

    @property
    def blobs(self) -> Mapping[str, Blob]:
        """The blobs by name, in Caffe's order. To change the size of the picture, reshape the blob inputs[0]."""

    @property
    def params(self) -> Mapping[str, Sequence[Blob]]:
        """{layer: its weights, then its bias if it has one}, for each layer that has parameters."""

    def forward(self, *, end: Optional[str] = None) -> Mapping[str, Array]:
        """Runs forward up to layer `end` (default: the last), and returns {blob: data} of its tops.

        Reshapes the blobs that it writes to.

        Raises:
            UsageError: there is no such layer.
            ShapeError: a layer cannot work on its bottoms, such as those of a picture that is too small.
            DreamError: a blob would be too large for Caffe, or a pass needs more memory than the limit of a NeededNet.
            MemoryError: there is not enough memory.
        """

    def backward(self, *, start: Optional[str] = None) -> Mapping[str, Array]:
        """Runs backward from the diffs in the tops of layer `start` (default: the last), and returns {input: diff}.

        Raises UsageError if there is no such layer, and MemoryError if there is not enough memory.
        """


class PycaffeNet(Net, Protocol):
    """blobs="all": pycaffe's Net to the letter. Runs every layer in order and keeps every blob.

    Backward passes begin with clean diffs, unless `leftovers` is set: see diffs.CleanPasses.
    """

    leftovers: bool

    def forward(
        self,
        blobs: Optional[Sequence[str]] = None,
        start: Optional[str] = None,
        end: Optional[str] = None,
        **inputs: np.ndarray,
    ) -> Mapping[str, Array]:
        """Runs forward from layer `start` (default: the first) to `end` (default: the last), both included.

        Args:
            blobs: names of blobs to return in addition.
            inputs: data by blob name, of the blob's shape, to be copied there before the pass.

        Returns:
            {blob: data} of the tops of `end` (default: the net's outputs) and of `blobs`.

        Raises the errors of Net.forward, and an exception for inputs that are not in the net or not of its batch size.
        """

    def backward(
        self,
        diffs: Optional[Sequence[str]] = None,
        start: Optional[str] = None,
        end: Optional[str] = None,
        **tops: np.ndarray,
    ) -> Mapping[str, Array]:
        """Runs backward from layer `start` (default: the last) to `end` (default: the first), both included.

        Args:
            diffs: names of blobs to return in addition.
            tops: diffs by blob name, of the blob's shape, to be copied there before the pass.

        Returns:
            {blob: diff} of the bottoms of `end` (default: the net's inputs) and of `diffs`.

        Raises the errors of Net.backward, and an exception for tops that are not in the net or not of its batch size.
        """

    def reshape(self) -> None:
        """Gives all blobs the shapes that follow from those of the inputs, without a pass. Raises ShapeError."""

    def clear_param_diffs(self) -> None:
        """Sets the diffs of all parameters to zero."""


class NeededNet(Net, Protocol):
    """blobs="needed": runs only the layers that `end` depends on, within a memory limit.

    Only the input blob and the blob of `end` hold valid data and diffs. `backward` must start at the `end` of the last
    `forward`; otherwise it raises UsageError. The input's data must not change between the two.
    """

    memory: Optional[int]
    """The bytes that a pass may use in addition to the input blob; None means no limit."""

    def bytes_needed(self, end: str, input_shape: Shape) -> int:
        """The largest number of bytes that a pass to layer `end` uses within `memory`, for an input (n, 3, h, w).

        Raises the errors of Net.forward, except MemoryError.
        """

    def min_memory(self, end: str, input_shape: Shape) -> int:
        """The smallest `memory` with which a pass to layer `end` can run, in bytes.

        Raises UsageError if there is no such layer, and ShapeError if it cannot work on an input of this shape.
        """

    def bytes_of_weights(self, ends: Sequence[str]) -> int:
        """The bytes of the parameters that passes to these layers use, and of what is made of them and kept.

        Raises UsageError if there is no such layer.
        """

    def free_memory(self) -> Optional[int]:
        """The free memory of the device in bytes. None if unknown."""


class Engine(Protocol):
    """An engine: the module that makes its nets."""

    @property
    def __name__(self) -> str: ...

    def set_threads(self, threads: int) -> None:
        """Sets the number of CPU threads of all nets of this engine."""

    def make_net(
        self, model: Model, device: str, precision: str, blobs: str, leftovers: bool, convolutional: bool = False
    ) -> Union[PycaffeNet, NeededNet]:
        """Makes a net. modelzoo.load.load_net describes the arguments.

        Raises:
            UsageError: the device or the precision is not available.
            DreamError: the model's files are damaged or belong to another net, or a layer is not supported.
        """
