"""Downloads from servers on this machine that are down, wrong, cut short or stalled."""

import hashlib
import io
import socket
import subprocess
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from deepdream.errors import DreamError
from deepdream.modelzoo import download as mirrors
from deepdream.modelzoo.card import RemoteFile
from deepdream.modelzoo.download import download

pytest.importorskip("pooch")
pytest.importorskip("tqdm")

WEIGHTS = bytes(range(256)) * 1024  # several of the downloader's blocks
SUM = hashlib.sha256(WEIGHTS).hexdigest()


class Mirror:
    """An HTTP server; `routes` maps a path to what answers it, a function of the request's handler."""

    def __init__(self):
        self.routes, self.asked = {}, []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                mirror.routes.get(self.path, lambda handler: handler.send_error(404))(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def add(self, path, answer):
        self.routes[path] = answer
        return self.address + path


def whole(body, length=None):
    """Answers with this body; a Content-Length greater than the body's makes it one that was cut short."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(length or len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    mirror = Mirror()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()


def a_file(*urls, sums=(SUM,), **archive):
    return RemoteFile("net.caffemodel", urls, sums, **archive)


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/net"


def assert_only_the_weights(folder):
    assert [path.name for path in folder.iterdir()] == ["net.caffemodel"]
    assert (folder / "net.caffemodel").read_bytes() == WEIGHTS


@pytest.mark.parametrize("fault", ["down", "404", "wrong bytes", "cut short"])
def test_a_mirror_that_fails_is_followed_by_the_next(fault, mirror, tmp_path):
    first = {
        "down": closed_port,
        "404": lambda: mirror.address + "/absent",
        "wrong bytes": lambda: mirror.add("/wrong", whole(b"another net")),
        "cut short": lambda: mirror.add("/short", whole(WEIGHTS[:70000], len(WEIGHTS))),
    }[fault]()
    good = mirror.add("/good", whole(WEIGHTS))
    download([a_file(first, good)], tmp_path)
    assert_only_the_weights(tmp_path)
    assert mirror.asked[-1] == "/good"


def test_the_mirrors_behind_the_first_good_one_are_left_alone(mirror, tmp_path):
    download([a_file(mirror.add("/a", whole(WEIGHTS)), mirror.add("/b", whole(WEIGHTS)))], tmp_path)
    assert mirror.asked == ["/a"]


@pytest.mark.parametrize("when", ["before the head", "within the body"])
def test_a_stalled_mirror_is_given_up(when, mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(mirrors, "STALL_SECONDS", 0.3)
    release = threading.Event()

    def stall(handler):
        if when == "within the body":
            whole(WEIGHTS[:70000], len(WEIGHTS))(handler)
        release.wait(10)

    started = time.monotonic()
    download([a_file(mirror.add("/stalled", stall), mirror.add("/good", whole(WEIGHTS)))], tmp_path)
    assert time.monotonic() - started < 5
    release.set()
    assert_only_the_weights(tmp_path)
    assert mirror.asked == ["/stalled", "/good"]


def test_a_body_cut_short_is_refused_where_no_sum_could_tell(mirror, tmp_path, monkeypatch):
    requests = pytest.importorskip("requests")
    url = mirror.add("/short", whole(WEIGHTS[:70000], len(WEIGHTS)))
    with pytest.raises(DreamError, match=r"lost|incomplete"):
        download([a_file(url, sums=())], tmp_path)
    # urllib3 before 2 ends such a body without a word.
    get = requests.get

    def forgiving(*args, **kwargs):
        response = get(*args, **kwargs)
        response.raw.enforce_content_length = False
        return response

    monkeypatch.setattr(requests, "get", forgiving)
    with pytest.raises(DreamError, match="incomplete"):
        download([a_file(url, sums=())], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_nothing_lies_under_the_name_before_it_is_whole(mirror, tmp_path):
    half_sent, release = threading.Event(), threading.Event()

    def slow(handler):
        whole(WEIGHTS[:70000], len(WEIGHTS))(handler)
        half_sent.set()
        release.wait(10)
        handler.wfile.write(WEIGHTS[70000:])

    thread = threading.Thread(target=download, args=([a_file(mirror.add("/slow", slow))], tmp_path))
    thread.start()
    assert half_sent.wait(10)
    try:
        assert not (tmp_path / "net.caffemodel").exists()
    finally:
        release.set()
        thread.join(10)
    assert_only_the_weights(tmp_path)


def test_two_processes_may_download_the_same_file_at_once(mirror, tmp_path):
    together = threading.Barrier(2, timeout=20)

    def meet(handler):
        together.wait()
        whole(WEIGHTS)(handler)

    url = mirror.add("/net", meet)
    program = (
        "import pathlib; from deepdream.modelzoo.download import *;"
        f"download([RemoteFile('net.caffemodel', ({url!r},), ({SUM!r},))], pathlib.Path({str(tmp_path)!r}))"
    )
    root = Path(mirrors.__file__).parents[2]
    processes = [subprocess.Popen([sys.executable, "-c", program], cwd=root) for _ in range(2)]
    assert [process.wait(30) for process in processes] == [0, 0]
    assert mirror.asked == ["/net", "/net"]
    assert_only_the_weights(tmp_path)


def archive(**members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, body in members.items():
            info = tarfile.TarInfo(f"places/{name}")
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    return packed.getvalue()


def test_the_wanted_member_is_taken_out_of_an_archive(mirror, tmp_path):
    packed = archive(labels=b"kitchen", net=WEIGHTS)
    url = mirror.add("/places.tar.gz", whole(packed))
    sha1 = hashlib.sha1(packed).hexdigest()
    download([a_file(url, sums=(), member="places/net", archive_sha1=sha1)], tmp_path)
    assert_only_the_weights(tmp_path)


@pytest.mark.parametrize("fault", ["another archive", "no such member"])
def test_an_archive_that_will_not_do_is_followed_by_the_next_mirror(fault, mirror, tmp_path):
    packed = archive(labels=b"kitchen") if fault == "no such member" else archive(net=b"another net")
    sha1 = hashlib.sha1(packed).hexdigest() if fault == "no such member" else "0" * 40
    urls = mirror.add("/places.tar.gz", whole(packed)), mirror.add("/plain", whole(WEIGHTS))
    download([a_file(*urls, sums=(), member="places/net", archive_sha1=sha1)], tmp_path)
    assert_only_the_weights(tmp_path)


def test_when_all_fail_one_error_names_addresses_reasons_sums_and_the_folder(mirror, tmp_path):
    down, absent = closed_port(), mirror.address + "/absent"
    wrong = mirror.add("/wrong", whole(b"another net"))
    good = RemoteFile("good", (mirror.add("/good", whole(WEIGHTS)),), (SUM,))
    with pytest.raises(DreamError) as caught:
        download([a_file(down, absent, wrong), good, RemoteFile("unsummed", (absent,), ())], tmp_path)
    message = str(caught.value)
    assert f"net.caffemodel (SHA-256 {SUM})" in message
    assert f"{down}: no connection" in message
    assert f"{absent}: 404" in message
    assert f"{wrong}: incomplete, or not the published file" in message
    assert "unsummed (SHA-256 not published)" in message
    assert f"into {tmp_path} by hand" in message
    assert "/good" not in message
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def test_without_pooch_the_error_says_what_to_do(mirror, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pooch", None)
    with pytest.raises(DreamError, match="pip install pooch") as caught:
        download([a_file(mirror.address)], tmp_path)
    assert SUM in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_others_may_read_what_was_downloaded(mirror, tmp_path):
    download([a_file(mirror.add("/net", whole(WEIGHTS)))], tmp_path)
    assert (tmp_path / "net.caffemodel").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize(
    ("progress", "terminal", "shown"), [(True, True, True), (True, False, False), (False, True, False)]
)
def test_a_bar_is_shown_when_wanted_and_on_a_terminal(progress, terminal, shown, mirror, tmp_path, monkeypatch):
    stderr = io.StringIO()
    stderr.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", stderr)
    download([a_file(mirror.add("/net", whole(WEIGHTS)))], tmp_path, progress)
    assert ("net.caffemodel" in stderr.getvalue()) == shown
    assert bool(stderr.getvalue()) == shown
