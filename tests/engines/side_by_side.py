"""One net in real Caffe and in the PyTorch engine, pass by pass: every blob's data and diff, every parameter's diff."""

from typing import Dict, NamedTuple, Optional

import numpy as np

from deepdream.engines.torch import make_net

MODES = (("float32", "all"), ("float64", "all"), ("float32", "needed"), ("float64", "needed"))


class Pass(NamedTuple):
    """Forward to the layer `end`, and back from there."""

    end: str
    data: Dict[str, np.ndarray]  # of the inputs, which take these shapes
    diff: Dict[str, Optional[np.ndarray]]  # what the way back starts from; None: the blob's own data, as in a dream
    back: bool = True  # whether there is a way back
    clean: bool = False  # whether all other diffs are zero at first, or what earlier passes have left


class SideBySide:
    """Both engines' nets; `nets` has ours for several modes (precision, blobs)."""

    def __init__(self, caffe, model, modes=MODES):
        """Loads the net; `model` has the paths of a prototxt, to which force_backward is added, and of its weights."""
        self.nets = {mode: make_net(model, "cpu", *mode, mode[1] == "all") for mode in modes}
        self.topology = self.nets[modes[0]].topology
        self._caffe = caffe
        layers = caffe.load(b"force_backward: true\n" + model.prototxt.read_bytes(), model.weights.read_bytes())
        assert layers == [layer.name for layer in self.topology.layers]

    def caffes(self, one):
        """What Caffe makes of a pass, {name: array} as CaffeProcess.run has them: all that the pass touches."""
        layers = self.touched(one)
        blobs = list(dict.fromkeys(top for layer in layers for top in layer.tops))
        return self._caffe.run(one, blobs, [layer.name for layer in layers if self.topology.param_shapes[layer.name]])

    def run(self, one):
        """Runs a pass everywhere; yields (mode, name, errors) for each result of ours that can be relied on."""
        theirs = self.caffes(one)
        sizes = self.sizes(theirs)
        for mode, net in self.nets.items():
            names = list(theirs) if mode[1] == "all" else self._needed(one)
            if names:
                forward(net, one)
                backward(net, one)
            for name in names:
                yield mode, name, off(net, name, theirs, sizes)

    def touched(self, one):
        """The layers that a pass runs."""
        return self.topology.layers[: self.topology.position(one.end) + 1]

    def sizes(self, theirs):
        """What errors are relative to, {name: array}: Caffe's number, or the blob's mean |number| where it is greater.

        A parameter's diff is a sum over its layer's top. Where the terms cancel, as a bias's do in front of a softmax,
        only their rounding is left: there it is the mean |diff| of the top.
        """
        sizes = {}
        for name, value in theirs.items():
            assert np.isfinite(value).all()
            size = np.abs(value)
            least = size.mean()
            if name.startswith("param|"):
                spec = self.topology.layers[self.topology.index[name.split("|")[1]]]
                least = max(least, np.abs(theirs["diff|" + spec.tops[0]]).mean())
            sizes[name] = np.maximum(size, least or 1)
        return sizes

    def _needed(self, one):
        """The results that can be relied on with blobs="needed"."""
        if not one.clean or not self.topology.layers[self.topology.position(one.end)].tops:
            return []
        source, needed = self.topology.inputs[0], self.topology.needed(one.end)
        if not any(source in layer.bottoms for layer in needed):
            return []
        return [f"diff|{source}", *(f"data|{top}" for top in needed[-1].tops)]


def forward(net, one):
    """Our way forward in a pass."""
    for name, picture in one.data.items():
        net.blobs[name].reshape(*picture.shape)
        net.blobs[name].data[...] = picture
    net.forward(end=one.end)


def backward(net, one):
    """Our way back in a pass."""
    for name, diff in one.diff.items():
        net.blobs[name].diff[...] = net.blobs[name].data if diff is None else diff
    net.leftovers = not one.clean
    net.backward(start=one.end)


def off(net, name, theirs, sizes):
    """How far our result of this name is off, number by number, relative to its sizes."""
    which, key, *number = name.split("|")
    ours = net.params[key][int(number[0])].diff if number else getattr(net.blobs[key], which)
    assert ours.shape == theirs[name].shape
    return np.abs(ours - theirs[name]) / sizes[name]
