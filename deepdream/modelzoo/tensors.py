"""Reads the named arrays in files of other frameworks: ONNX and PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Iterator, Mapping

if TYPE_CHECKING:
    import numpy as np

_DAMAGED = "it is damaged, or not an ONNX file"
# The fields of onnx.proto that are needed: Model.graph, Graph.initializer, and those of a Tensor.
_GRAPH, _INITIALIZER = 7, 5
_DIMS, _DATA_TYPE, _FLOAT_DATA, _NAME, _RAW_DATA = 1, 2, 4, 8, 9
_FLOAT = 1  # of a Tensor's data types


def of_onnx(path: Path) -> dict[str, np.ndarray]:
    """The float32 arrays that an ONNX model holds, by name. Raises ValueError if it is damaged or no such file."""
    tensors = {}
    for graph in _messages(memoryview(path.read_bytes()), _GRAPH):
        for tensor in _messages(graph, _INITIALIZER):
            name, array = _tensor(tensor)
            if array is not None:
                tensors[name] = array
    if not tensors:
        raise ValueError("it holds no arrays in the form of ONNX")
    return tensors


def of_torch(file: BinaryIO) -> Mapping[str, np.ndarray]:
    """The arrays of a PyTorch file, a state_dict, by name. No code in it is run.

    Raises ImportError without PyTorch, ValueError if the file is damaged or holds anything else.
    """
    import torch

    try:
        read = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds
        raise ValueError("it is damaged, or holds more than arrays, such as code") from error
    read = read.get("state_dict", read) if isinstance(read, dict) else read
    if not isinstance(read, dict) or not all(isinstance(value, torch.Tensor) for value in read.values()):
        raise ValueError("it is not a state_dict of PyTorch")
    floats = {str(name): tensor for name, tensor in read.items() if tensor.is_floating_point()}
    return {name: tensor.detach().float().numpy() for name, tensor in floats.items()}


def _tensor(message: memoryview) -> tuple[str, np.ndarray | None]:
    """The name and the array of a Tensor; no array if it is of another type than float32."""
    import numpy as np

    name, shape, kind, data, single = "", [], 0, b"", []
    for number, value in _fields(message):
        if number == _NAME and isinstance(value, memoryview):
            name = bytes(value).decode("utf-8", "replace")
        elif number == _DIMS:  # packed or not
            shape += [value] if isinstance(value, int) else list(_varints(value))
        elif number == _DATA_TYPE and isinstance(value, int):
            kind = value
        elif number in (_RAW_DATA, _FLOAT_DATA) and isinstance(value, memoryview):
            if number == _FLOAT_DATA and len(value) == 4:  # perhaps one number of a list that is not packed
                single.append(bytes(value))
            data = bytes(value)
    data = b"".join(single) if len(single) > 1 else data
    if kind != _FLOAT:
        return name, None
    count = 1
    for size in shape:
        count *= size
    if len(data) != 4 * count:
        raise ValueError(f"{_DAMAGED}: {name} has {len(data)} bytes for {count} numbers")
    return name, np.frombuffer(data, "<f4").reshape(shape)


def _messages(message: memoryview, wanted: int) -> Iterator[memoryview]:
    """The messages in one field of a message."""
    for number, value in _fields(message):
        if number == wanted:
            if not isinstance(value, memoryview):
                raise ValueError(_DAMAGED)
            yield value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a protobuf message, by number, in order: an integer, or bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(_DAMAGED)
        if at + size > len(message):
            raise ValueError(_DAMAGED)
        yield number, message[at : at + size]
        at += size


def _varints(message: memoryview) -> Iterator[int]:
    at = 0
    while at < len(message):
        value, at = _varint(message, at)
        yield value


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """An integer of 7 bits a byte, the lowest first, and where it ends."""
    value = 0
    for shift in range(0, 64, 7):
        if at >= len(message):
            raise ValueError(_DAMAGED)
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError(_DAMAGED)
