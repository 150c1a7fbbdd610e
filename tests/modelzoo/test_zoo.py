"""Looking up models, and what is trusted; the downloads themselves are test_download.py's."""

# ruff: noqa: F401, F811  # fixtures
import functools
import hashlib
import os
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deepdream.errors import DreamError, UsageError
from deepdream.modelzoo import zoo
from deepdream.modelzoo.zoo import fetch, find, list_models, resolve
from tests.modelzoo.site import NET, RESAVED, WEIGHTS, cache, nobodys_home, own, project, put, sha256, site


def test_a_known_model_has_what_its_readme_says(project):
    put(project / "summed")
    model = find("summed")
    assert (model.name, model.mean, model.card.layers) == ("summed", (1.0, 2.5, 3.0), {"conv1": "edges"})
    assert model.card.classes == "places205"
    assert (model.sha256, model.prototxt_sha256, model.verified) == (sha256(WEIGHTS), sha256(NET), True)
    assert (model.weights, model.prototxt) == (
        project / "summed" / "net.caffemodel",
        project / "summed" / "deploy.prototxt",
    )


def test_lookup_order(project, own, cache, tmp_path):
    assert find("summed") is None
    for root in (cache, project, own):
        put(root / "summed")
        assert find("summed").weights.parent == root / "summed"
    elsewhere = put(tmp_path / "elsewhere" / "summed")
    assert find(str(elsewhere)).weights.parent == elsewhere


def test_a_known_name_is_not_taken_for_a_folder_in_the_current_one(cache):
    put(cache / "summed")
    put(Path("summed"), b"whatever")
    assert find("summed").weights.parent == cache / "summed"
    assert find(f".{os.sep}summed").sha256 == sha256(b"whatever")


def test_a_model_of_which_a_file_is_missing_is_not_found(own, cache):
    (put(own / "summed") / "deploy.prototxt").unlink()
    assert find("summed") is None
    (put(cache / "summed") / "net.caffemodel").unlink()
    assert find("summed").verified  # each file is looked up by itself


def test_every_published_sum_is_genuine(own):
    assert find("summed") is None
    put(own / "summed", RESAVED)
    assert find("summed").sha256 == sha256(RESAVED)
    assert find("summed").verified


@pytest.mark.parametrize(("file", "genuine"), [("net.caffemodel", WEIGHTS), ("deploy.prototxt", NET)])
def test_a_file_with_another_sum_is_refused_with_both_sums(file, genuine, own):
    (put(own / "summed") / file).write_bytes(b"tampered")
    with pytest.raises(DreamError) as caught:
        find("summed")
    for part in (sha256(genuine), sha256(b"tampered"), str(own / "summed" / file)):
        assert part in str(caught.value)
    assert not isinstance(caught.value, UsageError)
    with pytest.raises(DreamError, match="not genuine"):
        resolve("summed")  # and not downloaded over
    assert find(str(own / "summed")).verified is False  # by path any file will do


def test_a_file_that_cannot_be_read_is_named(own, monkeypatch):
    put(own / "summed")

    opened = Path.open

    def refuse(path, *args, **kwargs):
        if path.name == "deploy.prototxt":
            raise PermissionError(13, "Permission denied")
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DreamError, match=r"deploy\.prototxt cannot be read \(Permission denied\)"):
        find("summed")


def test_a_folder_by_path_may_do_without_a_readme(tmp_path):
    folder = put(tmp_path / "mine")
    model = find(str(folder))
    assert (model.name, model.mean, model.card.layers, model.verified) == ("mine", (104.0, 116.0, 122.0), {}, False)
    assert model.card.classes is None
    (folder / "readme.md").write_text("---\nmean: [104, 117, 123]\nlayers: {pool: blots}\n---\n")
    assert find(str(folder)).card.classes is None
    assert (find(str(folder)).mean, find(str(folder)).card.layers) == ((104.0, 117.0, 123.0), {"pool": "blots"})
    (folder / "readme.md").write_text("---\nclasses: imagenet\n---\n")
    assert (find(str(folder)).mean, find(str(folder)).card.classes) == ((104.0, 116.0, 122.0), "imagenet")
    (folder / "readme.md").write_text("Not in the Model Zoo's form.\n")
    assert find(str(folder)).mean == (104.0, 116.0, 122.0)


def test_a_folder_by_path_may_name_its_prototxt_as_upstream_does(tmp_path):
    folder = put(tmp_path / "mine")
    (folder / "deploy.prototxt").rename(folder / "deploy_places.prototxt")
    (folder / "train_val.prototxt").write_bytes(b"")
    assert find(str(folder)).prototxt == folder / "deploy_places.prototxt"


def test_a_folder_is_a_path_without_a_separator_too():
    put(Path("mine"))
    assert find("mine").name == "mine"


def test_a_folder_of_your_own_in_the_variable_is_taken_by_name(own):
    put(own / "mine", b"whatever")
    assert find("mine").weights == own / "mine" / "net.caffemodel"


@pytest.mark.parametrize("readme", ["mean: [104, 117]", "mean: dark", "layers: [conv1]", "a: b: c", "- list"])
def test_a_readme_that_cannot_be_understood_is_named(readme, tmp_path):
    folder = put(tmp_path / "mine")
    (folder / "readme.md").write_text(f"---\n{readme}\n---\n")
    with pytest.raises(UsageError) as caught:
        find(str(folder))
    assert str(folder / "readme.md") in str(caught.value)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda folder: (folder / "net.caffemodel").unlink(), r"\*\.caffemodel .* holds none"),
        (lambda folder: (folder / "b.caffemodel").touch(), r"b\.caffemodel, net\.caffemodel"),
        (lambda folder: (folder / "deploy.prototxt").unlink(), r"deploy\*\.prototxt .* holds none"),
    ],
)
def test_a_folder_that_is_not_one_models_is_refused(change, complaint, tmp_path):
    folder = put(tmp_path / "mine")
    change(folder)
    with pytest.raises(UsageError, match=complaint):
        find(str(folder))


def test_a_path_to_nothing_or_to_a_file_is_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        find(str(tmp_path / "nothing"))
    weights = put(tmp_path / "mine") / "net.caffemodel"
    with pytest.raises(UsageError, match="is a file"):
        find(str(weights))


@pytest.mark.parametrize("look", [find, fetch, resolve])
def test_an_unknown_name_gets_the_nearest_and_all(look):
    with pytest.raises(
        UsageError, match=r"no model 'sumed', did you mean summed or unsummed\? known are summed, unsummed"
    ):
        look("sumed")


def test_a_mirror_of_ones_own_is_asked_first_and_trusted_no_more_than_the_others(site, monkeypatch):
    pytest.importorskip("requests")
    monkeypatch.setenv("DREAMIFY_MIRROR", f"http://127.0.0.1:{site.server_port}/mine/")
    put(site.folder / "mine" / "summed", RESAVED)
    assert fetch("summed").weights.read_bytes() == RESAVED
    assert site.asked == ["/mine/summed/deploy.prototxt", "/mine/summed/net.caffemodel"]
    put(site.folder / "mine" / "unsummed", net=b"another net")
    assert fetch("unsummed").prototxt.read_bytes() == NET


@pytest.mark.parametrize("variable", [True, False])
def test_what_is_missing_is_fetched_and_only_that(variable, site, cache, tmp_path, monkeypatch):
    pytest.importorskip("requests")
    if variable:
        monkeypatch.setenv("DREAMIFY_MODELS", str(tmp_path / "new"))
    folder = (tmp_path / "new" if variable else cache) / "summed"
    assert resolve("summed").weights == folder / "net.caffemodel"
    (folder / "deploy.prototxt").unlink()
    site.asked.clear()
    assert fetch("summed") == find("summed")
    assert [line for line in site.asked if line.endswith("caffemodel")] == []
    site.asked.clear()
    assert fetch("summed") == resolve("summed")
    assert site.asked == []


def test_a_variable_that_cannot_be_written_leaves_the_cache(cache, tmp_path, monkeypatch):
    pytest.importorskip("requests")
    (tmp_path / "a file").touch()
    monkeypatch.setenv("DREAMIFY_MODELS", str(tmp_path / "a file"))
    assert fetch("summed").weights == cache / "summed" / "net.caffemodel"
    monkeypatch.setenv("DREAMIFY_MODELS", str(tmp_path / "read-only"))
    monkeypatch.setattr(os, "access", lambda path, _mode: "read-only" not in str(path))
    assert fetch("unsummed").weights == cache / "unsummed" / "net.caffemodel"
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    (cache / "summed" / "net.caffemodel").unlink()
    with pytest.raises(DreamError, match="set DREAMIFY_MODELS"):
        fetch("summed")


def test_offline_the_error_has_all_that_is_needed_to_do_it_by_hand(site, cache):
    pytest.importorskip("requests")
    site.shutdown()
    site.server_close()
    with pytest.raises(DreamError) as caught:
        fetch("summed")
    for part in (
        "/absent",
        "/net.caffemodel",
        "/deploy.prototxt",
        sha256(WEIGHTS),
        sha256(NET),
        "dreamify models add summed FILE",
    ):
        assert part in str(caught.value)
    put(cache / "summed")
    assert fetch("summed").verified


def test_weights_without_a_published_sum_are_pinned_on_first_use(own):
    weights = put(own / "unsummed") / "net.caffemodel"
    first = find("unsummed")
    assert (first.verified, first.sha256) == (False, sha256(WEIGHTS))
    assert find("unsummed") == first
    pin = own / "unsummed" / "net.caffemodel.sha256"
    assert pin.read_text() == f"{sha256(WEIGHTS)}  net.caffemodel\n"
    weights.write_bytes(b"other weights")
    with pytest.raises(DreamError) as caught:
        find("unsummed")
    for part in (sha256(WEIGHTS), sha256(b"other weights"), str(weights), str(pin)):
        assert part in str(caught.value)
    pin.unlink()
    assert find("unsummed").sha256 == sha256(b"other weights")
    assert sorted(path.suffix for path in pin.parent.iterdir()) == [".caffemodel", ".prototxt", ".sha256"]


def test_the_list(own, cache):
    put(cache / "summed")
    put(own / "unsummed")
    put(own / "mine")
    (put(own / "broken") / "deploy.prototxt").unlink()
    found = list_models()
    assert list(found) == ["broken", "mine", "summed", "unsummed"]
    assert "holds none" in found.pop("broken")
    assert {name: (model.weights.parent, model.verified) for name, model in found.items()} == {
        "mine": (own / "mine", False),
        "summed": (cache / "summed", True),
        "unsummed": (own / "unsummed", False),
    }
    (cache / "summed" / "net.caffemodel").write_bytes(b"tampered")
    (own / "unsummed" / "net.caffemodel").unlink()
    found = list_models()
    assert "not genuine" in found["summed"]
    assert found["unsummed"] == "not downloaded"
