"""A model zoo of two small nets, with a mirror that has their files: fixtures for the tests of zoo.py."""

import functools
import hashlib
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deepdream.modelzoo import zoo
from tests.helpers.nets import input_layer, layer, net_bytes

RESAVED = b"the same weights, saved again"
TEXT = input_layer((1, 3, 2, 2)) + layer("fc", "InnerProduct", "data", param="inner_product_param { num_output: 2 }")
with tempfile.TemporaryDirectory() as _folder:
    NET, WEIGHTS = net_bytes(Path(_folder), TEXT)


def sha256(body):
    return hashlib.sha256(body).hexdigest()


@pytest.fixture(autouse=True)
def nobodys_home(tmp_path, monkeypatch):
    """An empty home, no $DREAMIFY_MODELS, and the current folder an empty one."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / ".cache"))
    monkeypatch.delenv("DREAMIFY_MODELS", raising=False)
    monkeypatch.setenv("NO_PROXY", "*")
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "home" / ".cache" / "dreamify" / "models"


@pytest.fixture
def own(tmp_path, monkeypatch):
    folder = tmp_path / "own"
    folder.mkdir()
    monkeypatch.setenv("DREAMIFY_MODELS", str(folder))
    return folder


@pytest.fixture
def site(tmp_path):
    """A mirror with both files of every model in `project`; its `asked` counts what was asked for."""
    folder, asked = tmp_path / "site", []
    folder.mkdir()
    (folder / "deploy.prototxt").write_bytes(NET)
    (folder / "net.caffemodel").write_bytes(WEIGHTS)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    server.asked, server.folder = asked, folder
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch, site):
    """A models folder with two known models: `summed` has published sums, `unsummed` none of its weights."""
    folder = tmp_path / "project" / "models"
    address = f"http://127.0.0.1:{site.server_port}"
    for name, sums in (("summed", {WEIGHTS: "official", RESAVED: "saved again"}), ("unsummed", {})):
        (folder / name).mkdir(parents=True)
        accepted = {sha256(body): word for body, word in sums.items()}
        (folder / name / "readme.md").write_text(
            f"---\nname: A net\ncaffemodel: net.caffemodel\ncaffemodel_url: {address}/net.caffemodel\n"
            f"sources: ['{address}/absent', '{address}/net.caffemodel']\nsha256: {accepted}\n"
            f"prototxt:\n  urls: ['{address}/deploy.prototxt']\n  sha256: {{{sha256(NET)}: official}}\n"
            "mean: [1, 2.5, 3]\nclasses: places205\nlayers:\n  conv1: edges\n---\nA net.\n"
        )
    monkeypatch.setattr(zoo, "_project_models", lambda: folder)
    return folder


def put(folder, weights=WEIGHTS, net=NET):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "deploy.prototxt").write_bytes(net)
    (folder / "net.caffemodel").write_bytes(weights)
    return folder
