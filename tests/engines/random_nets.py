"""Random nets, which between them have every layer type and every parameter that the PyTorch engine supports.

What they leave out is where Caffe goes wrong and the engine does not:
- Power, BNLL, Log and MVN in place, and a layer in place on the top of LRN, Power or Swish: Caffe works diffs out from
  what was overwritten.
- A layer in place before or behind Flatten and Reshape, or behind a Split: in Caffe that is the same memory.
- Flatten behind Reshape: Caffe loses the diff.
- Means of what Softmax has made, whose sum is 1: of their diffs only rounding is left.
- Divisions of zero by zero: cubes, roots and unstable products are of sigmoids only.
"""

from math import prod
from random import Random

import numpy as np
from google.protobuf import text_format

from deepdream.caffe_format import schema
from deepdream.caffe_format.layer_spec import LayerSpec
from deepdream.caffe_format.shapes import infer_layer
from deepdream.caffe_format.topology import read_topology
from deepdream.caffe_format.upgrade import V1_TYPES
from deepdream.caffe_format.weights import read_weights
from deepdream.engines.torch.layers import LAYERS
from deepdream.errors import DreamError
from deepdream.modelzoo.caffemodel import net_parameter
from tests.engines.random_params import ONE_BOTTOM, along, axes, convolution, dummy_data, slices, some
from tests.engines.side_by_side import Pass, SideBySide
from tests.helpers.nets import input_layer, layer, write_net

# The LayerParameter's field for each type that has parameters, such as "lrn_param".
FIELDS = {
    field.message_type.name[: -len("Parameter")]: field.name
    for field in schema.LayerParameter.DESCRIPTOR.fields
    if field.name.endswith("_param")
}
FIELDS.update(Deconvolution="convolution_param", Dropout="dropout_param")
OLD_TYPES = {new: old for old, new in V1_TYPES.items()}
OLD_FIELDS = schema.NetParameter.DESCRIPTOR.fields_by_name["layers"].message_type.fields_by_name
SEEDS = range(300)
IN_PLACE = (
    *("ReLU", "PReLU", "Clip", "Sigmoid", "TanH", "Dropout", "BatchNorm", "Scale", "Softmax"),
    *("ELU", "Swish", "Bias"),
)
# Caffe fills DummyData once, so a layer in place would add to what it has made before.
NEVER_REWRITTEN = ("LRN", "Power", "Flatten", "Reshape", "Split", "DummyData", "Swish")
# Types of which there is no backward pass in Caffe, that read whole numbers, and that only a branch of it has.
FORWARD_ONLY = ("ArgMax", "Threshold")
WITH_LABELS = ("SoftmaxWithLoss",)  # tests/pycaffe/calls.py has it
OF_BRANCHES = ("Permute", "Normalize", "ShuffleChannel", "Axpy")
SEVERAL_BOTTOMS = ("Scale", "Bias", "Convolution")  # may have
MOST = 1500  # numbers in a blob


def random_net(seed):
    """The prototxt of a net of three to eight layers, and a few more where one wants others before it."""
    return _Draft(Random(seed)).text()


def random_model(folder, seed):
    """The net and random weights as files in a folder, as write_net has them."""
    model = write_net(folder, random_net(seed), seed)
    topology = read_topology(model.prototxt)
    transposed = [spec.name for spec in topology.layers if spec.param.inner_product_param.transpose]
    if transposed:
        weights = read_weights(model.weights, topology)
        for name in transposed:
            # write_net's are sized for the other way round: too large ones would drive every sigmoid to its end.
            inputs, outputs = weights[name][0].shape
            weights[name][0] = weights[name][0] * np.float32((outputs / inputs) ** 0.5)
        model.weights.write_bytes(net_parameter(weights).SerializeToString())
    return model


def random_passes(topology, seed):
    """Through the whole net from all of its outputs; then twice to some layer only, on pictures of another size.

    The second works on the diffs that the first has left, the third on clean ones.
    """
    random, numbers = Random(seed), np.random.RandomState(SEEDS.stop + seed)  # other numbers than the weights
    specs = [spec for spec in topology.layers if spec.type != "Input"]
    chosen = [specs[-1], random.choice(specs), random.choice(specs)]
    if all(spec is specs[-1] for spec in chosen):
        chosen[2] = specs[-2]  # diffs that the program sets in several blobs stay for passes from the same layer
    for number, spec in enumerate(chosen):
        shapes = _shapes(topology, spec.name, random.randint(-2, 3) if number else 0)
        starts = dict.fromkeys((*spec.tops, *(() if number else topology.outputs)))
        data, diff = (
            {name: numbers.normal(size=shapes[name]).astype(np.float32) for name in names}
            for names in (topology.inputs, starts)
        )
        yield Pass(spec.name, data, diff, clean=number == 2)


def _shapes(topology, end, more):
    """The shapes of the blobs as far as `end`, on pictures that are larger by `more` where the net allows it."""
    inputs = {}
    for name in topology.inputs:
        *others, height, width = topology.shapes[name]
        inputs[name] = (*others, max(height + more, 1), max(width + more, 1))
    layers = topology.layers[: topology.position(end) + 1]
    try:
        return topology.infer(layers, {**topology.shapes, **inputs})
    except DreamError:
        return topology.shapes


def random_errors(caffe, folder, seed):
    """(pass number, mode, name of the result, errors) for everything in the three passes of a random net."""
    nets = SideBySide(caffe, random_model(folder, seed))
    for number, one in enumerate(random_passes(nets.topology, seed)):
        for mode, name, errors in nets.run(one):
            # Of one picture, Caffe puts a Scale's diff in the place of the one before instead of adding it.
            if not (number == 1 and name.startswith("param|scale") and name.endswith("|0")):
                yield number, mode, name, errors


class _Draft:
    """A net, layer by layer."""

    def __init__(self, random):
        self.random = random
        self.old = random.random() < 0.15  # the form from before December 2014
        self.layers = []
        shape = (random.randint(1, 2), random.randint(2, 6), random.randint(5, 9), random.randint(5, 9))
        smaller = tuple(random.randint(1, size) for size in shape)
        if smaller[1] == 3 != shape[1]:  # it would be taken for the picture
            smaller = (smaller[0], 2, *smaller[2:])
        inputs = random.choice([[shape], [shape], [shape, shape], [shape, smaller]])
        self.shapes = {f"data{i or ''}": shape for i, shape in enumerate(inputs)}  # of the blobs that may be read
        self.header = self._header(inputs)
        self.fixed = set(self.shapes)  # the blobs that no layer may work on in place
        self.rewritten = set()  # those on which one did
        kinds = [kind for kind in LAYERS if kind not in ("Input", *FORWARD_ONLY, *OF_BRANCHES, *WITH_LABELS)]
        kinds = [kind for kind in kinds if kind in OLD_TYPES or not self.old]
        for _ in range(random.randint(3, 8)):
            while not self._draw(random.choice(kinds)):
                pass

    def text(self):
        return self.header + "".join(self.layers)

    def _header(self, inputs):
        if not self.old and self.random.random() < 0.7:
            return input_layer(*inputs)
        names = "".join(f'input: "{name}"\n' for name in self.shapes)
        dims = [" ".join(f"dim: {size}" for size in shape) for shape in inputs]
        if self.random.random() < 0.5:
            return names + "".join(f"input_shape {{ {dim} }}\n" for dim in dims)
        return names + " ".join(dims).replace("dim", "input_dim") + "\n"

    def _draw(self, kind):
        """Whether a layer of this type, as it was drawn, could be added."""
        blobs = list(self.shapes)
        bottom = self.random.choice([blobs[-1], self.random.choice(blobs)])  # as often deep as wide
        if kind in ONE_BOTTOM and not (kind in SEVERAL_BOTTOMS and self.random.random() < 0.4):
            in_place = kind in IN_PLACE and bottom not in self.fixed and self.random.random() < 0.5
            return self._add(kind, [bottom], ONE_BOTTOM[kind](self.random, self.shapes[bottom]), in_place=in_place)
        return getattr(self, "_" + kind.lower())(bottom)

    def _add(self, kind, bottoms, param="", count=1, in_place=False):
        """The tops of a new layer; none where it does not fit, or they are too large or have too many axes."""
        name = f"{kind.lower()}{len(self.layers)}"
        tops = bottoms if in_place else [name] if count == 1 else [f"{name}_{i}" for i in range(count)]
        if param and self.old and FIELDS[kind] not in OLD_FIELDS:
            return []
        if kind in ("Flatten", "Reshape") and (bottoms[0] in self.rewritten or bottoms[0].startswith("reshape")):
            return []
        if kind in ("Pooling", "Reduction", "MVN") and bottoms[0].startswith(("softmax", "flatten", "reshape")):
            return []
        param = f"{FIELDS[kind]} {{ {param} }}" if param else ""
        try:
            message = text_format.Parse(param, schema.LayerParameter())
            shapes, _ = infer_layer(LayerSpec(name, kind, bottoms, tops, message), [self.shapes[b] for b in bottoms])
        except (DreamError, text_format.ParseError):
            return []
        if any(prod(shape) > MOST or len(shape) > 4 for shape in shapes):
            return []
        text = layer(name, kind, " ".join(bottoms), " ".join(tops), param)
        text = text if tops else text.replace(f'top: "{name}"', "")
        if self.old:
            text = text.replace("layer {", "layers {", 1).replace(f'"{kind}"', OLD_TYPES[kind], 1)
        self.layers.append(text)
        (self.rewritten if in_place else self.fixed).update(bottoms)
        self.shapes.update(zip(tops, shapes))
        self.fixed.update(tops if kind in NEVER_REWRITTEN else ())
        if kind == "Power" and 0 in (message.power_param.power, message.power_param.scale):
            del self.shapes[name]  # the same number everywhere: behind it, rounding would choose the greatest
        return tops

    def _alike(self, shape, but=None):
        """A blob of this shape, but for the size of one axis."""

        def rest(other):
            return [None if axis == but else size for axis, size in enumerate(other)]

        return self.random.choice([name for name, other in self.shapes.items() if rest(other) == rest(shape)])

    def _sigmoids(self, bottoms):
        return [self._add("Sigmoid", [bottom])[0] for bottom in bottoms]

    def _power(self, bottom):
        if self.random.random() < 0.5:
            return self._add("Power", [bottom], some(self.random, power=[0, 1, 2], scale=[0, 0.5, -1], shift=[-0.5, 1]))
        param = some(self.random, power=[3, 0.5, -1.5], scale=[0.5, 2], shift=[0.2, 1])
        return self._add("Power", self._sigmoids([bottom]), param)

    def _exp(self, bottom):
        param = some(self.random, base=[2, 0.5], scale=[0.5, -1, 2], shift=[-0.5, 1])
        return self._add("Exp", self._sigmoids([bottom]), param)

    def _log(self, bottom):
        param = some(self.random, base=[2, 10], scale=[0.5, 2]) + f" shift: {self.random.choice([0.2, 1])}"
        return self._add("Log", self._sigmoids([bottom]), param)

    def _silence(self, bottom):
        return self._add("Silence", [bottom], count=0)

    def _dummydata(self, bottom):
        """Added to a blob: a mean or a maximum of the same number everywhere would be left to rounding."""
        names = self._add("DummyData", [], dummy_data(self.random, self.shapes[bottom]))
        tops = names and self._add("Eltwise", [bottom, *names])
        for name in names:
            del self.shapes[name]
        return tops

    def _scale(self, bottom):
        return self._add("Scale", *self._gated(bottom, " " + some(self.random, bias_term=["true"])))

    def _bias(self, bottom):
        return self._add("Bias", *self._gated(bottom))

    def _gated(self, bottom, more=""):
        """The bottom with a second one that is spread over it, and the parameter that says how."""
        if self.random.random() < 0.5:
            return [bottom, self._alike(self.shapes[bottom])], "axis: 0" + more
        small = (
            self._add("Reduction", [bottom], "axis: 2 operation: MEAN") if len(self.shapes[bottom]) > 2 else [bottom]
        )
        return [bottom, *small], "axis: 0" + more

    def _convolution(self, bottom):
        bottoms = [bottom, self._alike(self.shapes[bottom])]
        return self._add("Convolution", bottoms, convolution(self.random, self.shapes[bottom]), count=2)

    def _eltwise(self, bottom):
        random = self.random
        bottoms = [bottom] + [self._alike(self.shapes[bottom]) for _ in range(random.randint(1, 2))]
        operation = random.choice(["SUM", "PROD", "MAX", ""])
        param = f"operation: {operation} " if operation else ""
        if operation == "PROD" and random.random() < 0.5:
            return self._add("Eltwise", self._sigmoids(bottoms), param + "stable_prod_grad: false")
        if operation in ("SUM", "") and random.random() < 0.5:
            param += " ".join(f"coeff: {random.choice([-1, 0.5, 2])}" for _ in bottoms)
        return self._add("Eltwise", bottoms, param)

    def _concat(self, bottom):
        shape = self.shapes[bottom]
        axis = self.random.randrange(len(shape))
        bottoms = [bottom] + [self._alike(shape, axis) for _ in range(self.random.randint(1, 2))]
        return self._add("Concat", bottoms, along(self.random, "concat_dim", axis, len(shape)))

    def _slice(self, bottom):
        count = self.random.randint(2, 3)
        return self._add("Slice", [bottom], slices(self.random, self.shapes[bottom], count), count)

    def _split(self, bottom):
        return self._add("Split", [bottom], count=2)

    def _crop(self, bottom):
        shape = self.shapes[bottom]
        like = self.random.choice([name for name, other in self.shapes.items() if len(other) == len(shape)])
        offsets = [f"offset: {self.random.randint(0, 2)} " for _ in range(self.random.randint(0, len(shape)))]
        return self._add("Crop", [bottom, like], "".join(offsets) + some(self.random, axis=axes(shape)))
