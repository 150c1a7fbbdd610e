"""Fills the parameters of a net that has no weights file (filler.hpp of Caffe).

The random numbers come from a generator of their own, so that making a net never changes those of numpy.random.
"""

from __future__ import annotations

import time
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from ..caffe_format.layer_spec import Shape
from ..compat import prod
from ..errors import DreamError

if TYPE_CHECKING:
    from ..caffe_format.message import Message

_random = np.random.RandomState(int(time.time() * 1000) % 2**32)
# {type of layer: the constants of its parameters where the prototxt gives no filler}; 0 for all others
_DEFAULTS = {"Scale": (1.0, 0.0), "PReLU": (0.25,)}
_FILLERS = ("weight_filler", "filler", "bias_filler")


def set_random_seed(seed: int) -> None:
    """Makes the fillers repeat their numbers. They are not Caffe's numbers for this seed."""
    _random.seed(int(seed) % 2**32)


def filled(kind: str, param: Message | None, shapes: list[Shape]) -> list[np.ndarray]:
    """The parameters of a layer of this type, float32.

    param: the message with its fillers, such as a ConvolutionParameter of caffe_pb2; None if it has none.
    Raises DreamError for a filler that is not one of Caffe's.
    """
    arrays = []
    for i, shape in enumerate(shapes):
        names = _FILLERS[:2] if i == 0 else _FILLERS[2:]
        filler = next((getattr(param, name) for name in names if _has(param, name)), None)
        if filler is None:
            constants = _DEFAULTS.get(kind, ())
            value = constants[i] if i < len(constants) else 0.0
            arrays.append(np.full(shape, value, np.float32) if value else np.zeros(shape, np.float32))
        else:
            arrays.append(numbers(filler, shape))
    return arrays


def _has(param: Message | None, name: str) -> bool:
    return param is not None and name in param.DESCRIPTOR.fields_by_name and param.HasField(name)


def numbers(filler: Message, shape: Shape) -> np.ndarray:
    """What one filler makes, float32. Raises DreamError for one that is not Caffe's."""
    return np.asarray(_numbers(filler, shape), np.float32)


def _numbers(filler: Message, shape: Shape) -> np.ndarray:
    if filler.type == "constant":
        return np.full(shape, filler.value)
    if filler.type == "uniform":
        return _random.uniform(filler.min, filler.max, shape)
    if filler.type == "gaussian":
        return _gaussian(filler, shape)
    if filler.type == "xavier":
        side = sqrt(3.0 / _fan(filler, shape))
        return _random.uniform(-side, side, shape)
    if filler.type == "msra":
        return _random.normal(0, sqrt(2.0 / _fan(filler, shape)), shape)
    if filler.type == "positive_unitball":
        rows = _random.uniform(0, 1, (shape[0], prod(shape[1:])))
        return (rows / rows.sum(1, keepdims=True)).reshape(shape)
    if filler.type == "bilinear":
        return _bilinear(shape)
    raise DreamError(f"there is no filler {filler.type}: use constant, uniform, gaussian, xavier, msra or bilinear")


def _gaussian(filler: Message, shape: Shape) -> np.ndarray:
    drawn = _random.normal(filler.mean, filler.std, shape)
    if filler.sparse >= 0:  # so many numbers of each output are not 0, on average
        drawn *= _random.uniform(size=shape) < filler.sparse / shape[0]
    return drawn


def _fan(filler: Message, shape: Shape) -> float:
    """How many numbers an output is made from, or an input goes to, or the mean of both."""
    into, out = prod(shape) / shape[0], prod(shape) / (shape[1] if len(shape) > 1 else 1)
    return (into, out, (into + out) / 2)[getattr(filler, "variance_norm", 0)]


def _bilinear(shape: Shape) -> np.ndarray:
    """The weights with which a Deconvolution enlarges: 1 - |x / f - c| in both directions."""
    if len(shape) != 4 or shape[2] != shape[3]:
        raise DreamError("a bilinear filler needs square kernels: use another one")
    f = -(-shape[3] // 2)
    c = (2 * f - 1 - f % 2) / (2.0 * f)
    line = 1 - np.abs(np.arange(shape[3]) / f - c)
    return np.broadcast_to(np.outer(line, line), shape)
