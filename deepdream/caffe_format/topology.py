"""A deploy.prototxt as a list of layers, in the form in which Caffe runs it.

What Caffe does to a net before its first pass is done here: old forms brought up to date, layers of the training phase
left out, and a Split layer put behind every blob that feeds several layers (caffe/util/upgrade_proto.cpp,
caffe/util/insert_splits.cpp).
"""

import difflib
from collections import Counter
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple

from google.protobuf import text_format

from ..errors import DreamError, UsageError
from ..units import byte_text
from . import schema
from .shapes import MOST_NUMBERS, Shape, ShapeError, concat_axis, infer_layer

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


_LONGEST = 2**22  # bytes of a prototxt: ten times the longest that is known
_RECTIFIERS = ("ReLU", "PReLU", "Clip")


@dataclass(frozen=True)
class LayerSpec:
    """One layer: its name and type, the names of the blobs it reads and writes, and its LayerParameter."""

    name: str
    type: str
    bottoms: Tuple[str, ...]
    tops: Tuple[str, ...]
    param: Any


class Topology:
    """The layers of a net in the order in which Caffe runs them.

    `shapes` has every blob's shape at the input size that the prototxt names, `param_shapes` those of each layer's
    parameters, which stay the same at any input size.
    """

    def __init__(self, layers: Sequence[LayerSpec]):
        self.layers = list(layers)
        self.index = {layer.name: i for i, layer in reversed(list(enumerate(self.layers)))}
        self.inputs = [top for layer in self.layers if layer.type == "Input" for top in layer.tops]
        unread: Dict[str, None] = {}  # in order; an in-place layer reads a blob and gives it back
        for layer in self.layers:
            for bottom in layer.bottoms:
                unread.pop(bottom, None)
            unread.update(dict.fromkeys(layer.tops))
        self.outputs = list(unread)
        self.param_shapes: Dict[str, List[Shape]] = {}
        self.shapes = self.infer(self.layers, {})
        self._check_counts()

    def infer(self, layers: Iterable[LayerSpec], shapes: Dict[str, Shape]) -> Dict[str, Shape]:
        """The blobs' shapes after these layers have run, for the shapes that blobs have before.

        Raises ShapeError where a layer cannot work on what it would get.
        """
        shapes = dict(shapes)
        for layer in layers:
            tops, params = infer_layer(layer, [shapes[bottom] for bottom in layer.bottoms])
            if params != self.param_shapes.setdefault(layer.name, params):
                raise ShapeError(f"layer {layer.name} fits only the picture size that the net was made for")
            for top, shape in zip(layer.tops, tops):
                shapes[top] = shapes.get(top, shape) if layer.type == "Input" else shape
        return shapes

    def _check_counts(self) -> None:
        """Raises ShapeError for a blob that Caffe would not make either, before anybody makes room for it.

        Parameters are as large as their file, or refused.
        """
        for layer in self.layers:
            for shape in (self.shapes[top] for top in layer.tops):
                if prod(shape) > MOST_NUMBERS:
                    size = "x".join(map(str, shape))
                    raise ShapeError(f"layer {layer.name} ({layer.type}) declares {size} numbers, too many for a blob")

    def shapes_at(self, height: int, width: int, end: str) -> Dict[str, Shape]:
        """The shapes of all blobs that `end` depends on for one picture of height x width; raises ShapeError."""
        name = self.inputs[0]
        return self.infer(self.needed(end), {name: (1, self.shapes[name][1], height, width)})

    def position(self, layer: str) -> int:
        """Where a layer stands in the order in which Caffe runs them; raises UsageError with the nearest names."""
        if not isinstance(layer, str):
            raise UsageError(f"a layer is named by a text, such as {self.layers[-1].name!r}, not {layer!r}")
        if layer not in self.index:
            names = {name.lower(): name for name in self.dreamable()}
            asked = layer.lower()
            near = sorted((names[name] for name in names if asked and asked in name), key=_output_first)[:3]
            near = near or [names[name] for name in difflib.get_close_matches(asked, names, n=3, cutoff=0.4)]
            hint = f"did you mean {', '.join(near)}?" if near else "`dreamify keys` lists the layers"
            raise UsageError(f"there is no layer {layer!r} in this net: {hint}")
        return self.index[layer]

    def needed(self, end: str) -> List[LayerSpec]:
        """The layers that the blobs of layer `end` depend on, itself included, in Caffe's order."""
        last = self.position(end)
        wanted = set(self.layers[last].tops)
        chosen = []
        for layer in reversed(self.layers[: last + 1]):
            if wanted.intersection(layer.tops):
                wanted.difference_update(layer.tops)
                wanted.update(layer.bottoms)
                chosen.append(layer)
        return chosen[::-1]

    def dreamable(self) -> Dict[str, int]:
        """The layers that can be dreamt on, those with a blob of their own name, and their channel counts."""
        kinds = ("Input", "Split")
        layers = (layer for layer in self.layers if layer.type not in kinds and layer.name in layer.tops)
        return {layer.name: self.shapes[layer.name][1] for layer in layers if len(self.shapes[layer.name]) > 1}

    def check_end(self, end: str) -> None:
        """Raises UsageError unless `end` is a layer that can be dreamt on."""
        tops = self.layers[self.position(end)].tops
        names = self.dreamable()
        if end not in names:
            others = [top for top in tops if top in names]
            if others:
                raise UsageError(f"layer {end} has no blob of its own name to dream on: use {others[0]}")
            raise UsageError(f"layer {end} is none to dream on: `dreamify keys` lists those that are")

    def channel_source(self, layer: str, channel: int) -> Tuple[str, int]:
        """The layer and channel that a channel of a layer comes from, before it is joined with others and rectified.

        A ReLU passes no gradient where it is shut, and one channel is often shut everywhere.
        """
        spec = self.layers[self.position(layer)]
        before: Optional[str] = None
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
        """The layer whose channels are the scores of the net's classes: what its last Softmax reads.

        Raises UsageError where there is none.
        """
        last = next((layer for layer in reversed(self.layers) if layer.type == "Softmax"), None)
        maker = self._maker(last.bottoms[0]) if last else None
        if maker is None or maker not in self.dreamable():
            raise UsageError("this net ends in no Softmax, so it tells no classes: --channel LAYER:N takes any channel")
        return maker

    def _maker(self, blob: str) -> Optional[str]:
        """The layer that a blob comes from, behind Split and Dropout; None where the blob has another name."""
        maker = next(layer for layer in self.layers if blob in layer.tops)
        if maker.type in ("Split", "Dropout"):
            return self._maker(maker.bottoms[0])
        return maker.name if maker.name in self.dreamable() else None


def _output_first(name: str) -> Tuple[bool, int]:
    """A sort key: of the layers of a module, its output is the one that people mean."""
    return not name.endswith("/output"), len(name)


def read_topology(path: Path) -> Topology:
    """Reads a .prototxt in text form: today's layers, those before December 2014, and `input:`/`input_dim:` headers."""
    net = schema.NetParameter()
    try:
        if Path(path).stat().st_size > _LONGEST:
            raise DreamError(f"{path} is not a Caffe net in text form: it is longer than {byte_text(_LONGEST)}")
        text_format.Parse(Path(path).read_text(encoding="utf-8"), net, allow_unknown_field=True)
    except (text_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DreamError(f"{path} is not a Caffe net in text form: {reason}") from None
    except OSError as error:
        raise DreamError(f"{path} cannot be read: {error.strerror}") from None
    layers = _inputs(net) + [_spec(layer) for layer in _layers(net) if _included(layer)]
    if not any(layer.type == "Input" for layer in layers):
        raise DreamError(f"{path} declares no input: a net to dream with is a deploy.prototxt")
    try:
        return Topology(_with_splits(layers))
    except ShapeError as error:
        raise DreamError(f"{path} is not a net that can run: {error}") from None


def _inputs(net: Any) -> List[LayerSpec]:
    """The net's `input:` fields as the Input layer that Caffe makes of them."""
    if not net.input:
        return []
    param = schema.LayerParameter(name="input", type="Input", top=net.input)
    dims = [list(shape.dim) for shape in net.input_shape]
    dims = dims or [list(net.input_dim[i : i + 4]) for i in range(0, len(net.input_dim), 4)]
    for dim in dims:
        param.input_param.shape.add(dim=dim)
    return [_spec(param)]


def _layers(net: Any) -> Iterable[Any]:
    """The net's layers in today's form."""
    for old in net.layers:
        kind = old.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[old.type].name
        new = schema.LayerParameter(name=old.name, type=_V1_TYPES.get(kind, kind), bottom=old.bottom, top=old.top)
        for field, value in old.ListFields():
            if field.name.endswith("_param") or field.name in ("include", "exclude"):
                getattr(new, field.name).MergeFrom(value)
        yield new
    yield from net.layer


def _spec(param: Any) -> LayerSpec:
    return LayerSpec(param.name, param.type, tuple(param.bottom), tuple(param.top), param)


def _included(layer: Any) -> bool:
    """Whether a layer is part of the net in Caffe's TEST phase, at level 0 and in no stage."""

    def meets(rule: Any) -> bool:
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


def _with_splits(layers: Sequence[LayerSpec]) -> List[LayerSpec]:
    """Puts a Split behind every blob that several layers read, under the names that Caffe gives it."""
    sources: Dict[str, Tuple[int, int]] = {}  # blob -> (layer, top) that wrote it last: in-place layers rewrite
    reads = []
    readers: Counter = Counter()
    for i, layer in enumerate(layers):
        for bottom in layer.bottoms:
            if bottom not in sources:
                raise ShapeError(f"layer {layer.name} reads the blob {bottom}, which no layer before it writes")
        reads.append([sources[bottom] for bottom in layer.bottoms])
        readers.update(reads[i])
        for k, top in enumerate(layer.tops):
            # Behind a Split nothing can work in place: the blob must have no other reader.
            in_place = layer.bottoms[k : k + 1] == (top,) and readers[reads[i][k]] == 1
            if top in sources and not in_place:
                raise ShapeError(f"layer {layer.name} writes the blob {top}, which another layer has made")
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


def _split_name(layers: Sequence[LayerSpec], source: Tuple[int, int], blob: str) -> str:
    layer, top = source
    return f"{blob}_{layers[layer].name}_{top}_split"
