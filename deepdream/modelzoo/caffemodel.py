"""Writes weights from other frameworks as a .caffemodel.

All arithmetic is elementwise in float64 and rounded to float32 once, when the file is written. So the file is the same
on every machine.
"""

from typing import Any, List, Mapping, Sequence

import numpy as np

from ..caffe_format import schema
from ..caffe_format.topology import Topology
from ..errors import DreamError


def caffemodel(topology: Topology, weights: Mapping[str, Sequence[np.ndarray]]) -> bytes:
    """The bytes of a net's .caffemodel.

    weights: {layer name: [weights, bias, ...]} of any floating-point type.
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
    return bytes(net_parameter(ordered).SerializeToString(deterministic=True))


def net_parameter(weights: Mapping[str, Sequence[np.ndarray]]) -> Any:
    """A NetParameter with {layer name: [array, ...]} in float32, in the form that Caffe 1.0 writes."""
    net = schema.NetParameter()
    for name, arrays in weights.items():
        layer = net.layer.add(name=name)
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
