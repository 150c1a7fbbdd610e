"""Writes a net's numbers as a .caffemodel, in one form: of each layer its name, its type and its blobs.

So the same numbers make the same file, wherever they come from. Where there is arithmetic, it is elementwise in float64
and rounded to float32 once, when the file is written.
"""

from types import MappingProxyType
from typing import Any, List, Mapping, Sequence

import numpy as np

from ..caffe_format import schema
from ..caffe_format.topology import Topology
from ..errors import DreamError


def caffemodel(topology: Topology, weights: Mapping[str, Sequence[np.ndarray]], with_types: bool = True) -> bytes:
    """The bytes of a net's .caffemodel.

    weights: {layer name: [weights, bias, ...]} of any floating-point type. with_types: False leaves the layers' types
    out, as the first version of this program did; no reader needs them.
    Raises DreamError for the first layer that has missing or misshapen arrays, or is not in the topology.
    """
    ordered = {}
    for layer in topology.layers:
        wanted, given = topology.param_shapes[layer.name], weights.get(layer.name, ())
        shapes = [array.shape for array in given]
        if shapes != wanted:
            raise DreamError(f"layer {layer.name} needs arrays of the shapes {wanted}, not {shapes}")
        if wanted:
            ordered[layer.name] = given
    for name in weights:
        if name not in topology.param_shapes:
            raise DreamError(f"there are arrays for layer {name}, which is not in the net")
    types = {layer.name: layer.type for layer in topology.layers} if with_types else {}
    return bytes(net_parameter(ordered, types).SerializeToString(deterministic=True))


def net_parameter(weights: Mapping[str, Sequence[np.ndarray]], types: Mapping[str, str] = MappingProxyType({})) -> Any:
    """A NetParameter with {layer name: [array, ...]} in float32, in the form that Caffe 1.0 writes.

    types: of the layers, if they are to be in it.
    """
    net = schema.NetParameter()
    for name, arrays in weights.items():
        layer = net.layer.add(name=name)
        if name in types:
            layer.type = types[name]
        for array in arrays:
            # The schema declares packed floats as bytes, which is what they are on the wire.
            blob = layer.blobs.add(data=array.astype("<f4").tobytes())
            blob.shape.dim.extend(array.shape)
            if not array.shape:
                blob.ClearField("shape")  # for a single number, Caffe writes no dimension and so no shape
    return net


def fold_batch_norm(
    weight: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float,
) -> List[np.ndarray]:
    """Folds a batch normalization into the convolution before it, which has no bias: [weight, bias] in float64.

        gamma (w * x - mean) / sqrt(variance + epsilon) + beta = (f w) * x + (beta - f mean)
        with f = gamma / sqrt(variance + epsilon)

    weight: (channels, channels in, height, width). gamma, beta, mean, variance: (channels,).
    """
    weight, gamma, beta, mean, variance = (x.astype(np.float64) for x in (weight, gamma, beta, mean, variance))
    factor = gamma / np.sqrt(variance + epsilon)
    return [weight * factor[:, None, None, None], beta - mean * factor]


def fold_input(weight: np.ndarray, scale: float) -> np.ndarray:
    """Converts a first convolution that was trained on (RGB - mean) / scale to Caffe's BGR - mean, in float64.

        w * (x / scale) = (w / scale) * x, with the channels reversed

    weight: (channels, 3, height, width). The mean does not change, because Caffe subtracts it from every picture.
    """
    return weight.astype(np.float64)[:, ::-1] / scale
