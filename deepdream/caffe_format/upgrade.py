"""Brings a net of any age into today's form, as Caffe does when it reads one (caffe/util/upgrade_proto.cpp).

The formats are those of 2013 (V0: a `layer` inside each of the `layers`), of 2014 (V1: `layers`) and of today. Data
layers become inputs, since the picture comes from the program. Fields of Caffe's branches that say the same as one of
BVLC's are turned into that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Iterator, NamedTuple, Sequence

from . import schema
from .prototxt_text import Faults

if TYPE_CHECKING:
    from .message import Message

ANY_SIZE = 224  # the side of an input whose size the prototxt leaves open
DATA_LAYERS = ("Data", "ImageData", "WindowData", "MemoryData")

V1_TYPES = {
    "ABSVAL": "AbsVal",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "CONCAT": "Concat",
    "CONVOLUTION": "Convolution",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "DUMMY_DATA": "DummyData",
    "ELTWISE": "Eltwise",
    "EXP": "Exp",
    "FLATTEN": "Flatten",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "MVN": "MVN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SILENCE": "Silence",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SPLIT": "Split",
    "TANH": "TanH",
    "THRESHOLD": "Threshold",
    "DATA": "Data",
    "IMAGE_DATA": "ImageData",
    "MEMORY_DATA": "MemoryData",
    "WINDOW_DATA": "WindowData",
    "ACCURACY": "Accuracy",
    "CONTRASTIVE_LOSS": "ContrastiveLoss",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "HINGE_LOSS": "HingeLoss",
    "IM2COL": "Im2col",
    "INFOGAIN_LOSS": "InfogainLoss",
    "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
    "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
}
_V0_TYPES = {
    "accuracy": "Accuracy",
    "bnll": "BNLL",
    "concat": "Concat",
    "conv": "Convolution",
    "data": "Data",
    "dropout": "Dropout",
    "euclidean_loss": "EuclideanLoss",
    "flatten": "Flatten",
    "hdf5_data": "HDF5Data",
    "hdf5_output": "HDF5Output",
    "im2col": "Im2col",
    "images": "ImageData",
    "infogain_loss": "InfogainLoss",
    "innerproduct": "InnerProduct",
    "lrn": "LRN",
    "multinomial_logistic_loss": "MultinomialLogisticLoss",
    "padding": "Padding",
    "pool": "Pooling",
    "relu": "ReLU",
    "sigmoid": "Sigmoid",
    "softmax": "Softmax",
    "softmax_loss": "SoftmaxWithLoss",
    "split": "Split",
    "tanh": "TanH",
    "window_data": "WindowData",
}
# {field of V0: {type: (message, field) of today}}
_V0_FIELDS = {
    "num_output": {
        "Convolution": ("convolution_param", "num_output"),
        "InnerProduct": ("inner_product_param", "num_output"),
    },
    "biasterm": {
        "Convolution": ("convolution_param", "bias_term"),
        "InnerProduct": ("inner_product_param", "bias_term"),
    },
    "pad": {"Convolution": ("convolution_param", "pad"), "Pooling": ("pooling_param", "pad")},
    "kernelsize": {
        "Convolution": ("convolution_param", "kernel_size"),
        "Pooling": ("pooling_param", "kernel_size"),
    },
    "group": {"Convolution": ("convolution_param", "group")},
    "stride": {"Convolution": ("convolution_param", "stride"), "Pooling": ("pooling_param", "stride")},
    "pool": {"Pooling": ("pooling_param", "pool")},
    "local_size": {"LRN": ("lrn_param", "local_size")},
    "alpha": {"LRN": ("lrn_param", "alpha")},
    "beta": {"LRN": ("lrn_param", "beta")},
    "k": {"LRN": ("lrn_param", "k")},
    "concat_dim": {"Concat": ("concat_param", "concat_dim")},
    "cropsize": dict.fromkeys(DATA_LAYERS, ("transform_param", "crop_size")),
}


class Draft(NamedTuple):
    """A layer in today's form, and what is wrong with its fields."""

    param: Message
    faults: list[str]


def data_layers(net: Message, faults: Faults) -> list[Message]:
    """The parameters of the data layers that run in the state of the net."""
    return [draft.param for draft in _drafts(net, faults) if draft.param.type in DATA_LAYERS]


def data_transform(net: Message, faults: Faults) -> Message | None:
    """The transform_param of the data layer that runs in the state of the net, if there is one."""
    found = (param for param in data_layers(net, faults) if param.HasField("transform_param"))
    return next((param.transform_param for param in found), None)


def upgraded(net: Message, faults: Faults) -> list[Draft]:
    """The layers that run in the state of a net, in today's form, its `input:` fields as a layer in front."""
    return [*_inputs(net), *(_as_of_today(draft) for draft in _drafts(net, faults))]


def _drafts(net: Message, faults: Faults) -> list[Draft]:
    old = [_from_v0(layer) if layer.HasField("layer") else _from_v1(layer) for layer in net.layers]
    drafts = _without_paddings(
        [
            Draft(param, found + faults.layers.get((kind, i), []))
            for kind, layers in (("layers", old), ("layer", [(layer, []) for layer in net.layer]))
            for i, (param, found) in enumerate(layers)
        ]
    )
    return [draft for draft in drafts if _included(draft.param, net.state)]


def _from_v1(old: Message) -> tuple[Message, list[str]]:
    kind = old.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[old.type].name
    new = schema.LayerParameter(name=old.name, type=V1_TYPES.get(kind, kind), bottom=old.bottom, top=old.top)
    for field, value in old.ListFields():
        if field.name.endswith("_param") or field.name in ("include", "exclude"):
            getattr(new, field.name).MergeFrom(value)
    for name in old.param:
        new.param.add(name=name)
    return new, []


def _from_v0(connection: Message) -> tuple[Message, list[str]]:
    old = connection.layer
    new = schema.LayerParameter(
        name=old.name, type=_V0_TYPES.get(old.type, old.type), bottom=connection.bottom, top=connection.top
    )
    faults = []
    for field, value in old.ListFields():
        if field.name in ("name", "type"):
            continue
        place = _V0_FIELDS[field.name].get(new.type)
        if place:
            message = getattr(new, place[0])
            if isinstance(getattr(message, place[1]), (int, float)):
                setattr(message, place[1], value)
            else:
                getattr(message, place[1]).append(value)
        elif not (new.type == "Padding" and field.name == "pad"):
            faults.append(f"has a field {field.name}, which Caffe did not know for this type in 2013")
        else:
            new.convolution_param.pad.append(value)
    return new, faults


def _without_paddings(drafts: Sequence[Draft]) -> list[Draft]:
    """Moves the padding layers of 2013 into the convolution or pooling that reads them."""
    found: list[Draft] = []
    paddings: dict[str, Message] = {}
    for param, faults in drafts:
        if param.type == "Padding":
            paddings[param.top[0]] = param
            continue
        padding = paddings.get(param.bottom[0]) if param.bottom else None
        if padding:
            pad = padding.convolution_param.pad[0]
            if param.type == "Convolution":
                param.convolution_param.pad[:] = [pad]
            elif param.type == "Pooling":
                param.pooling_param.pad = pad
            else:
                faults = [*faults, "reads a padding layer, which only Convolution and Pooling can"]
            param.bottom[0] = padding.bottom[0]
        found.append(Draft(param, faults))
    return found


def _included(layer: Message, state: Message) -> bool:
    """Whether a layer is part of the net in its phase, at its level and in its stages."""

    def meets(rule: Message) -> bool:
        return (
            (not rule.HasField("phase") or rule.phase == state.phase)
            and (not rule.HasField("min_level") or rule.min_level <= state.level)
            and (not rule.HasField("max_level") or rule.max_level >= state.level)
            and set(rule.stage) <= set(state.stage)
            and not set(rule.not_stage) & set(state.stage)
        )

    if layer.include:
        return any(meets(rule) for rule in layer.include)
    return not any(meets(rule) for rule in layer.exclude)


def _inputs(net: Message) -> list[Draft]:
    """The net's `input:` fields as an Input layer. Those without a size count for nothing, as in Caffe."""
    dims = [list(shape.dim) for shape in net.input_shape]
    dims = dims or [list(net.input_dim[i : i + 4]) for i in range(0, len(net.input_dim), 4)]
    if not net.input or not dims:
        return []
    param = schema.LayerParameter(name="input", type="Input", top=net.input)
    for dim in dims:
        param.input_param.shape.add(dim=dim)
    return [_as_of_today(Draft(param, []))]


def _as_of_today(draft: Draft) -> Draft:
    param = draft.param
    if param.type in DATA_LAYERS:
        return Draft(_data_as_input(param), [])
    if param.type == "Input":
        for shape in param.input_param.shape:
            _set_open_sizes(shape)
    faults = [*draft.faults, *_translated(param)]
    return Draft(param, faults)


def _set_open_sizes(shape: Message) -> None:
    """Replaces the -1 that exporters write for any number of pictures, or for any height and width."""
    for axis, size in enumerate(shape.dim):
        if size == -1 and axis != 1 and len(shape.dim) == 4:
            shape.dim[axis] = 1 if axis == 0 else ANY_SIZE


def _data_as_input(data: Message) -> Message:
    """An Input layer of the size of the pictures that a data layer reads. Its other tops, such as labels, are left."""
    crop = data.transform_param.crop_size
    crop = crop or next(
        (getattr(data, name).crop_size for name in _CROPS if data.HasField(name) and getattr(data, name).crop_size), 0
    )
    grey = data.transform_param.force_gray or not data.image_data_param.is_color
    channels, height, width = (1 if grey else 3), crop, crop
    if data.type == "MemoryData":
        memory = data.memory_data_param
        channels, height, width = memory.channels, crop or memory.height, crop or memory.width
    elif not crop:
        height, width = data.image_data_param.new_height, data.image_data_param.new_width
    new = schema.LayerParameter(name=data.name, type="Input", top=data.top[:1])
    new.input_param.shape.add(dim=[1, channels, height or ANY_SIZE, width or ANY_SIZE])
    return new


_CROPS = ("data_param", "image_data_param", "window_data_param")


def _translated(param: Message) -> Iterator[str]:
    """Turns fields of Caffe's branches into BVLC's. Yields what cannot be said so."""
    pooling, convolution = param.pooling_param, param.convolution_param
    if pooling.HasField("ceil_mode"):
        if pooling.HasField("round_mode") and (pooling.round_mode == 0) != pooling.ceil_mode:
            yield "has a ceil_mode and a round_mode that contradict each other: delete one of them"
        pooling.round_mode = 0 if pooling.ceil_mode else 1
        pooling.ClearField("ceil_mode")
    holes = [*convolution.hole, *(getattr(convolution, f) for f in ("hole_h", "hole_w") if convolution.HasField(f))]
    if holes:  # the name of `dilation` in the branch of DeepLab
        if convolution.dilation and list(convolution.dilation) != holes:
            yield "has a hole and a dilation that contradict each other: delete one of them"
        convolution.dilation[:] = holes
        for name in ("hole", "hole_h", "hole_w"):
            convolution.ClearField(name)
