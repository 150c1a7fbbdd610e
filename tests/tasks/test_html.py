"""dreamify html: the page that is one file, with a net inside. What the page does is tested in tests/browser."""

import base64
import json
import re
from pathlib import Path

import pytest

from deepdream.cli import main
from deepdream.tasks import html
from tests.helpers.nets import input_layer, layer
from tests.helpers.tiny import ROOT, refused, tiny_net

EMPTY = "<body><!-- net --><p></p></body>"


@pytest.fixture
def page(folder):
    Path("page.html").write_text(EMPTY)
    return "page.html"


def test_the_net_is_in_the_page(page, net, capsys):
    assert main(["html", "out.html", "--model", net, "--page", page]) == 0
    text = Path("out.html").read_text()
    (content,) = re.findall(r'<body><script type="application/json" id="net">(.*)</script><p></p></body>', text)
    inside = json.loads(content)
    assert inside["name"] == Path(net).name
    for key, pattern in (("prototxt", "deploy.prototxt"), ("weights", "*.caffemodel")):
        assert base64.b64decode(inside[key]) == next(Path(net).glob(pattern)).read_bytes()
    assert "out.html is a page with tiny inside" in capsys.readouterr().err


def test_a_name_cannot_end_the_element(page, folder):
    named = tiny_net(folder / "<script>")
    assert main(["html", "out.html", "--model", named, "--page", page]) == 0
    assert Path("out.html").read_text().count("<script") == 1


def test_a_file_that_is_there_is_replaced_only_if_asked(page, net, capsys):
    Path("out.html").write_text("mine")
    line = refused(capsys, Path(), ["html", "out.html", "--model", net, "--page", page], code=2)
    assert "out.html exists: choose another OUT, or replace it with --force" in line
    assert Path("out.html").read_text() == "mine"
    assert main(["html", "out.html", "--model", net, "--page", page, "--force"]) == 0


def test_the_page_itself_is_never_replaced(page, net, capsys):
    line = refused(capsys, Path(), ["html", page, "--model", net, "--page", page, "--force"], code=2)
    assert "is an input, which is never overwritten" in line
    assert Path(page).read_text() == EMPTY


def test_a_page_that_is_not_built(folder, net, capsys, monkeypatch):
    monkeypatch.setattr(html, "_BUILT", Path("nothing.html"))
    line = refused(capsys, Path(), ["html", "out.html", "--model", net])
    assert "the page is not built: run `make browser` in a clone, or name a release's page with --page" in line


def test_another_file_for_the_page(page, net, capsys):
    assert main(["html", "out.html", "--model", net, "--page", page]) == 0
    line = refused(capsys, Path(), ["html", "again.html", "--model", net, "--page", "out.html"])
    assert "out.html is not the page without a net" in line


def test_another_extension(page, net, capsys):
    line = refused(capsys, Path(), ["html", "out.png", "--model", net, "--page", page], code=2)
    assert "out.png should end in .html" in line


def test_a_net_that_the_page_cannot_dream_on(page, folder, capsys):
    text = input_layer((1, 3, 8, 8)) + layer("norm", "BatchNorm", "data") + layer("tanh", "TanH", "norm")
    line = refused(capsys, Path(), ["html", "out.html", "--model", tiny_net(folder / "odd", text), "--page", page])
    assert "cannot dream on most layers of odd, because it does not know BatchNorm, TanH: use another model" in line


def test_the_layers_are_those_of_the_page():
    code = (ROOT / "browser" / "src" / "layers.js").read_text(encoding="utf-8")
    (names,) = re.findall(r"export const KINDS = \{ ([^}]*) \};", code)
    assert set(names.split(", ")) | {"Input", "Split"} == html._KNOWN


def test_the_mark_is_in_the_page_once():
    assert (ROOT / "browser" / "src" / "index.html").read_text(encoding="utf-8").count(html._MARK) == 1
