"""Reads a net's numbers from every kind of file that they come in, layer by layer: one function for each kind.

    caffemodel    Caffe's own
    archive       a tar file that holds a .caffemodel, which `unpack` takes out
    pieces        raw little-endian float32, a file for each array: LAYER_filter.bin, with the channels innermost, and
                  LAYER_bias.bin; in a folder, or in an archive
    onnx          the initializers of an ONNX model
    pth           a PyTorch state_dict
    package       a Python package that holds a state_dict, see from_package.py

For onnx and pth, the field `tensors` maps a layer to the names of its arrays, in Caffe's order, separated by spaces. In
the layer, * stands for anything; in the names, the first * for what the first * stood for, and so on. The first entry
that fits counts.
"""

from __future__ import annotations

import re
import shutil
import tarfile
import zlib
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Callable, Iterator, Mapping, Sequence, Tuple

import numpy as np

from ..caffe_format.layer_spec import Shape
from ..caffe_format.topology import Topology
from ..caffe_format.weights import read_weights
from ..errors import DreamError
from . import tensors
from .card import Source
from .from_package import from_package

Arrays = Iterator[Tuple[str, np.ndarray]]  # the name of a layer, and its next array

_NAMES = {"onnx": {"*": "*_w_0 *_b_0"}, "pth": {"*": "*.weight *.bias"}}
_SUFFIXES = ("filter", "bias")
CUT = "incomplete, or not an archive"


def caffemodel(source: Source, path: Path, topology: Topology) -> Arrays:
    try:
        weights = read_weights(path, topology)
    except DreamError as error:  # it names the file, which may be a temporary one
        raise ValueError(str(error).replace(str(path), "it").replace(": download it again", "")) from None
    for layer, arrays in weights.items():
        for array in arrays:
            yield layer, array


def pieces(source: Source, path: Path, topology: Topology) -> Arrays:
    files = piece_files(topology)
    contents = _in_folder(path, files) if path.is_dir() else _in_archive(path, source.member, files)
    for name, (layer, shape) in files.items():
        data = contents.get(name)
        if data is None:
            raise ValueError(f"it has no {name} of {_bytes(shape)} bytes")
        array = np.frombuffer(data, "<f4")
        if len(shape) == 4:
            count, channels, height, width = shape
            yield layer, array.reshape(count, height, width, channels).transpose(0, 3, 1, 2)
        else:
            yield layer, array.reshape(shape)


def onnx(source: Source, path: Path, topology: Topology) -> Arrays:
    return _by_name(source, tensors.of_onnx(path), topology)


def pth(source: Source, path: Path, topology: Topology) -> Arrays:
    with path.open("rb") as file:
        found = tensors.of_torch(file)
    return _by_name(source, found, topology)


READERS: Mapping[str, Callable[[Source, Path, Topology], Arrays]] = {
    "caffemodel": caffemodel,
    "archive": caffemodel,
    "pieces": pieces,
    "onnx": onnx,
    "pth": pth,
    "package": from_package,
}


def lacking(kind: str) -> str:
    """What is missing on this machine to read a kind of file, in words; "" if nothing is."""
    wants_torch = kind in ("pth", "package")
    return "PyTorch, which reads it, is not installed" if wants_torch and not find_spec("torch") else ""


def piece_files(topology: Topology) -> dict[str, tuple[str, Shape]]:
    """{file: the layer and the shape of its array} of a net in pieces."""
    return {
        f"{layer.name}_{suffix}.bin": (layer.name, shape)
        for layer in topology.layers
        for suffix, shape in zip(_SUFFIXES, topology.param_shapes[layer.name])
    }


def unpack(path: Path, member: str, folder: Path) -> Path:
    """Takes a .caffemodel out of an archive into a folder. member: its path there, if known.

    Raises ValueError if the archive is damaged or has no such file.
    """
    wanted, unpacked = member or ".caffemodel", folder / "unpacked.caffemodel"
    with _opened(path) as archive, unpacked.open("wb") as file:
        for info in archive:
            content = archive.extractfile(info) if info.name.endswith(wanted) else None
            if content:
                shutil.copyfileobj(content, file)
                return unpacked
    raise ValueError(f"it holds no {wanted}")


def names_in(path: Path) -> list[str]:
    """The names of all that is in an archive. Raises ValueError if it is damaged."""
    with _opened(path) as archive:
        return archive.getnames()


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    """An archive. Raises ValueError where it turns out to be damaged."""
    try:
        with tarfile.open(str(path)) as archive:
            yield archive
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ValueError(CUT) from error
    except OSError as error:
        if error.errno is None:  # gzip's, for a wrong sum
            raise ValueError(CUT) from error
        raise


def _bytes(shape: Shape) -> int:
    return 4 * int(np.prod(shape, dtype=np.int64))


def _in_folder(path: Path, files: Mapping[str, tuple[str, Shape]]) -> dict[str, bytes]:
    """{file: its content} of the pieces that lie in a folder, or in one somewhere below it."""
    first = next(iter(files))
    root = path if (path / first).is_file() else _above(next(iter(sorted(path.rglob(first))), path / first), first)
    return {
        name: (root / name).read_bytes()
        for name, (_, shape) in files.items()
        if (root / name).is_file() and (root / name).stat().st_size == _bytes(shape)
    }


def _above(path: Path, piece: str) -> Path:
    """The folder from which a path ends in that of a piece."""
    return path.parents[len(Path(piece).parts) - 1]


def folder_of_pieces(paths: Sequence[Path], topology: Topology) -> Path | None:
    """The folder that the files of a net in pieces lie in; None if its first one is not among them."""
    first = next(iter(piece_files(topology)))
    found = next((path for path in paths if f"/{path.absolute().as_posix()}".endswith(f"/{first}")), None)
    return found and _above(found.absolute(), first)


def _in_archive(path: Path, member: str, files: Mapping[str, tuple[str, Shape]]) -> dict[str, bytes]:
    """{file: its content} of the pieces in an archive. member: their folder there, which others do not replace."""
    found: dict[str, bytes] = {}
    with _opened(path) as archive:
        for info in archive:
            name = _piece(info.name, files)
            inside = f"/{member}/" in f"/{info.name}"
            content = archive.extractfile(info) if name and (inside or name not in found) else None
            if name and content and info.size == _bytes(files[name][1]):
                found[name] = content.read()
    return found


def _piece(path: str, files: Mapping[str, tuple[str, Shape]]) -> str | None:
    """The piece that a path of an archive ends in."""
    parts = path.split("/")
    tails = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((tail for tail in tails if tail in files), None)


def _by_name(source: Source, found: Mapping[str, np.ndarray], topology: Topology) -> Arrays:
    for layer in topology.layers:
        shapes = topology.param_shapes[layer.name]
        names = _tensor_names(layer.name, source.tensors or _NAMES[source.kind]) if shapes else []
        for shape, name in zip(shapes, names):
            if name not in found:
                raise ValueError(f"it has no array {name} for layer {layer.name}")
            array = found[name]
            if _without_ones(array.shape) != _without_ones(shape):
                raise ValueError(f"{name} is of the shape {array.shape}, not {shape}")
            yield layer.name, array.reshape(shape)


def _without_ones(shape: Sequence[int]) -> list[int]:
    return [size for size in shape if size != 1]


def _tensor_names(layer: str, table: Mapping[str, str]) -> list[str]:
    """The names of a layer's arrays; none if no entry is for it."""
    for pattern, names in table.items():
        match = re.fullmatch(re.escape(pattern).replace(r"\*", "(.+)"), layer)
        if match:
            return [_filled(name, match.groups()) for name in names.split()]
    return []


def _filled(name: str, parts: Sequence[str]) -> str:
    for part in parts:
        name = name.replace("*", part, 1)
    return name
