"""The guard in front of Gradio's server, tested without a server."""

import gzip
import re

import pytest

from deepdream.web.storage import NOT_HERE
from tests.web.asked import EVENT, Asked


def gradios_addresses():
    """All methods and paths that Gradio's server answers to, with a value for each path parameter."""
    gradio = pytest.importorskip("gradio", reason="the page needs Gradio")
    with gradio.Blocks(analytics_enabled=False) as blocks:
        gradio.Markdown("")
    app = gradio.routes.App.create_app(blocks)

    def leaves(routes, prefix=""):
        for route in routes:
            inner = getattr(route, "routes", None) or getattr(getattr(route, "original_router", None), "routes", ())
            if getattr(route, "methods", None):
                yield from ((method, prefix + re.sub(r"\{[^}]*\}", "0", route.path)) for method in route.methods)
            yield from leaves(inner, prefix)

    return sorted(set(leaves(app.routes)))


NEEDED = {
    *(("GET", path) for path in ("/", "/favicon.ico", "/manifest.json", "/theme.css", "/assets/0", "/static/0")),
    *(("GET", f"/gradio_api/{path}") for path in ("startup-events", "app_id", "upload_progress", "queue/data")),
    *(("GET", f"/gradio_api/{path}") for path in ("heartbeat/0", "file=0")),
    *(("POST", f"/gradio_api/{path}") for path in ("queue/join", "run/0", "upload")),
    *(("HEAD", path) for path in ("/", "/gradio_api/file=0")),
}


def test_what_the_page_does_not_need_is_not_there(asked, tmp_path, monkeypatch):
    """Of all routes of this version of Gradio."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    addresses = gradios_addresses()
    assert len(addresses) > 60
    assert set(addresses) >= NEEDED
    open_ones = set()
    for method, path in addresses:
        reached = len(asked.reached)
        status, *_ = asked.ask(method, path, body=EVENT if method == "POST" else b"")
        assert status == (200 if len(asked.reached) > reached else 404)
        if status == 200:
            open_ones.add((method, path))
    # Files are checked below. Of the events without a queue, the page uses only predict.
    assert open_ones == NEEDED - {
        ("GET", "/gradio_api/file=0"),
        ("HEAD", "/gradio_api/file=0"),
        ("POST", "/gradio_api/run/0"),
    }
    assert asked.ask("POST", "/gradio_api/run/predict", body=EVENT)[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/gradio_api/deep_link", "/gradio_api/proxy=http://localhost", "/gradio_api/call/_dream", "/api/_dream"),
        *("/gradio_api/api/_dream", "/gradio_api/run/_dream", "/gradio_api/component_server", "/gradio_api/file/etc"),
        *(
            "/config",
            "/docs",
            "/openapi.json",
            "/login",
            "/monitoring",
            "//",
            "/\n",
            "",
            "/assets",
            "/assets/",
            "/x/assets/y",
        ),
        *("/gradio_api/queue/join/", "/gradio_api//upload", "/GRADIO_API/upload", "/gradio_api/heartbeat/a/b"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"])
def test_nothing_else_is_there_either(asked, method, path):
    assert asked.ask(method, path, body=EVENT)[0] == 404
    assert asked.reached == []


def test_only_files_of_this_run_are_served(asked, tmp_path):
    (tmp_path / "dream.png").write_bytes(b"picture")
    for path in ("/etc/passwd", "http://localhost/", "https://huggingface.co/x", "", "file:///etc/passwd", tmp_path):
        status, *_ = asked.ask("GET", f"/gradio_api/file={path}")
        assert status == 404
    assert asked.reached == []
    assert asked.ask("GET", f"/gradio_api/file={tmp_path}/absent.png")[2].decode() == f"{NOT_HERE}\n"
    assert asked.ask("GET", f"/gradio_api/file={tmp_path}/dream.png")[0] == 200


ALWAYS = [("GET", "/"), ("POST", "/gradio_api/queue/join"), ("POST", "/gradio_api/upload")]


@pytest.mark.parametrize(("method", "path"), ALWAYS)
@pytest.mark.parametrize(
    ("host", "more", "status"),
    [
        ("localhost:7860", [], 200),
        ("127.0.0.1:7860", [], 200),
        ("[::1]", [], 200),
        ("dreams.example", [], 200),
        ("evil.example:7860", [], 403),
        ("", [], 403),
        (None, [], 403),
        ("localhost:7860", [("host", "localhost:7860")], 403),
        ("localhost:7860", [("host", "evil.example")], 403),
        ("localhost:7860", [("x-forwarded-host", "dreams.example")], 200),
        ("localhost:7860", [("x-forwarded-host", "evil.example")], 403),
        ("evil.example", [("x-forwarded-host", "localhost:7860")], 403),
        ("localhost:7860", [("x-forwarded-host", "dreams.example"), ("x-forwarded-host", "evil.example")], 403),
        ("localhost:7860", [("origin", "http://localhost:7860")], 200),
        ("dreams.example", [("origin", "https://dreams.example")], 200),
        ("localhost:7860", [("origin", "https://dreams.example"), ("x-forwarded-host", "dreams.example")], 200),
        ("localhost:7860", [("origin", "http://localhost:8000")], 403),
        ("localhost:7860", [("origin", "http://evil.example:7860")], 403),
        ("localhost:7860", [("origin", "null")], 403),
        ("localhost:7860", [("origin", "")], 403),
        ("localhost:7860", [("origin", "http://localhost:7860"), ("origin", "http://evil.example")], 403),
        ("localhost:7860", [("referer", "http://localhost:7860/")], 200),
    ],
)
def test_it_answers_to_its_names_and_to_itself(asked, method, path, host, more, status):
    answered, headers, _ = asked.ask(method, path, more, EVENT, host=host)
    assert (answered, len(asked.reached)) == (status, int(status == 200))
    assert headers["x-frame-options"] == "DENY"


def test_a_page_elsewhere_may_have_a_link_here_and_no_more(asked):
    referer = [("referer", "http://evil.example/page?here")]
    assert asked.ask("GET", "/", referer)[0] == 200
    assert asked.ask("POST", "/gradio_api/queue/join", referer, EVENT)[0] == 403


def test_a_document_may_run_its_own_scripts_alone(tmp_path):
    document = b"<html><script>one()</script><script src='x.js'></script><SCRIPT type=a>two\n()</SCRIPT></html>"
    status, headers, body = Asked(tmp_path, document).ask("GET", "/")
    assert (status, body) == (200, document)
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["script-src"].split() == [
        "'self'",  # the other hashes: printf 'look()' | openssl dgst -sha256 -binary | base64
        "'sha256-9aoYu6AhR1u6WyoZ4nqQeCAR2uacraS+m/WWfdfKUrk='",
        "'sha256-HR7iaask9daLMRRskMI++QeJtjWDOjyPA6lGzYGzKW4='",
        "'sha256-H5DGtMZ016V+DkfpwSugqLSWIErNB+OAMrvMtLFwyp8='",
    ]
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_document_is_compressed_for_who_takes_it(tmp_path):
    """With the same policy; what visitors sent is not compressed."""
    document = b"<html><script>one()</script>" + b"<p>" * 999
    plain, zipped = (
        Asked(tmp_path, document).ask("GET", "/", more) for more in ([], [("accept-encoding", "br, gzip")])
    )
    assert gzip.decompress(zipped[2]) == plain[2] == document
    assert (zipped[1]["content-encoding"], zipped[1]["content-length"]) == ("gzip", str(len(zipped[2])))
    assert zipped[1]["content-security-policy"] == plain[1]["content-security-policy"]
    (tmp_path / "dream.png").write_bytes(b"picture")
    asked = Asked(tmp_path)
    for path, is_ours in (
        ("/assets/x.js", True),
        ("/theme.css", True),
        (f"/gradio_api/file={tmp_path}/dream.png", False),
    ):
        assert asked.ask("GET", path, [("accept-encoding", "br")])[0] == 200
        assert ((b"accept-encoding", b"br") in asked.reached[-1][0]["headers"]) == is_ours


def test_what_reaches_gradio_says_less_than_was_asked(asked):
    """No compression, no range, and no address that Gradio should take as its own."""
    asked.ask(
        "GET", "/", [("accept-encoding", "br"), ("range", "bytes=0-1"), ("x-gradio-server", "http://evil.example")]
    )
    names = [name for name, _ in asked.reached[0][0]["headers"]]
    assert names == [b"host", b"content-length"]


PARTS = [
    (None, 200, "0123456789"),
    ("bytes=0-1", 206, "01"),
    ("bytes=0-", 206, "0123456789"),
    ("bytes=4-99", 206, "456789"),
    ("bytes=-3", 206, "789"),
    ("bytes=0-0,2-3", 200, "0123456789"),
    (f"bytes=0-{'9' * 5000}", 200, "0123456789"),
    ("bytes=-", 200, "0123456789"),
    ("lines=0-1", 200, "0123456789"),
    ("bytes=99-", 416, ""),
]


@pytest.mark.parametrize(("part", "status", "body"), PARTS)
def test_a_film_is_sent_in_parts_by_the_guard_itself(asked, tmp_path, part, status, body):
    """Safari plays none otherwise. Other files are Gradio's, which hears of no range."""
    pytest.importorskip("starlette", reason="the page needs Gradio")
    (tmp_path / "zoom.mp4").write_bytes(b"0123456789")
    more = [("range", part), ("x-secret", "mine")] if part else [("if-range", "x")]
    answered, headers, sent = asked.ask("GET", f"/gradio_api/file={tmp_path}/zoom.mp4", more)
    assert (answered, sent.decode()) == (status, body)
    assert asked.reached == []
    assert headers["x-content-type-options"] == "nosniff"
    assert "mine" not in str(headers)
    if status != 416:
        assert headers["content-type"] == "video/mp4"
        assert headers["content-length"] == str(len(body))
        assert headers["accept-ranges"] == "bytes"
    assert asked.ask("GET", "/gradio_api/file=/etc/absent.mp4", more)[0] == 404
    (tmp_path / "dream.png").write_bytes(b"picture")
    assert asked.ask("GET", f"/gradio_api/file={tmp_path}/dream.png", more)[0] == 200
    assert b"range" not in [name for name, _ in asked.reached[0][0]["headers"]]


def test_a_websocket_is_closed(asked):
    assert asked.ask("GET", "/", kind="websocket")["type"] == "websocket.close"
    assert asked.reached == []
