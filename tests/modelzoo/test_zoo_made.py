"""Models that are made from a package when they are first used; how one is made is test_packaged.py's."""

import hashlib

import pytest

from deepdream.errors import DreamError
from deepdream.modelzoo import zoo
from deepdream.modelzoo.zoo import fetch, find, list_models, resolve
from deepdream.storage import atomic

NET, WEIGHTS = b'name: "net"\n', b"weights"
README = f"""---
caffemodel: net.caffemodel
sha256: {{{hashlib.sha256(WEIGHTS).hexdigest()}: made}}
prototxt:
  sha256: {{{hashlib.sha256(NET).hexdigest()}: own}}
sources: [{{kind: package, name: some-weights, version: 0.1.0, file: net.pth, sha256: 0a}}]
---
"""


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The user's cache, which is not there yet, and no $DREAMIFY_MODELS."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    monkeypatch.delenv("DREAMIFY_MODELS", raising=False)
    return tmp_path / "home" / ".cache" / "dreamify" / "models"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A models folder with one known model, `packed`."""
    folder = tmp_path / "models"
    (folder / "packed").mkdir(parents=True)
    (folder / "packed" / "deploy.prototxt").write_bytes(NET)
    (folder / "packed" / "readme.md").write_text(README)
    monkeypatch.setattr(zoo, "_project_models", lambda: folder)
    return folder


@pytest.fixture
def packed(project, cache, monkeypatch):
    """The list of what its weights were made from, each time."""
    made = []

    def make(*args):
        made.append(args)
        return WEIGHTS

    monkeypatch.setattr(zoo, "make", make)
    yield made
    zoo._for_this_run.cache_clear()


def test_a_model_from_a_package_is_made_on_first_use(packed, cache, project):
    assert find("packed") is None
    assert list_models()["packed"] == "not made yet"
    model = resolve("packed")
    assert (model.weights, model.verified) == (cache / "packed" / "net.caffemodel", True)
    assert model.prototxt == project / "packed" / "deploy.prototxt"
    ((name, _, package, prototxt),) = packed
    assert (name, package.version, prototxt) == ("packed", "0.1.0", model.prototxt)
    assert resolve("packed") == fetch("packed") == model
    assert len(packed) == 1
    assert [path.name for path in model.weights.parent.iterdir()] == ["net.caffemodel"]
    assert list_models()["packed"].verified


def test_what_was_made_and_has_changed_is_refused(packed, cache):
    resolve("packed").weights.write_bytes(b"tampered")
    with pytest.raises(DreamError, match=r"not genuine.*: delete it to fetch it again"):
        resolve("packed")


def test_a_prototxt_of_the_project_that_is_gone_or_changed_is_told(packed, project):
    (project / "packed" / "deploy.prototxt").write_bytes(b"another")
    with pytest.raises(DreamError, match=r"deploy\.prototxt is not genuine"):
        resolve("packed")
    (project / "packed" / "deploy.prototxt").unlink()
    with pytest.raises(DreamError, match=r"deploy\.prototxt.* is missing: reinstall"):
        resolve("packed")
    assert not packed


@pytest.mark.parametrize("fault", ["a file in its place", "a full disk"])
def test_where_nothing_can_be_stored_a_model_is_made_for_the_run(fault, packed, cache, monkeypatch, capsys):
    if fault == "a file in its place":
        cache.parent.parent.mkdir(parents=True)
        cache.parent.touch()
    else:
        write = atomic.write

        def full(path, content):
            if cache in path.parents:
                raise OSError(28, "No space left on device")
            write(path, content)

        monkeypatch.setattr(atomic, "write", full)
    model = resolve("packed", progress=True)
    assert model.verified
    assert cache not in model.weights.parents
    said = (
        f"dreamify: packed cannot be stored in {cache / 'packed'} and is made for this run alone: set DREAMIFY_MODELS"
    )
    assert capsys.readouterr().err.startswith(said)
    assert resolve("packed", progress=True) == model
    assert len(packed) == 1
    assert capsys.readouterr().err == ""
    zoo._for_this_run.cache_clear()
    assert resolve("packed").verified  # as in a later run, which prints nothing
    assert capsys.readouterr().err == ""


def test_where_not_even_a_temporary_folder_can_be_had_that_is_told(packed, cache, monkeypatch):
    cache.parent.parent.mkdir(parents=True)
    cache.parent.touch()

    def refuse(*_, **__):
        raise FileNotFoundError(2, "No usable temporary directory")

    monkeypatch.setattr(zoo.tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(DreamError, match=r"packed cannot be stored anywhere \(No usable .*\): set DREAMIFY_MODELS"):
        resolve("packed")
