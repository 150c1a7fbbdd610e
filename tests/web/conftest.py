"""Fixtures for the page: a server in its own process, a headless browser, and parts of the page without a server."""

import contextlib
import signal
import time
from dataclasses import replace

import pytest

from deepdream.pipeline.request import Request
from deepdream.settings import NET, WebSettings
from deepdream.web.dreamer import Dreamer
from deepdream.web.reader import Reader
from deepdream.web.storage import Storage
from tests.helpers.tiny import command, tiny_picture
from tests.web.asked import Asked
from tests.web.visitors import LONG, SHORT, Server, free_port, is_served

PATIENCE = 20_000  # milliseconds
# Records the names of all hosts that a process resolves, and resolves each of them to this machine.
RESOLVER = """
import os, socket

def getaddrinfo(host, *args, **options):
    if isinstance(host, bytes):
        host = host.decode()
    if host and not set(host) <= set("0123456789.:"):
        with open(os.environ["NAMES"], "a") as names:
            print(host, file=names)
        host = "127.0.0.1"
    return whole(host, *args, **options)

whole, socket.getaddrinfo = socket.getaddrinfo, getaddrinfo
"""


@pytest.fixture(scope="session")
def serve(net, tmp_path_factory):
    """Starts a server with the tiny net and the given options."""
    pytest.importorskip("gradio", reason="the page needs Gradio")
    processes = []

    code, notes = tmp_path_factory.mktemp("code"), tmp_path_factory.mktemp("notes")
    names = notes / "names"
    names.touch()
    (code / "sitecustomize.py").write_text(RESOLVER)  # Python runs it at startup

    def served(*args, folder=None):
        folder, port = folder or tmp_path_factory.mktemp("server"), free_port()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(folder))
            patch.setenv("PYTHONPATH", str(code))
            patch.setenv("NAMES", str(names))
            log = notes / f"log-{port}"  # some dozen of Gradio's tracebacks would fill a pipe
            with log.open("wb") as said:
                process = command("web", "--model", net, "--threads", "1", "--port", port, *args, stderr=said)
        processes.append(process)
        url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 60
        while not is_served(url):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return Server(url, folder, process, log, names)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # inherited by the child processes
    yield served
    signal.signal(signal.SIGINT, before)
    for process in processes:
        process.kill()
        process.communicate(timeout=60)
    assert set(names.read_text().split()) <= {"localhost"}


@pytest.fixture(scope="session")
def server(serve):
    """A server that the tests share."""
    return serve("--upload", "1M", "--megapixels", "1")


@pytest.fixture
def visit(chromium, server):
    """Opens the page as one more visitor.

    Fails where any page asked another host, or for what is not there, where a script of it failed, and where it did
    what its policy forbids.
    """
    asked, failed, contexts = [], [], []

    def visited(width=1280, height=900, query=""):
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, accept_downloads=True))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.on(
            "response", lambda answer: failed.append(f"{answer.status} {answer.url}") if answer.status >= 400 else None
        )
        page.on("console", lambda told: failed.append(told.text) if told.type == "error" else None)
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.goto(f"{server.url}/{query}")
        page.get_by_role("button", name="Dream", exact=True).wait_for()
        return page

    yield visited
    for context in contexts:
        context.close()
    assert asked
    assert [url for url in asked if not url.startswith((server.url, "data:", "blob:"))] == []
    assert failed == []


@pytest.fixture(scope="module")
def reader():
    """Reads the pictures of all tests."""
    with contextlib.closing(Reader()) as made:
        yield made


@pytest.fixture
def dreamer(tmp_path, reader):
    """A dreamer, which ends after the test."""
    made = Dreamer(Storage(tmp_path), reader, WebSettings(megapixels=2, waiting=2))
    yield made
    made.close()


@pytest.fixture
def wanted(tmp_path, net):
    """A request for a short dream."""
    return Request(tiny_picture(tmp_path / "in.png"), "in-dream.png", SHORT, net=replace(NET, model=net, threads=1))


@pytest.fixture
def slow(tmp_path, wanted):
    """A request for a dream that lasts longer than a test."""
    source = tiny_picture(tmp_path / "large.png", 1200, 1000)
    return replace(wanted, source=source, dream=replace(LONG, octave_n=2))


@pytest.fixture
def asked(tmp_path):
    """A guard in front of an application that records what reaches it."""
    return Asked(tmp_path)
