"""Takes the files of a known model that a person has found or was given, and puts them where they belong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Sequence

from ..errors import DreamError, UsageError
from ..storage import atomic
from . import verify
from .card import PROTOTXT, Card, ModelFile, Source


def add(card: Card, paths: Sequence[Path], folder: Path, prototxt: Path | None) -> None:
    """Verifies files by the sums of a card, and stores them in a folder under the names that they have there.

    paths: a net's description, or what its numbers are in, or both. The numbers are in one file of any kind that
    containers.py has, in a folder of pieces, or in all the pieces. prototxt: the description, if it is there already.
    Raises UsageError for files that are too many or too few, DreamError for those that are not accepted.
    """
    description, weights = card.files
    for path in paths:
        if path.suffix == ".prototxt":
            _store(card.name, description, Source("prototxt"), path, folder, None)
            prototxt = folder / description.name
    given = [path for path in paths if path.suffix != ".prototxt"]
    if given:
        path = given[0] if len(given) == 1 and given[0].suffix != ".bin" else _together(card.name, given, prototxt)
        _store(card.name, weights, _source(weights, path), path, folder, prototxt)


def existing(paths: Sequence[Path]) -> Sequence[Path]:
    """The paths. Raises UsageError if one does not exist."""
    missing = next((path for path in paths if not (path.is_file() or path.is_dir())), None)
    if missing is not None:
        raise UsageError(f"there is no file {missing}: check the path")
    return paths


def _together(name: str, paths: Sequence[Path], prototxt: Path | None) -> Path:
    """The folder of a net's pieces, of which the paths are given."""
    from ..caffe_format.topology import read_topology
    from .containers import folder_of_pieces

    if any(path.suffix != ".bin" for path in paths):
        raise UsageError(f"give one file with the numbers of {name}, or all its pieces, which are called *.bin")
    if prototxt is None:
        raise UsageError(f"it takes the {PROTOTXT} of {name} to read its pieces: give it as well")
    folder = folder_of_pieces(paths, read_topology(prototxt))
    if folder is None:
        raise UsageError(f"these are not the pieces of {name}: give the folder that holds all of them")
    return folder


def _source(weights: ModelFile, path: Path) -> Source:
    """What the card says of such a file: its source of the same kind, without what is of the one at its addresses."""
    kinds = {"pth": ("pth", "package")}.get(_kind(path), (_kind(path),))
    known = next((source for source in weights.sources if source.kind in kinds), Source(kinds[0]))
    return replace(known, urls=(), sha256="", sha1="", member=known.member if known.kind == "pieces" else "")


def _kind(path: Path) -> str:
    """The kind of a file, by its first bytes; what is nothing else counts as a .caffemodel."""
    if path.is_dir():
        return "pieces"
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise DreamError(f"{path} cannot be read ({error.strerror}): check its permissions") from error
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or head[257:262] == b"ustar":
        return "archive" if _holds_caffemodel(path) else "pieces"
    if head.startswith((b"PK\x03\x04", b"\x80\x02")):
        return "pth"
    # The first field of an ONNX model is its version, a number; of a .caffemodel its name, or a layer.
    return "onnx" if head.startswith(b"\x08") else "caffemodel"


def _holds_caffemodel(path: Path) -> bool:
    from .containers import names_in

    try:
        return any(name.endswith(".caffemodel") for name in names_in(path))
    except ValueError:
        return True  # it is damaged, which whoever unpacks it will tell


def _store(name: str, file: ModelFile, source: Source, path: Path, folder: Path, prototxt: Path | None) -> None:
    try:
        from . import containers

        if containers.lacking(source.kind):
            raise ValueError(containers.lacking(source.kind))
        with atomic.folder(folder) as temporary:
            kept = verify.verified(file, source, path, prototxt, temporary)
            verify.store(kept, folder / file.name, temporary)
    except (ValueError, DreamError) as reason:
        way_out = "find another, or put it with its deploy.prototxt into a folder and give that as --model"
        raise DreamError(
            f"{path} is not the {file.name} of {name} ({reason}), which has {file.accepted()}: {way_out}"
        ) from reason
    except OSError as error:
        raise DreamError(f"{folder / file.name} cannot be written ({error.strerror or error})") from error
