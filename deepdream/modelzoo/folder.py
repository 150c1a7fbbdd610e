"""Finds the files of a net in a folder of the user's own, whatever their names, and what is said of it there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Sequence

from ..caffe_format.data_layer import data_transformation
from ..errors import UsageError
from .card import Card, read_card

_WEIGHTS = (".caffemodel", ".caffemodel.h5", ".h5", ".hdf5")
_MEANS = (".binaryproto", ".npy")


class OwnFiles(NamedTuple):
    """The files of a net, and what is known of it."""

    card: Card
    prototxt: Path
    weights: Path
    mean_told: str  # where the mean comes from, as a sentence; "" if it is the default or the card's


def own_files(path: Path) -> OwnFiles:
    """The net in a folder, or the one of a prototxt with the weights beside it.

    Raises UsageError if there is no net or more than one, or if the card is malformed; DreamError if the file of the
    mean is damaged.
    """
    if path.is_dir():
        folder, prototxt = path, _prototxt(path)
    elif path.is_file() and path.suffix.lower() == ".prototxt":
        folder, prototxt = path.parent, path
    else:
        wrong = "is a file" if path.exists() else "does not exist"
        raise UsageError(f"{path} {wrong}: give a folder with one deploy.prototxt and one .caffemodel")
    weights = _only(folder, _with_suffix(folder, _WEIGHTS), "*.caffemodel", beside=path if path.is_file() else None)
    readmes = [found for found in sorted(folder.iterdir()) if found.name.lower() == "readme.md"]
    card = read_card(readmes[0] if readmes else folder / "readme.md")
    mean, scale = data_transformation(prototxt)
    if not card.has_mean and card.scale == 1 and (mean or scale != 1):
        told = f"its mean and scale are those of its data layer: {_levels(mean or card.mean)}, {scale:g}"
        return OwnFiles(replace(card, mean=mean or card.mean, scale=scale), prototxt, weights, told)
    means = [] if card.has_mean else _with_suffix(folder, _MEANS)
    if not means:
        return OwnFiles(card, prototxt, weights, "")
    if len(means) > 1:
        raise UsageError(
            f"{folder} holds several means, {_names(means)}: keep one of them, or give `mean:` in readme.md"
        )
    from ..caffe_format.mean_file import read_mean  # which needs NumPy, and finding models does not

    mean = read_mean(means[0])
    told = f"its mean is that of {means[0].name}: {_levels(mean)}"
    return OwnFiles(replace(card, mean=mean), prototxt, weights, told)


def _levels(mean: Sequence[float]) -> str:
    return ", ".join(f"{level:.1f}" for level in mean) + " (blue, green, red)"


def _prototxt(folder: Path) -> Path:
    found = _with_suffix(folder, (".prototxt",))
    for names in (["deploy.prototxt"], [path.name.lower() for path in found if path.name.lower().startswith("deploy")]):
        chosen = [path for path in found if path.name.lower() in names]
        if len(chosen) == 1:
            return chosen[0]
        found = chosen or found
    return _only(folder, found, "deploy*.prototxt")


def _with_suffix(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.name.lower().endswith(tuple(suffixes)) and path.is_file()]


def _only(folder: Path, found: Sequence[Path], pattern: str, beside: Path | None = None) -> Path:
    """The only file; beside a prototxt, the one of its name if there are several."""
    if beside and len(found) > 1:
        found = [path for path in found if path.name.split(".")[0] == beside.name.split(".")[0]] or found
    if len(found) != 1:
        names = _names(found) or "none"
        way_out = "keep only one model in it" + (
            ", or give the path of the prototxt, with its weights under the same name beside it" if found else ""
        )
        raise UsageError(f"{folder} must hold exactly one {pattern} but holds {names}: {way_out}")
    return found[0]


def _names(paths: Sequence[Path]) -> str:
    return ", ".join(path.name for path in paths)
