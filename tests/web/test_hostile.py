"""What the server makes of requests that no page sends: other files, names with paths in them, values out of range."""

import hashlib
import re
from pathlib import Path

import pytest

from deepdream import picture
from tests.tiny import ROOT, tiny_picture
from tests.web.visitors import Visitor

requests = pytest.importorskip("requests", reason="asks the server")

pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture
def visitor(server, request):
    return Visitor(server.url, hashlib.sha256(request.node.name.encode()).hexdigest())


@pytest.fixture
def content(tmp_path):
    return Path(tiny_picture(tmp_path / "in.png")).read_bytes()


def test_a_dream_without_the_page(visitor, content):
    """So that what is refused below is not refused for another reason."""
    said = visitor.dream(visitor.upload(content, "in.png"))
    assert "the dream is done (seed 7)" in said


@pytest.mark.parametrize(
    "name",
    [
        "../../evil.png",
        "/etc/evil.png",
        "..\\evil.png",
        "a\0b.png",
        "evil.png\0.jpg",
        "x" * 300 + ".png",
        "träume 梦.png",
        "<b>&\"'.png",
        "..",
        ".png",
    ],
)
def test_names_with_paths_in_them(visitor, server, content, tmp_path, name):
    """The upload stays in the server's folder, or is refused; the dream's name is a plain one."""
    path = visitor.upload(content, name)
    assert path == 400 or server.folder in Path(path).resolve().parents
    assert not list(server.folder.parent.glob("evil*"))
    if path == 400:
        return
    said = visitor.dream(path)
    assert "the dream is done (seed 7)" in said
    (result,) = {Path(path).name for path in re.findall('"path":"([^"]*-dream.png)"', said)}
    assert len(result) < 80
    assert not set(result) & set("/\\\0<>&\"' ")
    assert all(picture.read_recipe(str(found))["seed"] == 7 for found in server.folder.rglob(result))


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        str(ROOT / "README.md"),
        str(ROOT / "examples" / "flowers.jpg"),
        "../../../../etc/passwd",
    ],
)
def test_only_what_is_the_pages_is_served(visitor, path):
    for route in ("gradio_api/file=", "file=", "gradio_api/file/", "static/", "assets/", "gradio_api/proxy="):
        prepared = requests.Request("GET", f"{visitor.url}/").prepare()
        prepared.url = f"{visitor.url}/{route}{path}"  # as it is: requests would take the dots out
        answer = requests.Session().send(prepared, timeout=30)
        assert answer.status_code in (400, 403, 404, 500), route


@pytest.mark.parametrize("path", ["/etc/passwd", str(ROOT / "examples" / "flowers.jpg"), "noise:64x64", "-"])
def test_only_what_was_uploaded_is_dreamt_on(visitor, path):
    assert '"success":false' in visitor.dream(path)


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"iterations": 101}, "iterations may be 100 at most on this page, not 101"),
        ({"iterations": -1}, "iterations must be a whole number from 0 to 1000000, not -1"),
        ({"iterations": "many"}, "iterations must be a whole number from 0 to 1000000, not &#x27;many&#x27;"),
        ({"octaves": 11}, "octaves may be 10 at most on this page, not 11"),
        ({"octaves": 2.5}, "octaves must be a whole number from 1 to 1000, not 2.5"),
        ({"longest side": 10**6}, "the longest side may be 2048 at most on this page, not 1000000"),
        ({"longest side": None}, "the longest side may be 2048 at most on this page, not None"),
        ({"seed": "-1"}, "seed must be a whole number from 0 to 4294967295, not &#x27;-1&#x27;"),
        ({"seed": "9" * 400}, "seed must be a whole number from 0 to 4294967295, not &#x27;99999"),
        ({"seed": "9" * 5000}, "seed must be a whole number from 0 to 4294967295, not &#x27;99999"),
        ({"iterations": 10**400}, "iterations must be a whole number from 0 to 1000000, not 1000"),
        ({"seed": str(2**32)}, f"seed must be a whole number from 0 to 4294967295, not {2**32}"),
        ({"layer": "tea"}, "there is no layer &#x27;tea&#x27; in this net"),
        ({"layer": None}, "layer must be text, not None"),
        ({"model": "/etc"}, "that model is not offered: pick another"),
        ({"model": ["tiny"]}, "that model is not offered: pick another"),
    ],
)
def test_values_out_of_range(visitor, content, others, words):
    said = visitor.dream(visitor.upload(content, "in.png"), **others)
    assert words in said


def test_the_default_octaves_give_way_to_what_fits(visitor, tmp_path):
    """Those of the page, that is, which a visitor has not touched; others are kept, or refused."""
    path = visitor.upload(Path(tiny_picture(tmp_path / "small.png", 20, 16)).read_bytes(), "small.png")
    said = visitor.dream(path, octaves=visitor.usual["octaves"])
    assert "the dream is done (seed 7, 2 octaves instead of 4, as a picture of 20x16 is too small for more)" in said
    assert "at most 2 octaves work" in visitor.dream(path, octaves=3)


def test_a_file_that_is_too_large_never_reaches_the_disk(visitor, server):
    assert visitor.upload(bytes(2**20 + 1), "large.png") == 413
    assert not [path for path in server.folder.rglob("*") if path.is_file() and path.stat().st_size > 2**20]
