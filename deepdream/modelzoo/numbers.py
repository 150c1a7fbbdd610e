"""The identity of a net: the SHA-256 of its numbers, whatever file they came in.

It is taken over all parameters as little-endian float32: layer by layer in the prototxt's order, and of each layer its
blobs in Caffe's order and layout. Layers that are not in the prototxt, such as a training net's, do not count.
"""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Mapping, Sequence

from ..errors import DreamError
from ..storage import atomic, cache_dir

if TYPE_CHECKING:
    import numpy as np

    from ..caffe_format.topology import Topology

_LARGE = 2**26  # bytes of a file: smaller ones are read in a tenth of a second


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

    sums: those of the two files. While they stay the same, the files are not read again: by this process, and, where
    that would take seconds, by none that has the same cache folder.
    """
    kept = _kept(weights, sums)
    with suppress(OSError, UnicodeDecodeError):
        known = kept.read_text(encoding="ascii") if kept else ""
        if re.fullmatch("[0-9a-f]{64}", known):
            return known
    found = _read(weights, prototxt)
    if kept and found:
        with suppress(OSError):
            kept.parent.mkdir(parents=True, exist_ok=True)
            atomic.write(kept, found.encode())
    return found


def _kept(weights: Path, sums: tuple[str, str]) -> Path | None:
    """Where the sum of a large net is kept, under a name that stands for both files; None for a small net."""
    root = cache_dir.cache_root()
    with suppress(OSError):
        if root and weights.stat().st_size >= _LARGE:
            return root / "numbers" / hashlib.sha256("".join(sums).encode()).hexdigest()
    return None


def _read(weights: Path, prototxt: Path) -> str:
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
