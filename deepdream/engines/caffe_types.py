"""The parts of pycaffe that the Caffe engine uses, for type checkers only: import it under TYPE_CHECKING.

Caffe itself has no type annotations.
"""

from typing import Callable, Dict, List, Mapping, Optional, Protocol, Sequence, Tuple  # novermin

import numpy as np

from ..arrays import Blob
from ..caffe_format.message import MessageClass
from .interface import Transformer


class CaffeBlob(Protocol):
    """caffe._caffe.Blob, whose arrays share memory with Caffe."""

    @property
    def shape(self) -> Sequence[int]: ...

    @property
    def count(self) -> int: ...

    @property
    def num(self) -> int: ...

    @property
    def channels(self) -> int: ...

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...

    @property
    def data(self) -> np.ndarray: ...

    @property
    def diff(self) -> np.ndarray: ...

    def reshape(self, *shape: int) -> None: ...


class BareNet(Protocol):
    """caffe.Net, which has no transformer."""

    inputs: List[str]

    @property
    def blobs(self) -> Mapping[str, CaffeBlob]: ...

    def forward(self) -> Dict[str, np.ndarray]: ...

    def backward(self) -> Dict[str, np.ndarray]: ...

    def share_with(self, other: "Classifier") -> None:
        """Uses the parameters of another net: those of its layers with the same names."""


class Classifier:
    """caffe.Classifier: a net from a prototxt and a .caffemodel, with a transformer."""

    inputs: List[str]
    outputs: List[str]
    params: Mapping[str, Sequence[Blob]]
    transformer: Transformer

    def __init__(self, model_file: str, pretrained_file: str, *, mean: np.ndarray, channel_swap: Tuple[int, ...]):
        raise NotImplementedError

    @property
    def blobs(self) -> Mapping[str, CaffeBlob]:
        raise NotImplementedError

    def forward(
        self,
        blobs: Optional[Sequence[str]] = None,
        start: Optional[str] = None,
        end: Optional[str] = None,
        **inputs: np.ndarray,
    ) -> Dict[str, np.ndarray]:
        raise NotImplementedError

    def backward(
        self,
        diffs: Optional[Sequence[str]] = None,
        start: Optional[str] = None,
        end: Optional[str] = None,
        **tops: np.ndarray,
    ) -> Dict[str, np.ndarray]:
        raise NotImplementedError

    def reshape(self) -> None:
        raise NotImplementedError

    def clear_param_diffs(self) -> None:
        raise NotImplementedError


class Caffe(Protocol):
    """The module caffe."""

    __version__: str
    __file__: str
    TEST: int
    Net: Callable[[str, int], BareNet]
    Classifier: Callable[..., Classifier]

    def set_mode_cpu(self) -> None: ...

    def set_mode_gpu(self) -> None: ...

    def set_device(self, number: int) -> None: ...

    def layer_type_list(self) -> Sequence[str]: ...


class CaffePb2(Protocol):
    """The module caffe.proto.caffe_pb2."""

    NetParameter: MessageClass
