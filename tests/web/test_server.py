"""The server from its owner's view: messages, addresses, and files that must not remain."""

import re
import signal
import socket
import sys
from pathlib import Path

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
    assert visitor.upload(content, "in.png") == 429
    (run,) = server.folder.iterdir()
    assert run.stat().st_mode & 0o077 == 0  # other users of this machine cannot open it
    code, said = end(server)
    assert code == 0
    lines = said.splitlines()
    assert re.fullmatch(rf"dreamify: .*{re.escape(server.url)}.*Ctrl-C.*", lines[0])
    assert re.fullmatch(r"dreamify: the page .*ended", lines[-1])
    assert list(server.folder.iterdir()) == []


def test_sigterm_ends_it_in_the_midst_of_a_dream(serve, tmp_path):
    """With a warning if it listens on every address of this machine."""
    server = serve("--host", "0.0.0.0")
    visitor = Visitor(server.url, "somebody")
    content = Path(tiny_picture(tmp_path / "in.png", 1000, 900)).read_bytes()
    assert visitor.join(visitor.upload(content, "in.png"), iterations=100).ok
    code, said = end(server, signal.SIGTERM)
    assert code == 0
    port = server.url.rsplit(":")[-1]
    assert re.search(rf"^dreamify: .*http://localhost:{port}\b", said, re.MULTILINE)
    assert re.search(rf"^dreamify: anybody on the network .*port {port}\b", said, re.MULTILINE)
    assert "--allow-host NAME" in said
    assert "Traceback" not in said
    assert list(server.folder.iterdir()) == []


def test_what_a_killed_one_has_left_is_cleared_by_the_next(serve, tmp_path):
    """It also answers to the names of --allow-host."""
    killed = serve(folder=tmp_path)
    visitor = Visitor(killed.url, "somebody")
    upload = Path(visitor.upload(Path(tiny_picture(tmp_path / "in.png")).read_bytes(), "in.png"))
    killed.process.kill()
    killed.process.wait(30)
    assert upload.is_file()
    next_one = serve("--allow-host", "dreams.example", "--allow-host", "a.example,b.example", folder=tmp_path)
    assert not upload.exists()
    assert len(list(tmp_path.glob(".dreamify-*"))) == 1
    for host, status in {"dreams.example": 200, "b.example": 200, "c.example": 403}.items():
        assert visitor.session.get(next_one.url, headers={"host": host}, timeout=30).status_code == status


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
