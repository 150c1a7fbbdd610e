"""Requests that the page never sends: other files, names with paths in them, values out of range."""

import hashlib
import os
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deepdream.images import picture
from deepdream.web.storage import NOT_HERE
from tests.helpers.tiny import ROOT, tiny_picture
from tests.web.visitors import MARK, Visitor

requests = pytest.importorskip("requests", reason="asks the server")

FLOWERS = ROOT / "examples" / "flowers.jpg"
pytestmark = pytest.mark.usefixtures("server")


@pytest.fixture
def visitor(server, request):
    return Visitor(server.url, hashlib.sha256(request.node.name.encode()).hexdigest())


@pytest.fixture
def content(tmp_path):
    return Path(tiny_picture(tmp_path / "in.png")).read_bytes()


def test_a_dream_without_the_page(visitor, content):
    """The control: the tests below change one thing about this request."""
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
    """The upload stays in the server's folder or is refused, and the name of the dream is a plain one."""
    path = visitor.upload(content, name)
    assert path == 400 or server.folder in Path(path).resolve().parents
    assert not list(server.folder.parent.glob("evil*"))
    if path == 400:
        return
    said = visitor.dream(path)
    assert "the dream is done (seed 7)" in said
    (result,) = {Path(path).name for path in re.findall('"path":"([^"]*-seed7.png)"', said)}
    assert len(result) < 120
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
        prepared.url = f"{visitor.url}/{route}{path}"  # set here, because requests would remove the dots
        answer = requests.Session().send(prepared, timeout=30)
        assert answer.status_code in (400, 403, 404, 500), route


class Canary(BaseHTTPRequestHandler):
    """Records all requests, and answers each with a picture."""

    def do_GET(self):
        self.server.came.append(self.path)
        self.send_response(200)
        self.send_header("content-type", "image/png")
        self.end_headers()
        self.wfile.write(self.server.picture)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def canary(content):
    """A server on this machine that must receive no request."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Canary) as server:
        server.came, server.picture = [], content
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


SHAPES = {
    "without a mark": lambda path: {"path": path},
    "marked": lambda path: {"path": path, "meta": MARK},
    "marked otherwise": lambda path: {"path": path, "meta": {"_type": "gradio.Other"}},
    "marked by nothing": lambda path: {"path": path, "meta": None},
    "a stream": lambda path: {"path": path, "meta": MARK, "is_stream": True},
    "an address": lambda path: {"url": path, "meta": MARK},
    "both": lambda path: {"path": path, "url": path, "meta": MARK, "orig_name": "in.png"},
    "no path": lambda path: {"path": None, "url": path, "meta": MARK},
    "nested": lambda path: {"path": {"path": path, "meta": MARK}, "meta": MARK},
    "listed": lambda path: [{"path": path, "meta": MARK}],
    "bare": lambda path: path,
}
EVENTS = ["gradio_api/api/_dream", "gradio_api/run/_dream", "gradio_api/run/predict", "gradio_api/call/_dream"]
EVENTS += ["gradio_api/call/v2/_dream", "gradio_api/stream/1", "api/_dream", "run/predict"]


def outcome(said):
    """Of a dream that was asked for."""
    for words in ("-seed7.png", NOT_HERE, '"success":false', "there is no picture yet"):
        if words in said:
            return words
    return said


@pytest.mark.parametrize("part", ["Picture", "guide", "mask"])
@pytest.mark.parametrize("shape", SHAPES)
def test_only_what_was_uploaded_is_dreamt_on(visitor, server, content, tmp_path, part, shape):
    """For any path and any kind of request. The answer does not reveal whether the file exists."""
    upload = visitor.upload(content, "in.png")
    (run,) = (folder for folder in server.folder.glob(".dreamify-*") if folder in Path(upload).parents)
    links = run / "links"
    links.mkdir(exist_ok=True)
    for name, target in {"flowers.jpg": FLOWERS, "absent.jpg": ROOT / "absent.jpg"}.items():
        if not (links / name).is_symlink():
            (links / name).symlink_to(target)
    if hasattr(os, "mkfifo") and not (links / "pipe.png").exists():
        os.mkfifo(links / "pipe.png")
    pairs = [
        (str(FLOWERS), str(ROOT / "examples" / "absent.jpg")),
        (f"{run}/../../../../../../..{FLOWERS}", f"{run}/../../../../../../../absent.jpg"),
        (str(links / "flowers.jpg"), str(links / "absent.jpg")),
        (str(links / "pipe.png"), str(run)),
        ("/proc/self/environ", "/proc/self/absent"),
        ("/dev/stdin", "/dev/absent"),
        ("/dev/zero", "noise:64x64"),
    ]
    for there, absent in pairs:
        outcomes = set()
        for path in (there, absent):
            given = {"Picture": {"path": upload}, part: SHAPES[shape](path)}
            outcomes.add(outcome(visitor.dream(given.pop("Picture"), **given)))
        assert outcomes in ({NOT_HERE}, {'"success":false'}), there
    assert "the dream is done (seed 7)" in visitor.dream(SHAPES["both"](upload))


@pytest.mark.parametrize("address", EVENTS)
def test_there_is_one_way_to_ask_for_a_dream(visitor, content, address):
    body = visitor.event({"path": visitor.upload(content, "in.png")})
    answer = visitor.session.post(f"{visitor.url}/{address}", json=body, timeout=30)
    assert answer.status_code == 404
    assert "-seed7.png" not in answer.text


def secret(said):
    """By which the page knows whoever got this answer: the only text of its length in it."""
    (found,) = set(re.findall('"([A-Za-z0-9_-]{22})"', said)) - keys(said)
    return found


def keys(said):
    """Of the dreams in the row."""
    return {key for words, key in re.findall(r'\["([^"]*)","([A-Za-z0-9_-]{22})"\]', said) if "seed" in words}


def test_a_film_without_the_page(visitor, content):
    """The control: the tests below change one thing about this request."""
    ours = secret(visitor.dream(visitor.upload(content, "in.png")))
    assert "the film is done: 2 frames (seed 7)" in visitor.film(ours)
    assert "the film is done: 20 frames (seed 7)" in visitor.film(ours, "zoom", ".webp")


FILMS = [
    *(({"kind": value}, "there is no film that shows") for value in (None, "", "video", 7, [], ["zoom"], {"path": 1})),
    *(({"suffix": value}, "no film is made as") for value in (None, "", ".exe", "../../x.gif", 7, [".gif"], {}, True)),
    *(
        ({"frames": value}, "a zoom on this page has 20 to 50 frames, not")
        for value in (None, 0, 19, 51, -20, 10**9, 10**400, 20.5, "20", "many", [20], {}, True)
    ),
]


def test_films_that_nobody_can_choose(visitor, content):
    ours = secret(visitor.dream(visitor.upload(content, "in.png")))
    for given, words in FILMS:
        for kind in ("growth", "zoom"):
            said = visitor.film(ours, **{"kind": kind, **given})
            assert words in said, given
            assert ".gif" not in said.replace("x.gif", "").replace("[&#x27;.gif&#x27;]", ""), given


def test_only_ones_own_dreams_are_filmed(visitor, server, content):
    """Whatever secret or key is sent; a session does not help without the secret, nor the other way round."""
    said = visitor.dream(visitor.upload(content, "in.png"))
    ours, (key,) = secret(said), keys(said)
    stranger = Visitor(server.url, "stranger")
    for given in (None, "", "guessed", 7, [], {}, key):
        assert "there is no dream yet: dream one first" in stranger.film(given, key=key)
        assert "that dream is not here any more" in visitor.film(given, key=key)
    assert "there is no dream yet" in stranger.film(ours, key=key)
    theirs = secret(stranger.dream(stranger.upload(content, "other.png")))
    assert theirs != ours
    made = stranger.film(theirs, key=key)
    assert "other-inception_4c-seed7-growth.gif" in made
    assert "/in-inception_4c" not in made
    assert "that dream is not here any more" in stranger.film(ours, key=key)


ANYTHING = [
    None,
    "tea",
    7,
    [],
    {},
    ["tiny"],
    {"path": str(FLOWERS)},
    {"path": str(FLOWERS), "meta": MARK},
    str(FLOWERS),
]


@pytest.mark.parametrize("value", ANYTHING)
def test_no_event_opens_what_it_names_or_fails(visitor, server, value):
    """Those that are answered at once, with the same value in every place."""
    before = len(server.log.read_text())
    assert len(visitor.quick) > 8
    for number, count in visitor.quick.items():
        body = {"data": [value] * count, "fn_index": number, "session_hash": visitor.name}
        answer = visitor.session.post(f"{visitor.url}/gradio_api/run/predict", json=body, timeout=30)
        assert "flowers-" not in answer.text
        assert f"file={FLOWERS}" not in answer.text
    files = [path for path in server.folder.rglob("*.jpg") if not path.is_symlink()]
    assert FLOWERS.stat().st_size not in {path.stat().st_size for path in files}
    assert "deepdream" not in server.log.read_text()[before:]  # no traceback of ours; Gradio has some of its own


def test_no_other_host_is_asked_for_anything(visitor, server, canary):
    """Neither by number nor by name; Gradio trusts some names in every request."""
    before = server.names.read_text()
    for host in ("127.0.0.1", "localhost", "canary.example", "huggingface.co"):
        address = f"http://{host}:{canary.server_port}/in.png"
        for number, shape in enumerate(SHAPES.values()):
            for given in ({"Picture": shape(address)}, {"guide": shape(address)}, {"model": shape(address)}):
                said = visitor.dream(given.pop("Picture", None), **given)
                assert "-seed7.png" not in said, (host, number, given)
        event = visitor.event(None, layer={"path": address, "meta": MARK})
        body = {**event, "event_data": {"path": address, "meta": MARK}, "fn_index": 4}
        visitor.session.post(f"{visitor.url}/gradio_api/run/predict", json=body, timeout=30)
        for route in ("gradio_api/file=", "file=", "gradio_api/file/", "gradio_api/proxy=", "proxy="):
            assert visitor.session.get(f"{visitor.url}/{route}{address}", timeout=30).status_code == 404
    requests.get(f"http://127.0.0.1:{canary.server_port}/seen", timeout=30)
    assert canary.came == ["/seen"]
    assert server.names.read_text()[len(before) :] == ""


def status(server, request):
    """Of the answer to a request as it stands."""
    host, port = server.url.split("//")[1].split(":")
    with socket.create_connection((host, int(port)), 30) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        return int(connection.recv(4096).split(b" ")[1])


@pytest.mark.parametrize(
    ("request_text", "expected"),
    [
        ("GET / HTTP/1.1\nHost: localhost:1\n\n", 200),
        ("GET / HTTP/1.1\nHost: evil.example:7860\n\n", 403),
        ("GET http://localhost/ HTTP/1.1\nHost: evil.example\n\n", 403),
        ("GET / HTTP/1.1\nHost: localhost\nX-Forwarded-Host: evil.example\n\n", 403),
        ("GET / HTTP/1.1\nHost: localhost\nOrigin: http://evil.example\n\n", 403),
        ("GET / HTTP/1.0\n\n", 403),
        ("GET / HTTP/1.1\nHost: localhost\nHost: evil.example\n\n", 403),
        ("OPTIONS /gradio_api/upload HTTP/1.1\nHost: localhost\nOrigin: http://evil.example\n\n", 403),
        ("POST /gradio_api/queue/join HTTP/1.1\nHost: localhost\nOrigin: null\nContent-Length: 2\n\n{}", 403),
        ("POST /gradio_api/upload HTTP/1.1\nHost: localhost\nOrigin: http://localhost:1\nContent-Length: 2\n\n{}", 403),
    ],
)
def test_only_its_own_names_and_its_own_page(server, request_text, expected):
    answered = status(server, request_text)
    assert answered == expected or (expected == 403 and answered == 400)  # by the HTTP server below Gradio


def test_what_a_browser_is_told(visitor, content):
    """With every answer, including failures."""
    upload = visitor.upload(content, "in.png")
    for path in ("", "absent", "theme.css", f"gradio_api/file={upload}"):
        answer = visitor.session.get(f"{visitor.url}/{path}", timeout=30)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe-eval" not in policy
        assert "unsafe-inline" not in policy.split("script-src")[1]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-frame-options"] == "DENY"


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
        ({"seed": "9" * 5000}, "seed must be a whole number from 0 to 4294967295, not &#x27;99"),
        ({"seed": "\u0663"}, "the dream is done (seed 3)"),
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
    said = visitor.dream(path, octaves=4)
    assert re.search("the dream is done .*seed 7, 2 octaves instead of 4.*20x16", said)
    assert "at most 2 octaves work" in visitor.dream(path, octaves=3)


def test_a_file_that_is_too_large_never_reaches_the_disk(visitor, server):
    def large():
        return {path for path in server.folder.rglob("*") if path.is_file() and path.stat().st_size > 2**20}

    before = large()
    assert visitor.upload(bytes(2**20 + 1), "large.png") == 413
    assert large() <= before
