"""Caffe's numbers on PyTorch: pycaffe's Net from Caffe's own files, with explicit backward passes."""

from typing import Any

import torch

from ...caffe_format.topology import read_topology
from ...caffe_format.weights import read_weights
from ...errors import UsageError
from .every_blob import EveryBlobNet
from .needed_blobs import NeededBlobsNet
from .net import Net


def set_threads(threads: int) -> None:
    """How many processor threads a pass uses."""
    torch.set_num_threads(threads)


def make_net(model: Any, device: str, precision: str, blobs: str, leftovers: bool) -> Net:
    """A Net for a model_zoo.Model; the arguments are load_net's."""
    chosen = _device(device, precision)
    if chosen.type == "cuda":
        # TF32 keeps ten bits of a number: not Caffe's numbers. And a seed should mean the same picture again.
        torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]
        torch.backends.cuda.matmul.fp32_precision = "ieee"
        torch.backends.cudnn.deterministic = True
    topology = read_topology(model.prototxt)
    args = (topology, read_weights(model.weights, topology), model.mean, chosen, getattr(torch, precision))
    if blobs == "needed":
        return NeededBlobsNet(*args)
    net = EveryBlobNet(*args)
    net.leftovers = leftovers
    return net


def _device(name: str, precision: str) -> torch.device:
    """The torch device for auto, cpu, cuda, cuda:N or mps; raises UsageError where it is not there."""
    if name == "mps" and precision == "float64":
        raise UsageError("mps has no float64: take --device cpu or --precision float32")
    there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    there += ["mps"] if torch.backends.mps.is_available() else []
    if name == "auto":
        able = [device for device in there if device != "mps" or precision == "float32"]
        return torch.device(able[1] if len(able) > 1 else "cpu")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in there:
        raise UsageError(f"there is no device {name} here: take one of auto, {', '.join(there)}")
    return torch.device(wanted)
