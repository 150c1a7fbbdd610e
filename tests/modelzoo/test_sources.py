"""Every kind of source, as the only one that answers: what it gives, and what is refused of it."""

import functools
import hashlib
import threading
import time

import pytest

from deepdream.cli import main
from deepdream.errors import DreamError
from deepdream.images.picture import read_recipe
from deepdream.modelzoo import download as downloads
from deepdream.modelzoo import zoo
from tests.helpers.containers import Origin
from tests.helpers.mirror import Mirror, stalled, whole
from tests.helpers.shared import ENGINE
from tests.helpers.tiny import LEAST, tiny_picture

pytest.importorskip("requests")
KINDS = ["caffemodel", "archive", "pieces in an archive", "pieces", "onnx", "pth"]
NUMBERS = "the numbers' sum"


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    mirror = Mirror()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()


@pytest.fixture
def origin(tmp_path):
    return Origin(tmp_path / "origin")


@pytest.fixture
def known(tmp_path, monkeypatch, mirror, origin):
    """Makes `net` a known model with one source of weights: known(kind, what is known of it, how paths answer)."""
    monkeypatch.delenv("DREAMIFY_MODELS", raising=False)
    monkeypatch.setattr(zoo, "_project_models", lambda: tmp_path / "project")
    monkeypatch.setattr("deepdream.storage.cache_dir.cache_root", lambda: tmp_path / "cache")
    card = tmp_path / "project" / "net"
    card.mkdir(parents=True)

    def make(kind, identity=NUMBERS, of=origin, answer=whole):
        if kind == "pth":
            pytest.importorskip("torch")
        source, path, routes = of.source(kind)
        for route, content in routes.items():
            mirror.add(route, answer(content))
        fields = {**source, "urls": [mirror.address + path]}
        identities = {
            NUMBERS: f"numbers_sha256: {origin.numbers}\n",
            "the file's sum": f"sha256: {{{origin.sum}: as written}}\n",
            "nothing": "",
        }
        net = mirror.add("/deploy.prototxt", whole(origin.net))
        (card / "readme.md").write_text(
            f"---\ncaffemodel: net.caffemodel\nsources: [{fields}]\n{identities[identity]}prototxt:\n"
            f"  urls: ['{net}']\n  sha256: {{{hashlib.sha256(origin.net).hexdigest()}: official}}\n---\n"
        )
        return tmp_path / "cache" / "models" / "net"

    return make


def left_in(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_gives_the_same_file(kind, known, origin):
    folder = known(kind)
    model = zoo.fetch("net")
    assert model.verified
    assert left_in(folder) == ["deploy.prototxt", "net.caffemodel"]
    assert model.weights.read_bytes() == origin.canonical
    assert model.numbers_sha256 == origin.numbers
    assert model.weights.stat().st_mode & 0o777 == 0o644
    assert zoo.find("net") == model


@pytest.mark.parametrize("kind", KINDS)
def test_a_first_dream_with_each_kind_as_the_only_one_that_answers(kind, known, origin, tmp_path, capsys):
    known(kind)
    picture, out = tiny_picture(tmp_path / "in.png", 3 * LEAST, 3 * LEAST), tmp_path / "out.png"
    settings = ["--iterations", "1", "--octaves", "1", "--engine", ENGINE, "--model", "net"]
    assert main([picture, str(out), *settings]) == 0, capsys.readouterr().err
    assert "dreamify: trying http://127.0.0.1" in capsys.readouterr().err
    assert read_recipe(str(out))["numbers_sha256"] == origin.numbers


def damaged(how, content):
    return {
        "not there": lambda handler: handler.send_error(404),
        "cut": whole(content[: len(content) // 2], len(content)),
        "cut where no length tells": whole(content[: len(content) // 2]),
        "a page": whole(b"<!DOCTYPE html><title>Sign in</title>"),
        "empty": whole(b""),
        "other numbers": whole(content),
    }[how]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["not there", "cut", "cut where no length tells", "a page", "empty", "other numbers"])
@pytest.mark.parametrize("identity", [NUMBERS, "the file's sum"])
def test_what_is_not_the_net_is_refused(kind, how, identity, known, tmp_path, capsys):
    of = Origin(tmp_path / "another", seed=1) if how == "other numbers" else None
    folder = known(kind, identity, **({"of": of} if of else {}), answer=functools.partial(damaged, how))
    assert main(["models", "fetch", "net"]) == 1
    said = capsys.readouterr().err
    assert "net could not be downloaded, these addresses failed:" in said
    assert "`dreamify models add net FILE`" in said
    assert "Traceback" not in said
    assert left_in(folder) == ["deploy.prototxt"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pth"])
def test_other_numbers_under_the_right_names_are_told(kind, known, tmp_path):
    known(kind, of=Origin(tmp_path / "another", seed=1))
    with pytest.raises(DreamError, match=r"it holds other numbers, their SHA-256 is [0-9a-f]{64}"):
        zoo.fetch("net")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", ["before the head", "within the body"])
def test_what_stalls_is_given_up(kind, when, known, origin, monkeypatch):
    monkeypatch.setattr(downloads, "STALL_SECONDS", 0.2)
    release = threading.Event()
    half = (lambda content: content[: len(content) // 2]) if when == "within the body" else lambda content: b""
    folder = known(kind, answer=lambda content: stalled(release, half(content), len(content)))
    folder.mkdir(parents=True)
    (folder / "deploy.prototxt").write_bytes(origin.net)
    started = time.monotonic()
    with pytest.raises(DreamError, match=r"no answer in time|lost"):
        zoo.fetch("net")
    release.set()
    assert time.monotonic() - started < 5
    assert left_in(folder) == ["deploy.prototxt"]


@pytest.mark.parametrize("kind", ["caffemodel", "archive", "pth"])
def test_without_any_sum_the_layers_must_fit_and_the_file_is_pinned(kind, known, origin, tmp_path):
    folder = known(kind, "nothing")
    model = zoo.fetch("net")
    assert not model.verified
    assert model.weights.read_bytes() == origin.canonical  # whichever it came from
    assert left_in(folder) == ["deploy.prototxt", "net.caffemodel", "net.caffemodel.sha256"]
    model.weights.write_bytes(Origin(tmp_path / "another", seed=1).canonical)
    with pytest.raises(DreamError, match="has changed since its first use"):
        zoo.find("net")


def test_a_page_in_the_place_of_weights_without_a_sum_is_refused(known):
    folder = known("caffemodel", "nothing", answer=lambda content: whole(b"<!DOCTYPE html>"))
    with pytest.raises(DreamError, match="a web page and not"):
        zoo.fetch("net")
    assert left_in(folder) == ["deploy.prototxt"]


def test_a_file_of_a_published_sum_is_kept_as_it_is(known, origin, mirror):
    folder = known("caffemodel", "the file's sum", answer=lambda content: whole(origin.canonical))
    assert zoo.fetch("net").verified
    assert left_in(folder) == ["deploy.prototxt", "net.caffemodel"]


def test_weights_that_someone_has_saved_again_are_verified_by_their_numbers(known, origin):
    folder = known("caffemodel")
    zoo.fetch("net")
    (folder / "net.caffemodel").write_bytes(origin.resaved())
    assert zoo.find("net").verified
    broken = bytearray(origin.resaved())
    broken[-200] ^= 1
    (folder / "net.caffemodel").write_bytes(broken)
    with pytest.raises(DreamError, match="is not genuine"):
        zoo.find("net")


def test_a_published_file_with_other_numbers_than_the_card_has_is_told(known, origin, tmp_path, capsys):
    known("caffemodel")
    readme, another = tmp_path / "project" / "net" / "readme.md", Origin(tmp_path / "another", seed=1)
    readme.write_text(readme.read_text().replace("prototxt:", f"sha256: {{{another.sum}: official}}\nprototxt:"))
    folder = tmp_path / "cache" / "models" / "net"
    folder.mkdir(parents=True)
    (folder / "net.caffemodel").write_bytes(another.canonical)
    assert main(["models", "fetch", "net"]) == 0
    assert main(["models"]) == 0
    said = capsys.readouterr().out
    assert said.count(f"verified, but its numbers are others than its card has: {another.numbers}") == 2


def test_without_the_description_what_needs_it_is_not_downloaded(known, mirror):
    known("onnx")
    mirror.add("/deploy.prototxt", lambda handler: handler.send_error(404))
    with pytest.raises(DreamError, match=r"net\.onnx: it takes deploy\.prototxt to read it"):
        zoo.fetch("net")
    assert "/net.onnx" not in mirror.asked


def test_without_pytorch_its_files_are_not_downloaded(known, mirror, monkeypatch):
    known("pth")
    monkeypatch.setattr("deepdream.modelzoo.containers.find_spec", lambda name: None)
    with pytest.raises(DreamError, match=r"net\.pth: PyTorch, which reads it, is not installed"):
        zoo.fetch("net")
    assert "/net.pth" not in mirror.asked
