"""GoogLeNet and SqueezeNet with their real weights in both engines, at several sizes and from several layers."""

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
from PIL import Image

from deepdream.modelzoo import zoo
from deepdream.net_input import preprocess
from tests.engines.side_by_side import Pass, SideBySide, backward, forward, off
from tests.helpers.nets import write_prototxt
from tests.helpers.shared import SHARED, model

MODES = (("float32", "all"), ("float64", "all"))
ENDS = {
    "bvlc_googlenet": ("conv2/3x3", "inception_3b/5x5_reduce", "inception_4c/output", "inception_5b/output"),
    "squeezenet_v1.1": ("pool1", "fire3/expand3x3", "fire6/concat", "fire9/squeeze1x1"),
}
SIZES = ((97, 131), (128, 96), (144, 139))
# From the classes too, of the one size that GoogLeNet's classifier fits.
CASES = [
    (name, end, *size)
    for name, ends in ENDS.items()
    for size, tops in [*((size, ends) for size in SIZES), ((224, 224), ("prob",))]
    for end in tops
]


class Errors(NamedTuple):
    """One pass in one precision."""

    data: float  # the worst
    diff: float  # the median of the blobs' that are not zero
    over: float  # the share of these that are further than 1e-4 off
    steered: float  # the worst of the blobs' and the parameters', when ReLUs and poolings switch as Caffe's did


def load(caffe, folder, name):
    """One of the nets in both engines, made for one picture: for ten, as published, it would take gigabytes."""
    found = zoo.resolve(model(name))
    text = found.prototxt.read_text(encoding="utf-8")
    prototxt = write_prototxt(folder, text.replace("dim: 10", "dim: 1", 1))
    return SideBySide(
        caffe, SimpleNamespace(prototxt=prototxt, weights=found.weights, mean=found.mean, scale=found.scale), MODES
    )


def real_errors(nets, end, height, width):
    """{precision: Errors} of a pass on a crop of the notebook's sky, from the data of `end` as a dream does."""
    sky = np.asarray(Image.open(SHARED / "images" / "sky1024px.jpg").convert("RGB"))
    top, left = height, 2 * width  # another part of it for each size
    net = next(iter(nets.nets.values()))
    picture = preprocess(net, sky[top : top + height, left : left + width])[None]
    one = Pass(end, {"data": picture}, {end: None}, clean=True)
    theirs = nets.caffes(one)
    sizes = nets.sizes(theirs)
    return {precision: _errors(nets, net, one, theirs, sizes) for (precision, _), net in nets.nets.items()}


def _errors(nets, net, one, theirs, sizes):
    forward(net, one)
    backward(net, one)
    data = max(off(net, name, theirs, sizes).max() for name in theirs if name.startswith("data|"))
    diff = np.concatenate(
        [off(net, name, theirs, sizes)[theirs[name] != 0] for name in theirs if name.startswith("diff|")]
    )
    # What rounding flips is one thing, and what the layers compute is another: once more, each layer from Caffe's data.
    for layer in nets.touched(one):
        net.forward(start=layer.name, end=layer.name)
        for blob in layer.tops:
            net.blobs[blob].data[...] = theirs["data|" + blob]
    backward(net, one)
    steered = max(off(net, name, theirs, sizes).max() for name in theirs)
    return Errors(data, np.median(diff), np.mean(diff > 1e-4), steered)
