"""Reads a deploy.prototxt as the list of layers that Caffe would run.

It prepares a net as Caffe does before the first pass: upgrades old formats, drops layers of the training phase, and
inserts a Split layer after every blob that feeds several layers (caffe/util/upgrade_proto.cpp,
caffe/util/insert_splits.cpp).
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Iterable, Sequence

from google.protobuf import text_format

from ..compat import prod
from ..errors import DreamError, UsageError
from ..units import byte_text
from . import layer_names, schema
from .geometry import concat_axis
from .layer_spec import LayerSpec, Shape, ShapeError
from .shapes import MAX_NUMBERS, infer_layer

if TYPE_CHECKING:
    from .message import Message

_V1_TYPES = {
    "CONCAT": "Concat",
    "CONVOLUTION": "Convolution",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "ELTWISE": "Eltwise",
    "FLATTEN": "Flatten",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SPLIT": "Split",
    "TANH": "TanH",
}


_MAX_BYTES = 2**22  # of a prototxt: ten times the longest known
_RECTIFIERS = ("ReLU", "PReLU", "Clip")


class Topology:
    """The layers of a net in the order in which Caffe runs them.

    `shapes` has the shape of every blob at the input size given in the prototxt. `param_shapes` has the shapes of each
    layer's parameters, which do not depend on the input size.
    """

    def __init__(self, layers: Sequence[LayerSpec]):
        self.layers = list(layers)
        self.index = {layer.name: i for i, layer in reversed(list(enumerate(self.layers)))}
        self.inputs = [top for layer in self.layers if layer.type == "Input" for top in layer.tops]
        unread: dict[str, None] = {}  # in order; an in-place layer reads a blob and writes it again
        for layer in self.layers:
            for bottom in layer.bottoms:
                unread.pop(bottom, None)
            unread.update(dict.fromkeys(layer.tops))
        self.outputs = list(unread)
        self.param_shapes: dict[str, list[Shape]] = {}
        self.shapes = self.infer(self.layers, {})
        self._check_counts()

    def infer(self, layers: Iterable[LayerSpec], shapes: dict[str, Shape]) -> dict[str, Shape]:
        """Infers the blobs' shapes after these layers have run, from the shapes before.

        Raises ShapeError if a layer cannot work on its input.
        """
        shapes = dict(shapes)
        for layer in layers:
            tops, params = infer_layer(layer, [shapes[bottom] for bottom in layer.bottoms])
            if params != self.param_shapes.setdefault(layer.name, params):
                raise ShapeError(f"layer {layer.name} works only at the picture size that the net was made for")
            for top, shape in zip(layer.tops, tops):
                shapes[top] = shapes.get(top, shape) if layer.type == "Input" else shape
        return shapes

    def _check_counts(self) -> None:
        """Raises ShapeError for a blob that is too large for Caffe as well, before any memory is allocated for it.

        Parameters need no such check: their sizes must match the file.
        """
        for layer in self.layers:
            for shape in (self.shapes[top] for top in layer.tops):
                if prod(shape) > MAX_NUMBERS:
                    size = "x".join(map(str, shape))
                    what = f"a blob of {size} numbers, more than Caffe allows"
                    raise ShapeError(f"layer {layer.name} ({layer.type}) declares {what}")

    def shapes_at(self, height: int, width: int, end: str) -> dict[str, Shape]:
        """Infers the shapes of all blobs that `end` depends on for one height x width picture. May raise ShapeError."""
        name = self.inputs[0]
        return self.infer(self.needed(end), {name: (1, self.shapes[name][1], height, width)})

    def position(self, layer: str) -> int:
        """The index of a layer in Caffe's order. Raises UsageError, which suggests similar names, if there is none."""
        if not isinstance(layer, str):
            raise UsageError(f"a layer name must be a string, such as {self.layers[-1].name!r}, not {layer!r}")
        if layer not in self.index:
            near = layer_names.near(layer, list(self.dreamable()))
            hint = f"did you mean {', '.join(near)}?" if near else "`dreamify keys` lists the layers"
            raise UsageError(f"there is no layer {layer!r} in this net: {hint}")
        return self.index[layer]

    def needed(self, end: str) -> list[LayerSpec]:
        """Lists the layers that the tops of layer `end` depend on, including `end`, in Caffe's order."""
        last = self.position(end)
        wanted = set(self.layers[last].tops)
        chosen = []
        for layer in reversed(self.layers[: last + 1]):
            if wanted.intersection(layer.tops):
                wanted.difference_update(layer.tops)
                wanted.update(layer.bottoms)
                chosen.append(layer)
        return chosen[::-1]

    def dreamable(self) -> dict[str, int]:
        """Lists the layers that one can dream on (those with a blob of the same name) with their channel counts."""
        kinds = ("Input", "Split")
        layers = (layer for layer in self.layers if layer.type not in kinds and layer.name in layer.tops)
        return {layer.name: self.shapes[layer.name][1] for layer in layers if len(self.shapes[layer.name]) > 1}

    def check_end(self, end: str) -> None:
        """Raises UsageError unless one can dream on layer `end`."""
        tops = self.layers[self.position(end)].tops
        names = self.dreamable()
        if end not in names:
            others = [top for top in tops if top in names]
            if others:
                raise UsageError(f"layer {end} has no blob of its own name to dream on: use {others[0]}")
            raise UsageError(f"cannot dream on layer {end}: `dreamify keys` lists the layers that can be used")

    def channel_source(self, layer: str, channel: int) -> tuple[str, int]:
        """Traces a channel back through Concat, ReLU, PReLU and Clip; returns the layer and channel that it comes from.

        A ReLU passes no gradient where its input is negative, and a single channel is often negative everywhere.
        """
        spec = self.layers[self.position(layer)]
        before: str | None = None
        if spec.type == "Concat" and concat_axis(spec.param.concat_param, len(self.shapes[spec.tops[0]])) == 1:
            for before in spec.bottoms:
                if channel < self.shapes[before][1]:
                    break
                channel -= self.shapes[before][1]
        elif spec.type in _RECTIFIERS:
            (before,) = spec.bottoms
        maker = self._maker(before) if before else None
        return self.channel_source(maker, channel) if maker else (layer, channel)

    def classifier(self) -> str:
        """Finds the layer whose channels are the class scores: the input of the last Softmax.

        Raises UsageError if there is none.
        """
        last = next((layer for layer in reversed(self.layers) if layer.type == "Softmax"), None)
        maker = self._maker(last.bottoms[0]) if last else None
        if maker is None or maker not in self.dreamable():
            raise UsageError("this net does not end in a Softmax, so it has no classes: use --channel LAYER:N instead")
        return maker

    def _maker(self, blob: str) -> str | None:
        """The layer that made a blob, looking through Split and Dropout. None if its name differs from the blob's."""
        maker = next(layer for layer in self.layers if blob in layer.tops)
        if maker.type in ("Split", "Dropout"):
            return self._maker(maker.bottoms[0])
        return maker.name if maker.name in self.dreamable() else None


def read_topology(path: Path) -> Topology:
    """Reads a .prototxt in text form.

    It accepts today's layers, those from before December 2014, and `input:`/`input_dim:` headers.
    """
    net = schema.NetParameter()
    try:
        if Path(path).stat().st_size > _MAX_BYTES:
            raise DreamError(f"{path} is not a Caffe net in text form: it is longer than {byte_text(_MAX_BYTES)}")
        text_format.Parse(Path(path).read_text(encoding="utf-8"), net, allow_unknown_field=True)
    except (text_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DreamError(f"{path} is not a Caffe net in text form: {reason}") from None
    except OSError as error:
        raise DreamError(f"{path} cannot be read: {error.strerror}") from None
    layers = _inputs(net) + [_spec(layer) for layer in _layers(net) if _included(layer)]
    if not any(layer.type == "Input" for layer in layers):
        raise DreamError(f"{path} declares no input: use the net's deploy.prototxt")
    try:
        return Topology(_with_splits(layers))
    except ShapeError as error:
        raise DreamError(f"{path} is not a valid net: {error}") from None


def _inputs(net: Message) -> list[LayerSpec]:
    """Converts the net's `input:` fields to an Input layer, as Caffe does."""
    if not net.input:
        return []
    param = schema.LayerParameter(name="input", type="Input", top=net.input)
    dims = [list(shape.dim) for shape in net.input_shape]
    dims = dims or [list(net.input_dim[i : i + 4]) for i in range(0, len(net.input_dim), 4)]
    for dim in dims:
        param.input_param.shape.add(dim=dim)
    return [_spec(param)]


def _layers(net: Message) -> Iterable[Message]:
    """Yields the net's layers in today's format."""
    for old in net.layers:
        kind = old.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[old.type].name
        new = schema.LayerParameter(name=old.name, type=_V1_TYPES.get(kind, kind), bottom=old.bottom, top=old.top)
        for field, value in old.ListFields():
            if field.name.endswith("_param") or field.name in ("include", "exclude"):
                getattr(new, field.name).MergeFrom(value)
        yield new
    yield from net.layer


def _spec(param: Message) -> LayerSpec:
    return LayerSpec(param.name, param.type, tuple(param.bottom), tuple(param.top), param)


def _included(layer: Message) -> bool:
    """Whether a layer is part of the net in Caffe's TEST phase, at level 0 and without stages."""

    def meets(rule: Message) -> bool:
        test = rule.DESCRIPTOR.fields_by_name["phase"].enum_type.values_by_name["TEST"].number
        return (
            (not rule.HasField("phase") or rule.phase == test)
            and (not rule.HasField("min_level") or rule.min_level <= 0)
            and (not rule.HasField("max_level") or rule.max_level >= 0)
            and not rule.stage
        )

    if layer.include:
        return any(meets(rule) for rule in layer.include)
    return not any(meets(rule) for rule in layer.exclude)


def _with_splits(layers: Sequence[LayerSpec]) -> list[LayerSpec]:
    """Inserts a Split after every blob that several layers read, with the names that Caffe uses."""
    sources: dict[str, tuple[int, int]] = {}  # blob -> (layer, top) that wrote it last; in-place layers write it again
    reads = []
    readers: Counter = Counter()
    for i, layer in enumerate(layers):
        for bottom in layer.bottoms:
            if bottom not in sources:
                raise ShapeError(f"layer {layer.name} reads blob {bottom}, but no earlier layer writes it")
        reads.append([sources[bottom] for bottom in layer.bottoms])
        readers.update(reads[i])
        for k, top in enumerate(layer.tops):
            # Nothing can work in place after a Split, so the blob must have no other reader.
            in_place = layer.bottoms[k : k + 1] == (top,) and readers[reads[i][k]] == 1
            if top in sources and not in_place:
                raise ShapeError(
                    f"layer {layer.name} writes blob {top}, which already exists: give its top a name of its own"
                )
            sources[top] = (i, k)
    taken: Counter = Counter()
    result = []
    for i, layer in enumerate(layers):
        bottoms = list(layer.bottoms)
        for k, source in enumerate(reads[i]):
            if readers[source] > 1:
                bottoms[k] = _split_name(layers, source, bottoms[k]) + "_" + str(taken[source])
                taken[source] += 1
        result.append(LayerSpec(layer.name, layer.type, tuple(bottoms), layer.tops, layer.param))
        for k, top in enumerate(layer.tops):
            if readers[(i, k)] > 1:
                name = _split_name(layers, (i, k), top)
                tops = tuple(name + "_" + str(n) for n in range(readers[(i, k)]))
                param = schema.LayerParameter(name=name, type="Split", bottom=[top], top=tops)
                result.append(_spec(param))
    return result


def _split_name(layers: Sequence[LayerSpec], source: tuple[int, int], blob: str) -> str:
    layer, top = source
    return f"{blob}_{layers[layer].name}_{top}_split"
