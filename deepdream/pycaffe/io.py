"""caffe.io: pictures from files and of other sizes, the Transformer, and arrays in Caffe's messages."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from .proto import caffe_pb2
from .transformer import Transformer

__all__ = [
    "Transformer",
    "array_to_blobproto",
    "array_to_datum",
    "arraylist_to_blobprotovector_str",
    "blobproto_to_array",
    "blobprotovector_str_to_arraylist",
    "datum_to_array",
    "load_image",
    "oversample",
    "resize_image",
]

_GREY = np.array([0.2125, 0.7154, 0.0721])  # the weights of red, green and blue in scikit-image's rgb2gray
_LONGEST_FILTER = 4.0  # standard deviations, as in scipy and scikit-image


def load_image(filename: str, color: bool = True) -> np.ndarray:
    """Reads a picture: (h, w, 3) RGB or, without color, (h, w, 1) grey; float32, 0-1. Transparency is dropped."""
    with Image.open(filename) as file:
        wide = file.mode.startswith("I") or file.mode == "F"
        has_colour = not wide and file.mode not in ("1", "L", "LA")
        picture: Any = file if wide else file.convert("RGB" if has_colour else "L")
        array = np.asarray(picture, np.float64) / (65535 if file.mode.startswith("I") else 1 if wide else 255)
    if array.ndim == 3 and not color:
        array = array @ _GREY
    if array.ndim == 2:
        array = array[:, :, None]
    return np.repeat(array, 3, 2).astype(np.float32) if color and array.shape[2] == 1 else array.astype(np.float32)


def resize_image(im: np.ndarray, new_dims: Sequence[int] | np.ndarray, interp_order: int = 1) -> np.ndarray:
    """Resizes a picture (h, w, k) to new_dims = (height, width), by splines of this order; float32.

    Pictures of one or three channels are blurred before they shrink, as scikit-image does for pycaffe.
    """
    height, width = (int(size) for size in new_dims)
    if im.shape[-1] not in (1, 3):
        factors = (height / im.shape[0], width / im.shape[1], 1)
        return ndimage.zoom(im, factors, order=interp_order).astype(np.float32)
    low, high = im.min(), im.max()
    if not high > low:
        return np.full((height, width, im.shape[-1]), low, np.float32)
    scaled = (im - low) / (high - low)
    shrink = np.array([im.shape[0] / height, im.shape[1] / width, 1.0])
    blurred = ndimage.gaussian_filter(
        scaled.astype(np.result_type(scaled, np.float32)),
        np.maximum(0, (shrink - 1) / 2),
        mode="constant",
        truncate=_LONGEST_FILTER,
    )
    resized = ndimage.zoom(blurred, 1 / shrink, order=interp_order, mode="grid-constant", grid_mode=True)
    return (resized.clip(0, 1) * (high - low) + low).astype(np.float32)


def oversample(images: Iterable[np.ndarray], crop_dims: Sequence[int] | np.ndarray) -> np.ndarray:
    """Cuts out of each picture its four corners and its centre, and then the same mirrored: (10 n, h, w, k) float32."""
    pictures = list(images)
    height, width = (int(size) for size in crop_dims)
    bottom, right = pictures[0].shape[0] - height, pictures[0].shape[1] - width
    centre = (int(pictures[0].shape[0] / 2 - height / 2), int(pictures[0].shape[1] / 2 - width / 2))
    places = [(0, 0), (0, right), (bottom, 0), (bottom, right), centre]
    crops = []
    for picture in pictures:
        plain = [picture[y : y + height, x : x + width] for y, x in places]
        crops += plain + [crop[:, ::-1] for crop in plain]
    return np.array(crops, np.float32)


def blobproto_to_array(blob: Any, return_diff: bool = False) -> np.ndarray:
    """The data of a BlobProto, or its diff, in its shape."""
    numbers = np.array(blob.diff if return_diff else blob.data)
    old = ("num", "channels", "height", "width")
    if any(blob.HasField(name) for name in old):
        return numbers.reshape([getattr(blob, name) for name in old])
    return numbers.reshape(list(blob.shape.dim))


def array_to_blobproto(arr: np.ndarray, diff: np.ndarray | None = None) -> Any:
    """A BlobProto with an array and, if it is given, the diff of the same shape."""
    blob = caffe_pb2.BlobProto()
    blob.shape.dim.extend(arr.shape)
    blob.data.extend(arr.astype(float).ravel())
    if diff is not None:
        blob.diff.extend(diff.astype(float).ravel())
    return blob


def arraylist_to_blobprotovector_str(arraylist: Iterable[np.ndarray]) -> bytes:
    """Arrays as the bytes of a BlobProtoVector."""
    return bytes(caffe_pb2.BlobProtoVector(blobs=map(array_to_blobproto, arraylist)).SerializeToString())


def blobprotovector_str_to_arraylist(str: bytes) -> list[np.ndarray]:
    """The arrays in the bytes of a BlobProtoVector."""
    vector = caffe_pb2.BlobProtoVector()
    vector.ParseFromString(str)
    return [blobproto_to_array(blob) for blob in vector.blobs]


def array_to_datum(arr: np.ndarray, label: int | None = None) -> Any:
    """A Datum with an array (c, h, w): uint8 as bytes, anything else as floats. Raises ValueError for other axes."""
    if arr.ndim != 3:
        raise ValueError(f"a datum holds an array of three axes, not of {arr.ndim}")
    datum = caffe_pb2.Datum(label=label)
    datum.channels, datum.height, datum.width = arr.shape
    if arr.dtype == np.uint8:
        datum.data = arr.tobytes()
    else:
        datum.float_data.extend(arr.astype(float).ravel())
    return datum


def datum_to_array(datum: Any) -> np.ndarray:
    """The array (c, h, w) in a Datum: uint8, or float64 where it holds floats."""
    shape = (datum.channels, datum.height, datum.width)
    if datum.data:
        return np.frombuffer(datum.data, np.uint8).reshape(shape).copy()
    return np.array(datum.float_data, float).reshape(shape)
