"""One class per Caffe layer, with the same name."""

from typing import Dict, Type

from .activations import BNLL, ELU, AbsVal, Exp, Log, Swish, Threshold
from .arrangement import (
    Concat,
    Crop,
    DummyData,
    Flatten,
    Input,
    Permute,
    Reshape,
    ShuffleChannel,
    Silence,
    Slice,
    Split,
    Tile,
)
from .base import Layer
from .broadcast import Axpy, Bias, Scale
from .elementwise import Clip, Dropout, Eltwise, Power, PReLU, ReLU, Sigmoid, TanH
from .linear import Convolution, Deconvolution, InnerProduct
from .normalization import LRN, BatchNorm, Softmax, SoftmaxWithLoss
from .pooling import Pooling
from .statistics import MVN, ArgMax, Normalize, Reduction

LAYERS: Dict[str, Type[Layer]] = {
    cls.__name__: cls
    for cls in (
        *(Input, Convolution, Deconvolution, InnerProduct, Pooling, LRN, BatchNorm, Scale, Softmax),
        *(ReLU, PReLU, Clip, Sigmoid, TanH, Power, Dropout, Eltwise, Concat, Slice, Split, Flatten, Reshape, Crop),
        *(AbsVal, ArgMax, Bias, BNLL, ELU, Exp, Log, MVN, Reduction, Swish, Threshold, Tile),
        *(DummyData, Silence, Permute, Normalize, ShuffleChannel, Axpy, SoftmaxWithLoss),
    )
}

__all__ = ["LAYERS", "Layer"]
