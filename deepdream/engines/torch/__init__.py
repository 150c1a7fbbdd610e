"""The PyTorch engine: pycaffe's Net, made from Caffe's files, with Caffe's numbers and explicit backward passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

import torch

from ...caffe_format.convolutional import as_convolutional, reshaped
from ...caffe_format.grey import input_mean
from ...caffe_format.topology import read_topology
from ...caffe_format.weights import read_usable
from ...errors import UsageError
from .full_net import FullNet
from .pruned_net import PrunedNet

if TYPE_CHECKING:
    from ..interface import Model, NeededNet, PycaffeNet

    # Type checkers compare the nets with the interface here.
    _all: Callable[..., PycaffeNet] = FullNet
    _needed: Callable[..., NeededNet] = PrunedNet

# The precisions that a type of device lacks.
_LACKING = {"cpu": ("tf32",), "mps": ("float64", "tf32")}


def set_threads(threads: int) -> None:
    """Sets the number of CPU threads that a pass uses."""
    torch.set_num_threads(threads)


def make_net(
    model: Model, device: str, precision: str, blobs: str, leftovers: bool, convolutional: bool = False
) -> PycaffeNet | NeededNet:
    """Makes a net: see interface.Engine."""
    if precision == "bfloat16" and blobs != "needed":
        raise UsageError('bfloat16 needs blobs="needed"')
    chosen = _device(device, precision)
    if chosen.type == "cuda":
        _set_up_cuda(precision)
    topology, weights = read_usable(model.weights, read_topology(model.prototxt, model.scale))
    if convolutional:
        topology = as_convolutional(topology)
        weights = reshaped(weights, topology)
    args = (topology, weights, input_mean(topology, model.mean), chosen, precision)
    if blobs == "needed":
        return PrunedNet(*args)
    net = FullNet(*args)
    net.leftovers = leftovers
    return net


def _set_up_cuda(precision: str) -> None:
    """Sets how CUDA computes in float32. The setting is global: the net that was made last decides for all nets.

    TF32 keeps ten bits of each factor. These are not Caffe's numbers, so it is used only on request. cuDNN is made
    deterministic so that a seed gives the same picture every time.
    """
    number = "tf32" if precision == "tf32" else "ieee"
    torch.backends.cudnn.conv.fp32_precision = number  # type: ignore[attr-defined]
    torch.backends.cuda.matmul.fp32_precision = number
    torch.backends.cudnn.deterministic = True


def _device(name: str, precision: str) -> torch.device:
    """The torch device for auto, cpu, cuda, cuda:N or mps. Raises UsageError if there is no such device."""
    if precision in _LACKING.get(name, ()):
        other = "cuda" if precision == "tf32" else "cpu"
        raise UsageError(f"{name} has no {precision}: use --device {other} or --precision float32")
    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    there += ["mps"] if torch.backends.mps.is_available() else []
    if name == "auto":
        able = [device for device in there if precision not in _LACKING.get(device, ())]
        if not able:
            raise UsageError(f"no device here has {precision}: use --precision float32")
        return torch.device(next((device for device in able if device != "cpu"), "cpu"))
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in there:
        raise UsageError(f"there is no device {name} here: use one of auto, {', '.join(there)}")
    return torch.device(wanted)
