"""Arrays of NumPy, for nets on the CPU, and of torch, for nets on a GPU: their types and the few calls that differ.

Also the checks for arrays that hold a picture.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Sequence, Tuple, cast

import numpy as np

from .errors import UsageError

if TYPE_CHECKING:
    from typing import Any, Protocol  # novermin

    import torch

    Index = Any  # what either kind takes: numbers, slices, lists, an array of bools
    Operand = Any  # a number, or an array of the same kind

    class Array(Protocol):
        """A NumPy array or a torch tensor: what both offer."""

        @property
        def shape(self) -> tuple[int, ...]: ...

        @property
        def T(self) -> Array: ...

        def __len__(self) -> int: ...
        def __getitem__(self, __index: Index) -> Array: ...
        def __setitem__(self, __index: Index, __value: Operand) -> None: ...
        def __abs__(self) -> Array: ...
        def __float__(self) -> float: ...
        def __neg__(self) -> Array: ...
        def __eq__(self, __other: Operand) -> Array: ...  # type: ignore[override]
        def __ne__(self, __other: Operand) -> Array: ...  # type: ignore[override]
        def __add__(self, __other: Operand) -> Array: ...
        def __radd__(self, __other: Operand) -> Array: ...
        def __sub__(self, __other: Operand) -> Array: ...
        def __rsub__(self, __other: Operand) -> Array: ...
        def __mul__(self, __other: Operand) -> Array: ...
        def __rmul__(self, __other: Operand) -> Array: ...
        def __truediv__(self, __other: Operand) -> Array: ...
        def __rtruediv__(self, __other: Operand) -> Array: ...
        def __matmul__(self, __other: Operand) -> Array: ...
        def __and__(self, __other: Operand) -> Array: ...
        def __or__(self, __other: Operand) -> Array: ...
        def __ge__(self, __other: Operand) -> Array: ...
        def __le__(self, __other: Operand) -> Array: ...
        def __lt__(self, __other: Operand) -> Array: ...
        def __gt__(self, __other: Operand) -> Array: ...
        def all(self) -> object: ...
        def mean(self) -> Array: ...
        def argmax(self, __axis: int) -> Array: ...
        def clip(self, __min: Operand, __max: Operand) -> Array: ...
        def reshape(self, __rows: int, __columns: int) -> Array: ...

    class Blob(Protocol):
        """pycaffe's Blob: two arrays of one shape, the data and its diff, which is the gradient with respect to it.

        On the CPU they are NumPy arrays, and writing to them changes the blob; elsewhere they are torch tensors. The
        blob of a picture is (n, c, h, w).
        """

        @property
        def shape(self) -> Sequence[int]: ...

        @property
        def count(self) -> int:
            """How many numbers the data is."""

        @property
        def num(self) -> int:
            """The size of the first of four axes; channels, height and width are the others. 1 for a missing axis."""

        @property
        def channels(self) -> int: ...

        @property
        def height(self) -> int: ...

        @property
        def width(self) -> int: ...

        @property
        def data(self) -> Array: ...

        @property
        def diff(self) -> Array: ...

        def reshape(self, *shape: int) -> None:
            """Changes the shape of data and diff. A blob that grows beyond its largest size so far loses its data."""


Size = Tuple[int, int]  # height, width

_LARGEST = np.finfo(np.float32).max  # nets compute in float32


def roll(x: Array, shifts: tuple[int, int]) -> Array:
    """Rolls the last two axes of x by (vertical, horizontal) pixels."""
    return (np if isinstance(x, np.ndarray) else sys.modules["torch"]).roll(x, shifts, (-2, -1))


def zeros_like(x: Array) -> Array:
    """Returns zeros with the shape, type and device of x."""
    return (np if isinstance(x, np.ndarray) else sys.modules["torch"]).zeros_like(x)


def where(choice: Array, x: Array, y: Array) -> Array:
    """Returns x where choice is true and y elsewhere."""
    return (np if isinstance(x, np.ndarray) else sys.modules["torch"]).where(choice, x, y)


def like(array: np.ndarray, x: Array) -> Array:
    """Converts a NumPy array to the kind of x: the array itself, or a tensor on the device of x."""
    return array if isinstance(x, np.ndarray) else cast("torch.Tensor", x).new_tensor(array)


def copied(x: Array) -> Array:
    """Returns a copy of x in memory of its own."""
    return x.copy() if isinstance(x, np.ndarray) else cast("torch.Tensor", x).clone()


def to_numpy(x: Array) -> np.ndarray:
    """Converts x to a NumPy array, which may share its memory."""
    return x if isinstance(x, np.ndarray) else cast("torch.Tensor", x).cpu().numpy()


def checked_picture(img: object, what: str = "the picture") -> np.ndarray:
    """Returns the array if it is a picture: (h, w, 3), finite numbers of any type, integers included.

    Raises UsageError for anything else, with a hint on how to convert it.
    """
    wanted = f"{what} must be a (height, width, 3) array, RGB of 0-255"
    if not isinstance(img, np.ndarray):
        hint = (
            'convert it with np.float32(image.convert("RGB"))'
            if hasattr(img, "convert")
            else "convert it with np.float32(...)"
        )
        raise UsageError(f"{wanted}, not {type(img).__name__}: {hint}")
    if img.dtype.kind not in "buif":
        raise UsageError(f"{wanted}, not of type {img.dtype}: convert it with np.float32(...)")
    if img.ndim != 3 or img.shape[2] != 3:
        raise UsageError(f"{wanted}, not of shape {_size(img)}: {_hint(img)}")
    if img.size and not -_LARGEST <= img.min() <= img.max() <= _LARGEST:
        hint = "replace them with np.nan_to_num(img).clip(0, 255)"
        raise UsageError(f"{what} holds numbers that are not finite in float32: {hint}")
    return img


def _size(img: np.ndarray) -> str:
    return "x".join(map(str, img.shape)) or "one number"


def _hint(img: np.ndarray) -> str:
    """Suggests how to convert an array of another shape to a picture."""
    if img.ndim == 2 or (img.ndim == 3 and img.shape[2] == 1):
        return "convert grey to RGB with np.dstack([grey] * 3)"
    if img.ndim == 3 and img.shape[2] == 4:
        return "drop the alpha channel with img[:, :, :3]"
    if img.ndim == 3 and img.shape[0] == 3:
        return "move the channels last with img.transpose(1, 2, 0)"
    if img.ndim == 4:
        return "pass one picture, such as img[0]"
    return "load one with np.float32(PIL.Image.open(...).convert('RGB'))"
