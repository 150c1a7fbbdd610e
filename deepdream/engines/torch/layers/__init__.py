"""One class per Caffe layer, with the same name."""

from typing import Dict, Type

from .arrangement import Concat, Crop, Flatten, Input, Reshape, Slice, Split
from .base import Layer
from .elementwise import Clip, Dropout, Eltwise, Power, PReLU, ReLU, Sigmoid, TanH
from .linear import Convolution, Deconvolution, InnerProduct
from .normalization import LRN, BatchNorm, Scale, Softmax
from .pooling import Pooling

LAYERS: Dict[str, Type[Layer]] = {
    cls.__name__: cls
    for cls in (
        *(Input, Convolution, Deconvolution, InnerProduct, Pooling, LRN, BatchNorm, Scale, Softmax),
        *(ReLU, PReLU, Clip, Sigmoid, TanH, Power, Dropout, Eltwise, Concat, Slice, Split, Flatten, Reshape, Crop),
    )
}

__all__ = ["LAYERS", "Layer"]
