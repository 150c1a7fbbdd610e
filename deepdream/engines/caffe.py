"""The Caffe engine: makes nets that run on real BVLC Caffe.

Caffe aborts the whole process if one of its checks fails, so this module looks for errors beforehand.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from ..caffe_format.convolutional import as_convolutional, reshaped
from ..caffe_format.grey import input_mean
from ..caffe_format.sizes import check_input
from ..caffe_format.topology import Topology, read_topology
from ..caffe_format.weights import read_usable
from ..errors import DreamError, UsageError
from . import caffe_device, caffe_prototxt
from .caffe_device import set_threads
from .caffe_net import CaffeNet, PrunedCaffeNet
from .real_caffe import import_caffe

if TYPE_CHECKING:
    from .interface import Model, NeededNet, PycaffeNet

__all__ = ["make_net", "set_threads"]

caffe, _ = import_caffe()


def make_net(
    model: Model, device: str, precision: str, blobs: str, leftovers: bool, convolutional: bool = False
) -> PycaffeNet | NeededNet:
    """Makes a net: see interface.Engine."""
    if precision != "float32":
        raise UsageError(f"Caffe computes in float32 only: use --engine torch for {precision}")
    chosen = caffe_device.resolved(device)
    topology = _without_missing_types(read_topology(model.prototxt, model.scale))
    check_input(topology)
    topology, weights = read_usable(model.weights, topology)
    caffe_device.select(chosen)
    if convolutional:
        topology = as_convolutional(topology)
        weights = reshaped(weights, topology)
    kind = PrunedCaffeNet if blobs == "needed" else CaffeNet
    mean = np.array(input_mean(topology, model.mean), np.float32)
    bgr = (2, 1, 0) if len(mean) == 3 else (0,)
    # Caffe gets the net as it was read here and, since it would abort over a file that does not fit, no weights.
    with caffe_prototxt.as_file(caffe_prototxt.whole(topology)) as path:
        net = kind(path, os.devnull, mean=mean, channel_swap=bgr)
    for name, arrays in weights.items():
        for blob, array in zip(net.params[name], arrays):
            blob.data[...] = array
    net.topology, net.device, net.leftovers = topology, chosen, leftovers
    return net


def _without_missing_types(topology: Topology) -> Topology:
    """The net without the layers whose types this Caffe, which may be old, lacks. Raises DreamError if none is left."""
    known, reasons = caffe.layer_type_list(), {}
    for layer in topology.layers:
        if layer.type not in known:
            since = "it was added in August 2018; " if layer.type == "Clip" else ""
            hint = f"{since}use --engine torch or a newer Caffe"
            reasons[layer.name] = f"layer {layer.name} is of type {layer.type}, which this Caffe lacks: {hint}"
    usable = topology.without(reasons) if reasons else topology
    if not usable.dreamable() and reasons:
        raise DreamError(next(iter(reasons.values())))
    return usable
