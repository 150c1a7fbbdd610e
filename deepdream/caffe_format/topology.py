"""Reads a deploy.prototxt as the list of layers that Caffe would run.

It prepares a net as Caffe does before the first pass: upgrade.py brings old formats into today's and drops the layers
of the training phase, splits.py inserts a Split layer after every blob that feeds several layers. What cannot be
computed is left out by usable.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Iterable, Mapping, Sequence

from google.protobuf import text_format

from ..errors import DreamError, UsageError, shown
from ..units import byte_text
from . import layer_names
from .foreign import what_it_is
from .geometry import concat_axis
from .inputs import INPUT_SCALE, prepared_inputs
from .layer_spec import LayerSpec, Shape, ShapeError
from .prototxt_text import MAX_BYTES, Faults, parse
from .shapes import WITHOUT_GRADIENT, infer_layer
from .splits import with_splits
from .upgrade import Draft, upgraded
from .usable import usable

if TYPE_CHECKING:
    from .message import Message

_RECTIFIERS = ("ReLU", "PReLU", "Clip")


class Topology:
    """The layers of a net in the order in which Caffe runs them.

    `shapes` has the shape of every blob at the input size given in the prototxt. `param_shapes` has the shapes of each
    layer's parameters, which do not depend on the input size. `left_out` has the layers that cannot be computed, with
    the reason: a sentence about the layer itself or about one that it depends on.
    """

    def __init__(self, layers: Sequence[LayerSpec], left_out: Mapping[str, str] | None = None):
        self.layers = list(layers)
        self.left_out = dict(left_out or {})
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
        self._follows = self._followers()

    def without(self, reasons: Mapping[str, str]) -> Topology:
        """The net without some more layers, {name: reason}, and without all that depends on them."""
        numbers = {i: reasons[layer.name] for i, layer in enumerate(self.layers) if layer.name in reasons}
        layers, more = usable(self.layers, numbers)
        return Topology(layers, {**self.left_out, **more})

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

    def _followers(self) -> set[str]:
        """The blobs that a gradient leads from to the picture."""
        found = set(self.inputs[:1])
        for layer in self.layers:
            if layer.type not in WITHOUT_GRADIENT and found.intersection(layer.bottoms):
                found.update(layer.tops)
            else:
                found.difference_update(() if layer.type == "Input" else layer.tops)
        return found

    def shapes_at(self, height: int, width: int, end: str) -> dict[str, Shape]:
        """Infers the shapes of all blobs that `end` depends on for one height x width picture. May raise ShapeError."""
        name = self.inputs[0]
        return self.infer(self.needed(end), {name: (1, self.shapes[name][1], height, width)})

    def position(self, layer: str) -> int:
        """The index of a layer in Caffe's order. Raises UsageError, which suggests similar names, if there is none."""
        if not isinstance(layer, str):
            raise UsageError(f"a layer name must be a string, such as {self.layers[-1].name!r}, not {shown(layer)}")
        if layer in self.left_out:
            raise DreamError(self._cannot(layer))
        if layer not in self.index:
            near = layer_names.near(layer, list(self.dreamable()))
            hint = f"did you mean {', '.join(near)}?" if near else "`dreamify keys` lists the layers"
            raise UsageError(f"there is no layer {shown(layer)} in this net: {hint}")
        return self.index[layer]

    def needed(self, end: str) -> list[LayerSpec]:
        """Lists the layers that the tops of layer `end` depend on, including `end`, in Caffe's order.

        Raises UsageError if there is no such layer, or if it writes no blob, as Silence does.
        """
        last = self.position(end)
        wanted = set(self.layers[last].tops)
        if not wanted:
            raise UsageError(f"layer {end} writes no blob, so there is nothing to run to: use an earlier layer")
        chosen = []
        for layer in reversed(self.layers[: last + 1]):
            if wanted.intersection(layer.tops):
                wanted.difference_update(layer.tops)
                wanted.update(layer.bottoms)
                chosen.append(layer)
        return chosen[::-1]

    def dreamable(self) -> dict[str, int]:
        """Lists the layers that one can dream on, with their channel counts.

        These have a blob of their own name, or write one blob only; and a gradient leads from there to the picture.
        """
        found = {}
        for layer in self.layers:
            blob = _blob(layer)
            if blob in self._follows and len(self.shapes[blob]) > 1 and not _is_hidden(layer):
                found[layer.name] = self.shapes[blob][1]
        return found

    def undreamable(self) -> dict[str, str]:
        """Lists the layers that one cannot dream on because they cannot be computed or have no gradient, and why."""
        found = dict(self.left_out)
        for layer in self.layers:
            if layer.type != "Input" and layer.tops and not any(top in self._follows for top in layer.tops):
                found[layer.name] = f"layer {layer.name} ({layer.type}) passes no gradient to the picture"
        return found

    def blob(self, layer: str) -> str:
        """The blob to dream on of a layer that is dreamable."""
        blob = _blob(self.layers[self.position(layer)])
        assert blob
        return blob

    def has_layer(self, name: str) -> bool:
        """Whether a layer has this name, even one that cannot be computed."""
        return name in self.index or name in self.left_out

    def has(self, name: str) -> bool:
        """Whether a layer or a blob has this name."""
        return self.has_layer(name) or name in self.shapes

    def check_end(self, end: str) -> str:
        """The layer to dream on for the name of a layer or of a blob. Raises UsageError if that is not possible."""
        names = self.dreamable()
        if end not in self.index and end not in self.left_out:
            end = next((name for name in names if self.blob(name) == end), end)
        tops = self.layers[self.position(end)].tops
        if end not in names:
            others = [name for name in names if self.blob(name) in tops]
            if others:
                raise UsageError(f"layer {end} has no blob of its own name to dream on: use {others[0]}")
            reason = self.undreamable().get(end)
            raise UsageError(
                f"{reason or f'cannot dream on layer {end}'}: `dreamify keys` lists the layers that can be used"
            )
        return end

    def _cannot(self, layer: str) -> str:
        reason = self.left_out[layer]
        text = reason if reason.startswith(f"layer {layer} ") else f"layer {layer} cannot be computed, because {reason}"
        return text if ": " in reason else f"{text}: `dreamify keys` lists the layers that can be used"

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


def _blob(layer: LayerSpec) -> str | None:
    """The blob of a layer's own name, or else the only one that it writes; None if it has neither."""
    if layer.name in layer.tops:
        return layer.name
    return layer.tops[0] if len(layer.tops) == 1 and layer.tops[0] not in layer.bottoms else None


def _is_hidden(layer: LayerSpec) -> bool:
    """Whether a layer is not one of the prototxt's own."""
    return layer.type in ("Input", "Split") or layer.name == INPUT_SCALE


def read_topology(path: Path, scale: float = 1.0) -> Topology:
    """Reads a .prototxt in text form, of any age. Layers that cannot be computed are left out; see Topology.left_out.

    scale: multiplies the picture before the first layer reads it.
    Raises DreamError for a file that is no net, and if no layer is left.
    """
    net, faults = read_net(path)
    drafts = upgraded(net, faults)
    specs = [layer_spec(draft.param) for draft in drafts]
    if not any(layer.type == "Input" for layer in specs):
        why = f"no size for its input {net.input[0]}" if net.input else "no input"
        raise DreamError(f"{path} declares {why}: use the net's deploy.prototxt")
    reasons = {i: fault_of(draft) for i, draft in enumerate(drafts) if draft.faults}
    try:
        layers, left_out = usable(specs, reasons)
        if left_out and all(layer.type == "Input" for layer in layers):
            raise ShapeError(next(iter(left_out.values())))
        return Topology(with_splits(prepared_inputs(layers, scale)), left_out)
    except ShapeError as error:
        raise DreamError(f"{path} is not a valid net: {error}") from None


def read_net(path: Path) -> tuple[Message, Faults]:
    """Reads a .prototxt in text form, and finds what is wrong with its layers. Raises DreamError for another file."""
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise DreamError(f"{path} is not a Caffe net in text form: it is longer than {byte_text(MAX_BYTES)}")
        data = Path(path).read_bytes()
        what = what_it_is(data[:512])
        if what:
            raise DreamError(f"{path} {what}")
        net, faults = parse(data)
    except (text_format.ParseError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise DreamError(f"{path} is not a Caffe net in text form: {reason}") from None
    except OSError as error:
        raise DreamError(f"{path} cannot be read: {error.strerror}") from None
    if faults.net:
        raise DreamError(f"{path} is not a Caffe net in text form: it {faults.net[0]}")
    return net, faults


def fault_of(draft: Draft) -> str:
    """What is wrong with a layer that has faults."""
    return f"layer {draft.param.name} ({draft.param.type}) {draft.faults[0]}"


def layer_spec(param: Message) -> LayerSpec:
    """The layer that a LayerParameter describes."""
    return LayerSpec(param.name, param.type, tuple(param.bottom), tuple(param.top), param)
