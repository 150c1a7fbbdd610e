"""Reads the blobs of a weights file, .caffemodel or HDF5, where they lie: an array is made when it is asked for."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any, Dict, List

import numpy as np

from ..compat import prod
from ..errors import DreamError
from .foreign import HDF5, is_prototxt, what_it_is
from .layer_spec import Shape
from .wire import Buffer, WireError, fields, varints

# Field numbers of BVLC's caffe.proto, and of NVIDIA's branch for the raw data.
_LAYER, _V1_LAYER = 100, 2
_V1_NAME, _V1_BLOBS, _V0_LAYER, _V0_NAME, _V0_BLOBS = 4, 6, 1, 1, 50
_NAME, _BLOBS = 1, 7
_OLD_SHAPE, _DATA, _SHAPE, _DOUBLE_DATA, _RAW_TYPE, _RAW_DATA = (1, 2, 3, 4), 5, 7, 8, 10, 12
_RAW_TYPES = {0: "<f8", 1: "<f4", 2: "<f2"}


class StoredBlob:
    """A blob in a file: its shape, and its numbers as they are stored."""

    def __init__(self, shape: Shape, is_old: bool):
        self.shape = shape
        self._is_old = is_old  # whether the shape is the older 4-D one, where a bias is 1x1x1xN

    def fits(self, wanted: Shape) -> bool:
        """Whether a parameter of this shape may have been stored like that."""
        ones = (1,) * (4 - len(wanted)) if self._is_old else ()
        return self.shape == ones + wanted

    def array(self, shape: Shape) -> np.ndarray | None:
        """The numbers, float32 or float64, in this shape; None if there are too many or too few."""
        raise NotImplementedError


class _ProtobufBlob(StoredBlob):
    def __init__(self, buffer: Buffer, start: int, end: int):
        old: dict[int, int] = {}
        dims: list[int] = []
        self._parts: list[memoryview] = []
        self._dtype = "<f4"
        whole = memoryview(buffer)
        for field in fields(buffer, start, end):
            if field.number in _OLD_SHAPE:
                old[field.number] = field.value
            elif field.number == _SHAPE:
                for dim in fields(buffer, field.start, field.end):
                    dims += varints(buffer, dim.start, dim.end) if dim.end else [dim.value]
            elif field.number == _RAW_TYPE:
                self._dtype = _RAW_TYPES.get(field.value, "")
            elif field.number in (_DATA, _DOUBLE_DATA, _RAW_DATA):
                self._parts.append(whole[field.start : field.end])
                self._dtype = "<f8" if field.number == _DOUBLE_DATA else self._dtype
        super().__init__(tuple(old.get(number, 0) for number in _OLD_SHAPE) if old else tuple(dims), bool(old))

    def array(self, shape: Shape) -> np.ndarray | None:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if not self._dtype or len(data) != prod(shape) * np.dtype(self._dtype).itemsize:
            return None
        array = np.frombuffer(data, self._dtype).reshape(shape)
        return array.astype("<f4") if self._dtype == "<f2" else array


class _Hdf5Blob(StoredBlob):
    def __init__(self, array: np.ndarray):
        super().__init__(array.shape, False)
        self._array = array

    def array(self, shape: Shape) -> np.ndarray | None:
        array = self._array if self._array.dtype == np.float64 else self._array.astype("<f4", copy=False)
        return array.reshape(shape)


Blobs = Dict[str, List[StoredBlob]]


def stored_blobs(path: Path) -> Blobs:
    """The blobs of each layer that has some, in the file's order.

    Raises DreamError if the file cannot be read or holds none; the message says what it is instead.
    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(512)
            if head.startswith(HDF5):
                return _from_hdf5(path)
            what = what_it_is(head)
            if is_prototxt(head):
                what = "is a net in text form and not its weights: give the .caffemodel"
            if what:
                raise DreamError(f"{path} {what}")
            buffer: Buffer = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if head else b""
        blobs = _from_protobuf(buffer)
    except (WireError, UnicodeDecodeError):
        raise DreamError(f"{path} is damaged or not a .caffemodel: download it again") from None
    except OSError as error:
        raise DreamError(f"{path} cannot be read: {error.strerror}") from None
    if not blobs:
        raise DreamError(f"{path} holds no weights, so it is damaged or not a .caffemodel: download it again")
    return blobs


def blob_of_bytes(data: bytes) -> StoredBlob:
    """The blob of a BlobProto, such as a .binaryproto holds. Raises WireError if it is damaged."""
    return _ProtobufBlob(data, 0, len(data))


def _from_protobuf(buffer: Buffer) -> Blobs:
    found: Blobs = {}
    for layer in fields(buffer, 0, len(buffer)):
        if layer.number == _LAYER and layer.end:
            _add_layer(found, buffer, layer.start, layer.end, _NAME, _BLOBS)
        elif layer.number == _V1_LAYER and layer.end:
            _add_layer(found, buffer, layer.start, layer.end, _V1_NAME, _V1_BLOBS)
            for field in fields(buffer, layer.start, layer.end):
                if field.number == _V0_LAYER and field.end:
                    _add_layer(found, buffer, field.start, field.end, _V0_NAME, _V0_BLOBS)
    return found


def _add_layer(found: Blobs, buffer: Buffer, start: int, end: int, name_number: int, blobs_number: int) -> None:
    name, blobs = "", []
    for field in fields(buffer, start, end):
        if field.number == name_number and field.end:
            name = bytes(buffer[field.start : field.end]).decode("utf-8")
        elif field.number == blobs_number and field.end:
            blobs.append(_ProtobufBlob(buffer, field.start, field.end))
    if blobs:
        found[name] = list(blobs)


def _from_hdf5(path: Path) -> Blobs:
    """Reads what Caffe's snapshots in HDF5 hold: data/LAYER/NUMBER. A slash in a layer's name makes one more group."""
    try:
        import h5py
    except ImportError:
        raise DreamError(f"{path} holds weights as HDF5: install h5py to read it (pip install h5py)") from None
    found: Blobs = {}

    def visit(name: str, item: Any) -> None:
        layer, _, number = name.rpartition("/")
        if isinstance(item, h5py.Dataset) and number.isdigit():
            numbered.setdefault(layer, {})[int(number)] = np.asarray(item)

    numbered: dict[str, dict[int, np.ndarray]] = {}
    try:
        with h5py.File(path, "r") as file:
            group = file.get("data")
            if group is not None:
                group.visititems(visit)
    except (OSError, RuntimeError, TypeError):
        raise DreamError(f"{path} is damaged or not a Caffe file in HDF5: download it again") from None
    for layer, arrays in numbered.items():
        found[layer] = [_Hdf5Blob(arrays[number]) for number in sorted(arrays)]
    if not found:
        raise DreamError(f"{path} holds no Caffe weights: in HDF5 these lie in a group named data")
    return found
