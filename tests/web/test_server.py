"""The server from its owner's view: messages, addresses, and files that must not remain."""

import re
import signal
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from deepdream import web
from deepdream.cli import main
from tests.helpers.tiny import tiny_picture
from tests.web.visitors import Visitor, end, free_port


def test_ctrl_c_ends_it_and_nothing_stays_behind(serve, tmp_path):
    content = Path(tiny_picture(tmp_path / "in.png")).read_bytes()
    server = serve("--upload-hourly", "100K")  # smaller files count as 64K
    visitor = Visitor(server.url, "somebody")
    assert "the dream is done" in visitor.dream(visitor.upload(content, "in.png"))
    assert len(list(server.folder.rglob("*.png"))) == 3  # the picture, before, and after
    assert len(list(server.folder.rglob("tmp*/*.jpg"))) == 2  # the dream once more, and small
    assert visitor.upload(content, "in.png") == 429
    (run,) = server.folder.iterdir()
    assert run.stat().st_mode & 0o077 == 0  # other users of this machine cannot open it
    code, said = end(server)
    assert code == 0
    lines = said.splitlines()
    assert re.fullmatch(rf"dreamify: .*{re.escape(server.url)}.*Ctrl-C.*", lines[0])
    assert re.fullmatch(r"dreamify: the page .*ended", lines[-1])
    assert list(server.folder.iterdir()) == []


@pytest.fixture(scope="module")
def successors(serve, tmp_path_factory):
    """A server that is killed, and the next, which SIGTERM ends in the midst of a dream: what was seen of each."""
    place, pictures = tmp_path_factory.mktemp("place"), tmp_path_factory.mktemp("pictures")
    killed = serve("--host", "0.0.0.0", folder=place)
    visitor = Visitor(killed.url, "somebody")
    upload = Path(visitor.upload(Path(tiny_picture(pictures / "in.png")).read_bytes(), "in.png"))
    deadline = time.monotonic() + 30
    while "addresses" not in killed.log.read_text() and time.monotonic() < deadline:  # it answers before it says so
        time.sleep(0.05)
    killed.process.kill()
    killed.process.wait(30)
    left = upload.is_file()
    hosts = ["--allow-host", "dreams.example", "--allow-host", "a.example,b.example"]
    ended = serve("--host", "0.0.0.0", *hosts, folder=place)
    left_then, folders = upload.exists(), len(list(place.glob(".dreamify-*")))
    statuses = [
        visitor.session.get(ended.url, headers={"host": host}, timeout=30).status_code
        for host in ("dreams.example", "b.example", "c.example")
    ]
    visitor = Visitor(ended.url, "somebody")
    content = Path(tiny_picture(pictures / "large.png", 1000, 900)).read_bytes()
    begun = visitor.join(visitor.upload(content, "large.png"), iterations=100).ok
    code, said = end(ended, signal.SIGTERM)
    return SimpleNamespace(**locals())


def test_sigterm_ends_it_in_the_midst_of_a_dream(successors):
    """And on every address of this machine, of which it warns."""
    assert successors.begun
    assert successors.code == 0
    for server, said in ((successors.ended, successors.said), (successors.killed, successors.killed.log.read_text())):
        port = server.url.rsplit(":")[-1]
        assert f"dreamify: the page is at http://localhost:{port}, Ctrl-C ends it" in said
        assert f"dreamify: anybody on the network can use it, at port {port} of this machine's addresses" in said
        assert "Traceback" not in said
    assert "--allow-host NAME" in successors.killed.log.read_text()  # which allows none so far
    assert list(successors.place.iterdir()) == []


def test_what_a_killed_one_has_left_is_cleared_by_the_next(successors):
    """Which also answers to the names that it is given."""
    assert successors.left
    assert not successors.left_then
    assert successors.folders == 1
    assert successors.statuses == [200, 200, 403]


def test_a_port_that_is_taken(net, capsys):
    pytest.importorskip("gradio", reason="the page needs Gradio")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["web", "--port", str(port), "--model", net]) == 1
    words = rf"dreamify: cannot listen on 127\.0\.0\.1, port {port} \(.*\): .*--port.*--host\n"
    assert re.fullmatch(words, capsys.readouterr().err)


def test_an_address_that_is_not_here(net, capsys):
    pytest.importorskip("gradio", reason="the page needs Gradio")
    assert main(["web", "--host", "192.0.2.1", "--port", str(free_port()), "--model", net]) == 1
    assert "cannot listen on 192.0.2.1" in capsys.readouterr().err


def test_without_gradio(net, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "deepdream.web.page", raising=False)
    monkeypatch.delattr(web, "page", raising=False)
    assert main(["web", "--model", net]) == 1
    assert re.fullmatch(r"dreamify: .*Gradio.*: pip install gradio\n", capsys.readouterr().err)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--port", "0"], "port must be a whole number from 1 to 65535, not 0"),
        (["--upload", "much"], "--upload: 'much' is not a size such as 3.5G or 512M"),
        (["--max-size", "10"], "max-size must be a whole number from 64 to 1000000, not 10"),
        (["--megapixels", "0"], "megapixels must be a number above 0 and at most 1000000, not 0"),
        (["--allow-host", "http://a.example"], "such as dreams.example, not 'http://"),
        (
            ["--allow-host", "a.example:80"],
            "such as dreams.example, not 'a.example:80'",
        ),
        (["--allow-host", "a:1"], "such as dreams.example, not 'a:1'"),
        (["--storage", "0"], "storage must be a size such as 3.5G or 512M above 0 and at most 1024T, not 0"),
    ],
)
def test_wrong_use(capsys, args, words):
    assert main(["web", *args]) == 2
    assert words in capsys.readouterr().err
