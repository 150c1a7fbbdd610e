"""What the guard does with the bodies of requests: events and uploads."""

import json

import pytest

from tests.web.asked import EVENT, LIMIT


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
    """Gradio stores the names of uploads and sessions in the query."""
    assert asked.ask("GET", "/gradio_api/upload_progress", query=b"upload_id=abc")[0] == 200
    assert asked.ask("GET", "/gradio_api/upload_progress", query=b"upload_id=" + b"a" * 1020)[0] == 414
    assert len(asked.reached) == 1


def test_uploads_are_counted_before_they_are_read(asked):
    upload = ("POST", "/gradio_api/upload")
    assert asked.ask(*upload, body=bytes(LIMIT))[0] == 200
    status, _, words = asked.ask(*upload, body=bytes(LIMIT + 20_000))
    assert status == 413
    assert words.startswith(b"0.1MB is the limit for a file: ")
    assert asked.left == []  # everything was read, or a browser would not read the answer
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
