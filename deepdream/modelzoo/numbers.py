"""The identity of a net: the SHA-256 of its numbers, whatever file they came in.

It is taken over all parameters as little-endian float32: layer by layer in the prototxt's order, and of each layer its
blobs in Caffe's order and layout. Layers that are not in the prototxt, such as a training net's, do not count.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Sequence

from ..errors import DreamError

if TYPE_CHECKING:
    import numpy as np

    from ..caffe_format.topology import Topology


def digest(topology: Topology, weights: Mapping[str, Sequence[np.ndarray]]) -> str:
    """The SHA-256 of a net's numbers. weights: {layer name: [array, ...]} of all its layers that have parameters."""
    import numpy as np

    total = hashlib.sha256()
    for layer in topology.layers:
        for array in weights.get(layer.name, ()):
            total.update(np.ascontiguousarray(array, "<f4").reshape(-1).data)
    return total.hexdigest()


@lru_cache(maxsize=64)
def of_files(weights: Path, prototxt: Path, sums: tuple[str, str]) -> str:
    """The SHA-256 of the numbers of a model on disk; "" if the file does not hold all of them.

    sums: those of the two files. As long as they stay the same, the files are not read again.
    """
    from ..caffe_format.topology import read_topology
    from ..caffe_format.weights import read_weights

    try:
        topology = read_topology(prototxt)
        read = read_weights(weights, topology)
    except DreamError:  # not a net that this program can read; real Caffe may
        return ""
    for layer in topology.layers:
        shapes = topology.param_shapes.get(layer.name, [])
        if [array.shape for array in read.get(layer.name, ())] != shapes:
            return ""
    return digest(topology, read)
