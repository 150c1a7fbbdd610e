"""The one check of what was downloaded, made or given, and what is stored of it.

A file whose own sum is published is stored as it is. Everything else is read by containers.py, written anew by
caffemodel.py, and accepted if its numbers have the card's sum; if the card has none of either kind, if the net's
layers fit.
"""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import DreamError
from ..storage import atomic
from . import numbers
from .card import PROTOTXT, ModelFile, Source
from .from_package import package_file

if TYPE_CHECKING:
    import numpy as np

OTHER = "incomplete, or not the published file"


def sha256(path: Path) -> str:
    """The SHA-256 of a file. Raises DreamError if it cannot be read."""
    return _sum(path, "sha256")


def verified(file: ModelFile, source: Source, path: Path, prototxt: Path | None, folder: Path) -> Path | bytes:
    """What to store of a file that a source has given: the file itself or one in it, or the bytes of a new one.

    prototxt: the net's, if it is there. folder: for temporary files.
    Raises ValueError or DreamError with the reason why the file is not accepted.
    """
    if source.sha256 and not _sum(path, "sha256").startswith(source.sha256):
        raise ValueError(OTHER)
    if source.sha1 and _sum(path, "sha1") != source.sha1:
        raise ValueError(OTHER)
    if source.kind == "archive":
        from . import containers

        path = containers.unpack(path, source.member, folder)
    if source.kind in ("prototxt", "caffemodel", "archive") and _sum(path, "sha256") in file.sums:
        return path
    if source.kind == "prototxt" or (file.sums and not file.numbers_sha256):
        raise ValueError(OTHER)
    if prototxt is None:
        raise ValueError(f"it takes the net's {PROTOTXT} to read it")
    return _canonical(file, source, path, prototxt)


def made(model: str, file: ModelFile, package: Source, prototxt: Path) -> bytes:
    """The bytes of a .caffemodel that is made from a Python package, the same on every machine.

    Raises DreamError if PyTorch or the package is missing, or the package is another one than expected.
    """
    path = package_file(model, package)
    try:
        return _canonical(file, package, path, prototxt)
    except ValueError as error:
        raise DreamError(f"{model} cannot be made from {path}: {error}") from error


def _canonical(file: ModelFile, source: Source, path: Path, prototxt: Path) -> bytes:
    # Imported here because finding models on disk does not need them.
    from ..caffe_format.topology import read_topology
    from . import containers
    from .caffemodel import caffemodel

    topology = read_topology(prototxt)
    weights: dict[str, list[np.ndarray]] = {}
    for layer, array in containers.READERS[source.kind](source, path, topology):
        weights.setdefault(layer, []).append(array)
    # The sum of the efficientnet_lite0 that was first made is that of a file without types.
    content = caffemodel(topology, weights, with_types=source.kind != "package")
    found = numbers.digest(topology, weights)
    if file.numbers_sha256 and found != file.numbers_sha256:
        raise ValueError(f"it holds other numbers, their SHA-256 is {found}")
    return content


def store(kept: Path | bytes, path: Path, folder: Path) -> None:
    """Puts what was verified in its place, whole or not at all. folder: a temporary one beside it, whose files move."""
    if isinstance(kept, bytes):
        atomic.write(path, kept)
        return
    if folder not in kept.parents:
        copy = folder / "copy"
        shutil.copyfile(str(kept), str(copy))
        kept = copy
    kept.chmod(0o644)  # models are shared
    kept.replace(path)


def check_stored(path: Path, file: ModelFile, description: tuple[Path, str] | None = None) -> str:
    """Checks and returns the SHA-256 of a file; if nothing is published, it must stay that of its first use.

    description: of weights, the net's prototxt and its sum. A file of another sum may hold the published numbers.
    """
    found, pin = sha256(path), path.with_name(path.name + ".sha256")
    if found in file.sums:
        return found
    if file.numbers_sha256 and description:
        prototxt, its_sum = description
        if numbers.of_files(path, prototxt, (found, its_sum)) == file.numbers_sha256:
            return found
    if file.is_known:
        expected = " or ".join(file.sums) or f"that of the numbers {file.numbers_sha256}"
        way_out = "delete it to fetch it again, or give the path of its folder to use it anyway"
        raise DreamError(f"{path} is not genuine, its SHA-256 should be {expected} but is {found}: {way_out}")
    pinned = pin.read_text().split()[:1] if pin.is_file() else _pin(pin, found, path.name)
    if pinned != [found]:
        expected = "".join(pinned)
        way_out = f"delete {pin} to trust the file as it is now, or delete the file to download it again"
        raise DreamError(
            f"{path} has changed since its first use, its SHA-256 was {expected} and now is {found}: {way_out}"
        )
    return found


def _pin(pin: Path, sha256: str, name: str) -> list[str]:
    with suppress(OSError):
        atomic.write(pin, f"{sha256}  {name}\n".encode())  # the format of sha256sum
    return [sha256]


def _sum(path: Path, kind: str) -> str:
    if path.is_dir():
        return ""
    try:
        total = hashlib.new(kind)
        with path.open("rb") as file:
            for block in iter(lambda: file.read(2**20), b""):
                total.update(block)
        return total.hexdigest()
    except OSError as error:
        raise DreamError(f"{path} cannot be read ({error.strerror}): fix its permissions or delete it") from error
