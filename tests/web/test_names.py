"""The names that the page answers to."""

import socket

import pytest

from deepdream.web.names import Authority, Names, is_same_origin, parse


@pytest.mark.parametrize(
    ("text", "name", "port"),
    [
        ("localhost", "localhost", None),
        ("LocalHost:7860", "localhost", 7860),
        ("127.0.0.1:80", "127.0.0.1", 80),
        ("[::1]:7860", "::1", 7860),
        ("[0:0:0:0:0:0:0:1]", "::1", None),
        ("[2001:DB8::1]:1", "2001:db8::1", 1),
        ("dreams.example", "dreams.example", None),
    ],
)
def test_what_a_host_header_says(text, name, port):
    assert parse(text) == Authority(name, port)


@pytest.mark.parametrize(
    "text",
    ["", ":80", "::1", "[::1", "[]", "[localhost]", "a:b", "a:", "a:123456", "a@b", "a/b", "a b", "a:80:80", "[::1]x"],
)
def test_what_is_no_host(text):
    assert parse(text) is None


LOOPBACK = ["localhost", "127.0.0.1", "::1"]


@pytest.mark.parametrize(
    ("host", "allowed", "answered", "refused"),
    [
        ("127.0.0.1", (), LOOPBACK, ["evil.example", "127.0.0.2", "192.0.2.1", "0.0.0.0", "localhost.evil.example"]),
        ("localhost", (), LOOPBACK, ["evil.example", "localhost."]),
        ("192.0.2.1", (), [*LOOPBACK, "192.0.2.1"], ["192.0.2.2", "evil.example"]),
        ("::1", (), LOOPBACK, ["2001:db8::1"]),
        (
            "0.0.0.0",
            (),
            [*LOOPBACK, "192.0.2.1", "2001:db8::1"],
            ["evil.example", "1.evil.example", "192.0.2.1.nip.io"],
        ),
        ("::", (), [*LOOPBACK, "192.0.2.1"], [socket.gethostname() + ".evil.example"]),
        ("127.0.0.1", ("Dreams.Example", "192.0.2.7"), ["dreams.example", "192.0.2.7"], ["example", "192.0.2.8"]),
        ("127.0.0.1", ("[2001:DB8::7]",), ["2001:db8::7"], ["2001:db8::8"]),
    ],
)
def test_which_names_it_answers_to(host, allowed, answered, refused):
    names = Names(host, allowed)
    assert [name for name in answered if name not in names] == []
    assert [name for name in refused if name in names] == []


@pytest.mark.parametrize(
    ("origin", "server", "is_same"),
    [
        ("http://localhost:7860", "localhost:7860", True),
        ("HTTP://LOCALHOST:7860", "localhost:7860", True),
        ("http://[::1]:7860", "[::1]:7860", True),
        ("https://dreams.example", "dreams.example", True),
        ("https://dreams.example:443", "dreams.example", True),
        ("http://dreams.example", "dreams.example:80", True),
        ("http://localhost:8000", "localhost:7860", False),
        ("http://localhost", "localhost:7860", False),
        ("http://127.0.0.1:7860", "localhost:7860", False),
        ("http://evil.example", "localhost:7860", False),
        ("http://localhost:7860.evil.example", "localhost:7860", False),
        ("http://localhost:7860@evil.example", "localhost:7860", False),
        ("null", "localhost:7860", False),
        ("", "localhost:7860", False),
        ("file://", "localhost:7860", False),
        ("chrome-extension://localhost:7860", "localhost:7860", False),
    ],
)
def test_who_is_of_the_same_origin(origin, server, is_same):
    assert is_same_origin(origin, parse(server)) == is_same
