"""What stands before Gradio's server, asked without one."""

import asyncio
import json
import re

import pytest

from deepdream.settings import WebSettings
from deepdream.web.guard import Guard
from deepdream.web.names import Names
from deepdream.web.storage import NOT_HERE, Storage

LIMIT = 100_000  # bytes of a file
SCRIPT = "look()"


class Asked:
    """A guard before an application that notes what reaches it, and answers it."""

    def __init__(self, folder, document=b"here"):
        settings = WebSettings(upload=LIMIT, upload_hourly=10 * LIMIT)
        self.guard = Guard(self, Names("127.0.0.1", ["dreams.example"]), Storage(folder, settings), settings, (SCRIPT,))
        self.document, self.reached = document, []

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.reached.append((scope, body))
        headers = [(b"content-type", b"text/html"), (b"referrer-policy", b"unsafe-url")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in (self.document[:9], self.document[9:]):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def ask(self, method, path, headers=(), body=b"", host="localhost:7860", kind="http", query=b""):
        """The status, the headers and the body of the answer."""
        pairs = [*([("host", host)] if host else []), ("content-length", str(len(body))), *headers]
        raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
        scope = {
            "type": kind,
            "method": method,
            "path": path,
            "query_string": query,
            "headers": raw,
            "client": ("192.0.2.1", 5),
        }
        parts = [body[start : start + 100] for start in range(0, len(body), 100)] or [b""]
        coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        coming[-1]["more_body"] = False
        sent = []

        async def receive():
            return coming.pop(0) if coming else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        asyncio.run(self.guard(scope, receive, send))
        self.left = coming
        if sent[0]["type"] != "http.response.start":
            return sent[0]
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:])


@pytest.fixture
def asked(tmp_path):
    return Asked(tmp_path)


EVENT = json.dumps({"data": [], "fn_index": 1}).encode()


def gradios_addresses():
    """Every method and path that Gradio's server answers to, with something in the place of what varies."""
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
    """Of all that this version of Gradio answers to."""
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
    # A file is looked for, see below; of the events that do not wait in line, predict is the one that the page has.
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


def test_an_event_reaches_gradio_without_the_marks_of_files(asked):
    file = {"path": "http://localhost/", "meta": {"_type": "gradio.FileData"}, "url": "x"}
    body = json.dumps({"data": [file, [[file]], {"a": {"b": file}}, "text", 1.5, None], "event_data": file}).encode()
    for path in ("/gradio_api/queue/join", "/gradio_api/run/predict"):
        assert asked.ask("POST", path, [("transfer-encoding", "chunked")], body)[0] == 200
    for scope, reached in asked.reached:
        bare = {"path": "http://localhost/", "url": "x"}
        assert json.loads(reached) == {
            "data": [bare, [[bare]], {"a": {"b": bare}}, "text", 1.5, None],
            "event_data": bare,
        }
        lengths = [value for name, value in scope["headers"] if name in (b"content-length", b"transfer-encoding")]
        assert lengths == [str(len(reached)).encode()]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"data=1",
        b"{",
        b"\xff\xfe",
        b"[" * 5000 + b"]" * 5000,
        b'{"a": NaN}',
        b"1" * 5000,
        b"[1]",
        b'"text"',
        b'{"path": 1, "path": 2',
    ],
    ids=lambda body: repr(body[:9]),
)
def test_what_is_no_event_does_not_reach_gradio(asked, body):
    assert asked.ask("POST", "/gradio_api/queue/join", body=body)[0] == 400
    assert asked.reached == []


def test_the_size_of_an_event_is_limited(asked):
    assert asked.ask("POST", "/gradio_api/queue/join", body=b" " * 20_000 + EVENT)[0] == 413
    assert asked.reached == []


def test_the_size_of_a_query_is_limited(asked):
    """Gradio keeps the names of uploads and visits in it."""
    assert asked.ask("GET", "/gradio_api/upload_progress", query=b"upload_id=abc")[0] == 200
    assert asked.ask("GET", "/gradio_api/upload_progress", query=b"upload_id=" + b"a" * 250)[0] == 414
    assert len(asked.reached) == 1


def test_uploads_are_counted_before_they_are_read(asked):
    upload = ("POST", "/gradio_api/upload")
    assert asked.ask(*upload, body=bytes(LIMIT))[0] == 200
    status, _, words = asked.ask(*upload, body=bytes(LIMIT + 20_000))
    assert status == 413
    assert words.startswith(b"0.1MB is the limit for a file: ")
    assert asked.left == []  # all was read, so that a browser hears the answer
    while status != 429:
        status, _, words = asked.ask(*upload, body=bytes(LIMIT))
    assert b" of uploads per hour is the limit: try again" in words
    assert sum(len(body) for _, body in asked.reached) <= 10 * LIMIT


@pytest.mark.parametrize(
    "headers",
    [[("content-length", "5")], [("transfer-encoding", "chunked")]],
)
def test_an_upload_says_how_long_it_is(asked, headers):
    assert asked.ask("POST", "/gradio_api/upload", headers, bytes(9))[0] == 411
    assert asked.reached == []


def test_a_document_may_run_its_own_scripts_alone(tmp_path):
    document = b"<html><script>one()</script><script src='x.js'></script><SCRIPT type=a>two\n()</SCRIPT></html>"
    status, headers, body = Asked(tmp_path, document).ask("GET", "/")
    assert (status, body) == (200, document)
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["script-src"].split() == [
        "'self'",  # the others are by printf 'look()' | openssl dgst -sha256 -binary | base64
        "'sha256-9aoYu6AhR1u6WyoZ4nqQeCAR2uacraS+m/WWfdfKUrk='",
        "'sha256-HR7iaask9daLMRRskMI++QeJtjWDOjyPA6lGzYGzKW4='",
        "'sha256-H5DGtMZ016V+DkfpwSugqLSWIErNB+OAMrvMtLFwyp8='",
    ]
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


def test_what_reaches_gradio_says_less_than_was_asked(asked):
    """Not how it may be compressed, not which part is wanted, and not what it should take for its own address."""
    asked.ask(
        "GET", "/", [("accept-encoding", "br"), ("range", "bytes=0-1"), ("x-gradio-server", "http://evil.example")]
    )
    names = [name for name, _ in asked.reached[0][0]["headers"]]
    assert names == [b"host", b"content-length"]


def test_a_websocket_is_closed(asked):
    assert asked.ask("GET", "/", kind="websocket")["type"] == "websocket.close"
    assert asked.reached == []
