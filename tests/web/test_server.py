"""The server as its owner has it: what it says, where it listens, and that nothing stays behind."""

import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from deepdream import web
from deepdream.cli import main
from tests.tiny import tiny_picture
from tests.web.visitors import Visitor, end, free_port


def test_ctrl_c_ends_it_and_nothing_stays_behind(serve, tmp_path):
    server = serve()
    visitor = Visitor(server.url, "somebody")
    content = Path(tiny_picture(tmp_path / "in.png")).read_bytes()
    assert "the dream is done" in visitor.dream(visitor.upload(content, "in.png"))
    assert len(list(server.folder.rglob("*.png"))) == 3  # the picture, before, and after
    code, said = end(server.process)
    assert code == 0
    lines = said.splitlines()
    assert lines[0] == f"dreamify: the page is at {server.url}, Ctrl-C ends it"
    assert lines[-1] == "dreamify: the page has ended"
    assert list(server.folder.iterdir()) == []


def test_sigterm_ends_it_in_the_midst_of_a_dream(serve, tmp_path):
    """And on every address of this machine, of which it warns."""
    server = serve("--host", "0.0.0.0")
    visitor = Visitor(server.url, "somebody")
    content = Path(tiny_picture(tmp_path / "in.png", 1000, 900)).read_bytes()
    visitor.join(visitor.upload(content, "in.png"), iterations=100)
    code, said = end(server.process, signal.SIGTERM)
    assert code == 0
    port = server.url.rsplit(":")[-1]
    assert f"dreamify: the page is at http://localhost:{port}, Ctrl-C ends it" in said
    assert f"dreamify: anybody on the network can use it, at port {port} of this machine" in said
    assert "Traceback" not in said
    assert list(server.folder.iterdir()) == []


def test_a_port_that_is_taken(net, capsys):
    pytest.importorskip("gradio", reason="the page needs Gradio")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["web", "--port", str(port), "--model", net]) == 1
    words = rf"dreamify: nothing can listen on 127.0.0.1, port {port} \(.*\): choose --port or --host\n"
    assert re.fullmatch(words, capsys.readouterr().err)


def test_an_address_that_is_not_here(net, capsys):
    pytest.importorskip("gradio", reason="the page needs Gradio")
    assert main(["web", "--host", "192.0.2.1", "--port", str(free_port()), "--model", net]) == 1
    assert "nothing can listen on 192.0.2.1" in capsys.readouterr().err


def test_without_gradio(net, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.delitem(sys.modules, "deepdream.web.page", raising=False)
    monkeypatch.delattr(web, "page", raising=False)
    assert main(["web", "--model", net]) == 1
    words = "dreamify: the page needs Gradio, which is not installed here: pip install gradio\n"
    assert capsys.readouterr().err == words


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--port", "0"], "port must be a whole number from 1 to 65535, not 0"),
        (["--upload", "much"], "--upload: 'much' is not a size such as 3.5G or 512M"),
        (["--max-size", "10"], "max-size must be a whole number from 64 to 1000000, not 10"),
        (["--megapixels", "0"], "megapixels must be a number above 0, 1000000 at most, not 0"),
    ],
)
def test_wrong_use(capsys, args, words):
    assert main(["web", *args]) == 2
    assert words in capsys.readouterr().err
