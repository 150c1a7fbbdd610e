"""caffe.net_spec: nets written as Python, `caffe.layers as L` and `caffe.params as P`.

net = caffe.NetSpec()
net.data = L.Input(shape=dict(dim=[1, 3, 224, 224]))
net.conv = L.Convolution(net.data, num_output=8, kernel_size=3)
text = str(net.to_proto())
"""

from __future__ import annotations

from collections import Counter
from typing import Any, Callable, Dict

from .proto import caffe_pb2

Settings = Dict[str, Any]


class Top:
    """A blob: the one with number n that a function writes."""

    def __init__(self, fn: Function, n: int):
        self.fn, self.n = fn, n

    def to_proto(self) -> Any:
        """A NetParameter with the layers that this blob needs."""
        return to_proto(self)


class Function:
    """A layer: its type, the blobs that it reads, and its parameters.

    params: fields of the layer's own message, or of LayerParameter; also `ntop`, how many blobs it writes, and
    `in_place`. Raises TypeError for an input that is no Top.
    """

    def __init__(self, type_name: str, inputs: tuple[Top, ...], params: Settings):
        for i, one in enumerate(inputs):
            if not isinstance(one, Top):
                raise TypeError(f"{type_name} input {i} is not a Top (type is {type(one)})")
        self.type_name, self.inputs, self.params = type_name, inputs, dict(params)
        self.ntop: int = self.params.pop("ntop", 1)
        self.in_place: bool = self.params.pop("in_place", False)
        self.tops = tuple(Top(self, n) for n in range(self.ntop))


class _Writer:
    """Writes layers, each after those that it reads, and gives names to what has none."""

    def __init__(self, names: dict[Any, str]):
        self._names, self._counts = names, Counter()  # type: ignore[var-annotated]
        self._layers: dict[Function, Any] = {}

    def net(self) -> Any:
        net = caffe_pb2.NetParameter()
        net.layer.extend(self._layers.values())
        return net

    def add(self, fn: Function) -> Any:
        """Adds a layer, unless it is there; returns it."""
        if fn in self._layers:
            return self._layers[fn]
        bottoms = [self.add(one.fn).top[one.n] for one in fn.inputs]
        layer = caffe_pb2.LayerParameter(type=fn.type_name, bottom=bottoms)
        layer.top.extend(bottoms if fn.in_place else [self._name(top, fn) for top in fn.tops])
        layer.name = self._name(fn.tops[0] if fn.tops else fn, fn)
        for name, value in fn.params.items():
            _assign(_owner(layer, name), name, value)
        self._layers[fn] = layer
        return layer

    def _name(self, what: Any, fn: Function) -> str:
        if what not in self._names:
            self._counts[fn.type_name] += 1
            self._names[what] = f"{fn.type_name}{self._counts[fn.type_name]}"
        return self._names[what]


def _owner(layer: Any, name: str) -> Any:
    """The message that a parameter of a layer belongs to: that of its type if it has the field, else the layer."""
    field = _FIELDS.get(layer.type)
    own = getattr(layer, field) if field and not name.endswith("param") else None
    return own if own is not None and name in own.DESCRIPTOR.fields_by_name else layer


def _assign(message: Any, name: str, value: Any) -> None:
    """Sets a field: a dictionary for a message, a list for a repeated field, or one value for a list of it."""
    if name not in message.DESCRIPTOR.fields_by_name:
        raise AttributeError(f"{message.DESCRIPTOR.name} has no field {name}")
    field = getattr(message, name)
    if hasattr(field, "extend"):
        values = value if isinstance(value, (list, tuple)) else [value]
        for one in values:
            if isinstance(one, dict):
                _fill(field.add(), one)
            else:
                field.append(one)
    elif isinstance(value, dict):
        _fill(field, value)
    else:
        setattr(message, name, value)


def _fill(message: Any, values: Settings) -> None:
    message.SetInParent()
    for name, value in values.items():
        _assign(message, name, value)


def to_proto(*tops: Top) -> Any:
    """A NetParameter with the layers that these blobs need."""
    writer = _Writer({})
    for top in tops:
        writer.add(top.fn)
    return writer.net()


class NetSpec:
    """A net whose blobs are attributes: their names are those of the layers and blobs."""

    def __init__(self) -> None:
        self.__dict__["tops"] = {}

    def __setattr__(self, name: str, value: Top | Function) -> None:
        self[name] = value

    def __getattr__(self, name: str) -> Top:
        return self[name]

    def __setitem__(self, name: str, value: Top | Function) -> None:
        self.__dict__["tops"][name] = value

    def __getitem__(self, name: str) -> Top:
        return self.__dict__["tops"][name]  # type: ignore[no-any-return]

    def to_proto(self) -> Any:
        """The net as a NetParameter."""
        tops = self.__dict__["tops"]
        writer = _Writer({top: name for name, top in tops.items()})
        for top in tops.values():
            writer.add(top.fn if isinstance(top, Top) else top)
        return writer.net()


class Layers:
    """A function for each type of layer, which makes one: L.ReLU(net.conv, in_place=True)."""

    def __getattr__(self, name: str) -> Callable[..., Function | Top | tuple[Top, ...]]:
        def make(*inputs: Top, **params: Any) -> Function | Top | tuple[Top, ...]:
            fn = Function(name, inputs, params)
            return fn.tops[0] if fn.ntop == 1 else fn.tops or fn

        return make


class _Constants:
    def __init__(self, message: str):
        self._message = message

    def __getattr__(self, name: str) -> int:
        return getattr(getattr(caffe_pb2, self._message + "Parameter"), name)  # type: ignore[no-any-return]


class Parameters:
    """The constants of each message: P.Pooling.MAX."""

    def __getattr__(self, name: str) -> _Constants:
        return _Constants(name)


# {type of layer: the field of LayerParameter with its parameters}
_FIELDS = {
    field.message_type.name[: -len("Parameter")]: field.name
    for field in caffe_pb2.LayerParameter.DESCRIPTOR.fields  # type: ignore[attr-defined]
    if field.name.endswith("_param")
}
layers = Layers()
params = Parameters()
