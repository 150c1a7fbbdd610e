"""Downloads from servers on this machine that are down, wrong, cut short or stalled."""

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import pytest

from deepdream.errors import DreamError
from deepdream.modelzoo import download as mirrors
from deepdream.modelzoo.card import ModelFile, Source
from deepdream.modelzoo.download import download
from tests.helpers.mirror import Mirror, closed_port, stalled, whole
from tests.helpers.nets import input_layer, layer, write_net

pytest.importorskip("requests")
pytest.importorskip("tqdm")

WEIGHTS = bytes(range(256)) * 1024  # several of the downloader's blocks
SUM = hashlib.sha256(WEIGHTS).hexdigest()


@pytest.fixture
def mirror(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    mirror = Mirror()
    yield mirror
    mirror.server.shutdown()
    mirror.server.server_close()


def a_file(*urls, sums=(SUM,), kind="caffemodel", **source):
    return ModelFile("net.caffemodel", sums, (Source(kind, urls, **source),))


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

    stall = stalled(release, WEIGHTS[:70000] if when == "within the body" else b"", len(WEIGHTS))
    started = time.monotonic()
    download([a_file(mirror.add("/stalled", stall), mirror.add("/good", whole(WEIGHTS)))], tmp_path)
    assert time.monotonic() - started < 5
    release.set()
    assert_only_the_weights(tmp_path)
    assert mirror.asked == ["/stalled", "/good"]


@pytest.fixture
def unsummed(tmp_path):
    """The description and the weights of a net of which no sum is known, as paths."""
    (tmp_path / "there").mkdir()
    fc = layer("fc", "InnerProduct", "data", param="inner_product_param { num_output: 1000 }")
    net = write_net(tmp_path / "there", input_layer((1, 3, 8, 8)) + fc)
    return net.prototxt, net.weights


def test_a_body_cut_short_is_refused_where_no_sum_could_tell(mirror, tmp_path, monkeypatch, unsummed):
    requests, (prototxt, weights) = pytest.importorskip("requests"), unsummed
    (tmp_path / "here").mkdir()
    body = weights.read_bytes()
    url = mirror.add("/short", whole(body[:70000], len(body)))
    with pytest.raises(DreamError, match=r"lost|incomplete"):
        download([a_file(url, sums=())], tmp_path / "here", prototxt=prototxt)
    # urllib3 before 2 ends such a body without a word.
    get = requests.Session.get

    def forgiving(*args, **kwargs):
        response = get(*args, **kwargs)
        response.raw.enforce_content_length = False
        return response

    monkeypatch.setattr(requests.Session, "get", forgiving)
    with pytest.raises(DreamError, match="incomplete"):
        download([a_file(url, sums=())], tmp_path / "here", prototxt=prototxt)
    assert list((tmp_path / "here").iterdir()) == []


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
        f"file = ModelFile('net.caffemodel', ({SUM!r},), (Source('caffemodel', ({url!r},)),));"
        f"download([file], pathlib.Path({str(tmp_path)!r}))"
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
    download([a_file(url, kind="archive", member="places/net", sha1=sha1)], tmp_path)
    assert_only_the_weights(tmp_path)


@pytest.mark.parametrize("fault", ["another archive", "no such member"])
def test_an_archive_that_will_not_do_is_followed_by_the_next_mirror(fault, mirror, tmp_path):
    packed = archive(labels=b"kitchen") if fault == "no such member" else archive(net=b"another net")
    sha1 = hashlib.sha1(packed).hexdigest() if fault == "no such member" else "0" * 40
    first = Source("archive", (mirror.add("/places.tar.gz", whole(packed)),), member="places/net", sha1=sha1)
    second = Source("caffemodel", (mirror.add("/plain", whole(WEIGHTS)),))
    download([ModelFile("net.caffemodel", (SUM,), (first, second))], tmp_path)
    assert_only_the_weights(tmp_path)


def test_when_all_fail_one_error_names_addresses_reasons_sums_and_the_folder(mirror, tmp_path):
    down, absent = closed_port(), mirror.address + "/absent"
    wrong = mirror.add("/wrong", whole(b"another net"))
    good = ModelFile("good", (SUM,), (Source("caffemodel", (mirror.add("/good", whole(WEIGHTS)),)),))
    unsummed = ModelFile("unsummed", (), (Source("caffemodel", (absent,)),))
    with pytest.raises(DreamError) as caught:
        download([a_file(down, absent, wrong), good, unsummed], tmp_path)
    message = str(caught.value)
    assert f"net.caffemodel (SHA-256 {SUM})" in message
    assert f"{down}: no connection" in message
    assert f"{absent}: 404" in message
    assert f"{wrong}: incomplete, or not the published file" in message
    assert "unsummed (SHA-256 not published)" in message
    assert f"run `dreamify models add {tmp_path.name} FILE`, which accepts\n" in message
    assert message.endswith(f"\n  for net.caffemodel: SHA-256 {SUM}\n  for unsummed: no published checksum")
    assert "/good" not in message
    assert [path.name for path in tmp_path.iterdir()] == ["good"]


def test_without_requests_the_error_says_what_to_do(mirror, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "requests", None)
    with pytest.raises(DreamError, match="pip install requests") as caught:
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
    url = mirror.add("/net", whole(WEIGHTS))
    download([a_file(mirror.address + "/absent", url)], tmp_path, progress)
    printed = stderr.getvalue()
    assert ("net.caffemodel" in printed) == shown
    tried = [f"dreamify: trying {mirror.address}/absent", f"dreamify: trying {url}"]
    assert all(f"{line}\n" in printed for line in tried) == progress
    assert shown or printed.splitlines() == tried * progress


def test_a_host_that_does_not_answer_is_asked_once(mirror, tmp_path, monkeypatch):
    requests, asked, get = pytest.importorskip("requests"), [], pytest.importorskip("requests").Session.get

    def unanswered(session, url, **kwargs):
        asked.append(url)
        if "silent.example" in url:
            raise requests.ConnectTimeout
        return get(session, url, **kwargs)

    monkeypatch.setattr(requests.Session, "get", unanswered)
    silent = ["https://silent.example/a", "https://silent.example/b"]
    with pytest.raises(DreamError) as caught:
        download([a_file(*silent)], tmp_path)
    assert all(f"{url}: no answer in time" in str(caught.value) for url in silent)
    assert asked == silent[:1]
    more = [f"https://{number}.silent.example/" for number in range(5)]
    asked.clear()
    with pytest.raises(DreamError, match=r"4\.silent\.example/: not asked, as others did not answer"):
        download([a_file(*more)], tmp_path, in_a_hurry=True)
    assert asked == more[:2]
    download([a_file(*silent, mirror.add("/good", whole(WEIGHTS)))], tmp_path)
    assert_only_the_weights(tmp_path)
