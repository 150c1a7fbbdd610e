"""Nets that were trained elsewhere, as a .caffemodel: arrays by layer and a prototxt's topology in, a file's bytes out.

Everything is computed number by number in float64 and rounded to float32 once, when it is written: the same file on
every machine.
"""

from typing import Any, List, Mapping, Sequence

import numpy as np

from .caffe_format import schema
from .caffe_format.topology import Topology
from .errors import DreamError


def caffemodel(topology: Topology, weights: Mapping[str, Sequence[np.ndarray]]) -> bytes:
    """The .caffemodel of a net.

    weights: {layer name: [weights, bias, ...]} of any floating type. Raises DreamError with the first layer that has no
    arrays, or others than the topology asks for, or is not in it.
    """
    ordered = {}
    for layer in topology.layers:
        wanted, given = topology.param_shapes[layer.name], weights.get(layer.name, ())
        shapes = [array.shape for array in given]
        if shapes != wanted:
            raise DreamError(f"layer {layer.name} needs arrays of the shapes {wanted} and is given {shapes}")
        if wanted:
            ordered[layer.name] = given
    for name in weights:
        if name not in topology.param_shapes:
            raise DreamError(f"there are arrays for a layer {name}, which the net does not have")
    return bytes(net_parameter(ordered).SerializeToString(deterministic=True))


def net_parameter(weights: Mapping[str, Sequence[np.ndarray]]) -> Any:
    """A NetParameter that holds {layer name: [array, ...]} in float32, as today's Caffe writes it."""
    net = schema.NetParameter()
    for name, arrays in weights.items():
        layer = net.layer.add(name=name)
        for array in arrays:
            # Packed floats are bytes on the wire, and the schema declares them so.
            blob = layer.blobs.add(data=array.astype("<f4").tobytes())
            blob.shape.dim.extend(array.shape)
            if not array.shape:
                blob.ClearField("shape")  # Caffe adds no dimension, so that of a single number is not in the file
    return net


def fold_batch_norm(
    weight: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    epsilon: float,
) -> List[np.ndarray]:
    """A convolution without bias and the batch normalization behind it as one convolution: [weight, bias] in float64.

        gamma (w * x - mean) / sqrt(variance + epsilon) + beta = (f w) * x + (beta - f mean)
        with f = gamma / sqrt(variance + epsilon)

    weight: (channels, channels in, height, width). gamma, beta, mean, variance: (channels,).
    """
    weight, gamma, beta, mean, variance = (x.astype(np.float64) for x in (weight, gamma, beta, mean, variance))
    factor = gamma / np.sqrt(variance + epsilon)
    return [weight * factor[:, None, None, None], beta - mean * factor]


def fold_input(weight: np.ndarray, scale: float) -> np.ndarray:
    """The weights of a first convolution that was trained on (RGB - mean) / scale, for Caffe's BGR - mean: in float64.

        w * (x / scale) = (w / scale) * x, and the channels in the other order

    weight: (channels, 3, height, width). The mean stays what it is: Caffe subtracts it from every picture.
    """
    return weight.astype(np.float64)[:, ::-1] / scale
