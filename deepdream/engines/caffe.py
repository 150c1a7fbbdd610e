"""The Caffe engine: makes nets that run on real BVLC Caffe.

Caffe aborts the whole process if one of its checks fails, so this module looks for errors beforehand.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from google.protobuf import text_format

from ..caffe_format.convolutional import as_convolutional, reshaped
from ..caffe_format.sizes import check_input
from ..caffe_format.topology import Topology, read_topology
from ..caffe_format.weights import read_weights
from ..errors import DreamError, UsageError
from . import caffe_device, caffe_prototxt
from .caffe_device import set_threads
from .caffe_net import CaffeNet, PrunedCaffeNet
from .real_caffe import import_caffe

if TYPE_CHECKING:
    from .interface import Model, NeededNet, PycaffeNet

__all__ = ["make_net", "set_threads"]

caffe, caffe_pb2 = import_caffe()


def make_net(
    model: Model, device: str, precision: str, blobs: str, leftovers: bool, convolutional: bool = False
) -> PycaffeNet | NeededNet:
    """Makes a net: see interface.Engine."""
    if precision != "float32":
        raise UsageError(f"Caffe computes in float32 only: use --engine torch for {precision}")
    chosen = caffe_device.resolved(device)
    topology = read_topology(model.prototxt)
    check_input(topology)
    _check_types(topology)
    weights = read_weights(model.weights, topology)  # raises DreamError if they belong to another net
    caffe_device.select(chosen)
    kind = PrunedCaffeNet if blobs == "needed" else CaffeNet
    mean, bgr = np.array(model.mean, np.float32), (2, 1, 0)
    if convolutional:
        topology = as_convolutional(topology)
        # Caffe would abort over the shapes in the file, so it gets an empty one, from which it loads nothing.
        with caffe_prototxt.as_file(caffe_prototxt.whole(topology)) as path:
            net = kind(path, os.devnull, mean=mean, channel_swap=bgr)
        for name, arrays in reshaped(weights, topology).items():
            for blob, array in zip(net.params[name], arrays):
                blob.data[...] = array
    else:
        with caffe_prototxt.as_file(_forced_backward(model.prototxt)) as path:
            net = kind(path, str(model.weights), mean=mean, channel_swap=bgr)
    net.topology, net.device, net.leftovers = topology, chosen, leftovers
    return net


def _check_types(topology: Topology) -> None:
    """Raises DreamError if this Caffe, which may be old, lacks the type of a layer."""
    known = caffe.layer_type_list()
    for layer in topology.layers:
        if layer.type not in known:
            since = "it was added in August 2018; " if layer.type == "Clip" else ""
            hint = f"{since}use --engine torch or a newer Caffe"
            raise DreamError(f"this Caffe has no layer of type {layer.type} (layer {layer.name}): {hint}")


def _forced_backward(prototxt: Path) -> str:
    """Returns the text of the net with force_backward, as in the notebook of 2015.

    Without it, Caffe does not compute the diff of the input.
    """
    net = caffe_pb2.NetParameter()
    try:
        text_format.Parse(Path(prototxt).read_text(encoding="utf-8"), net)
    except text_format.ParseError as error:
        raise DreamError(f"{prototxt} is not a net that this Caffe can read: {error}") from None
    for layer in (*net.layer, *net.layers):
        for field, value in layer.ListFields():
            if field.name.endswith("_param") and "engine" in value.DESCRIPTOR.fields_by_name:
                value.ClearField("engine")  # a Caffe without cuDNN aborts if a layer asks for it
    net.force_backward = True
    return str(text_format.MessageToString(net))
