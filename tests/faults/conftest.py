"""What the tests of faults share, and the counts of what they tried, which are printed at the end."""

import functools
import os
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.faults import verbs
from tests.helpers import ready
from tests.helpers.counts import COUNTS


class Tally:
    """Counts the faults of a kind that were tried, and those that were survived."""

    def tried(self, kind):
        COUNTS[kind, "tried"] += 1

    def survived(self, kind):
        COUNTS[kind, "survived"] += 1


@pytest.fixture
def tally():
    return Tally()


@pytest.fixture
def disk(tmp_path):
    """Puts a file system of so many bytes in the place of a folder; returns what changes its options."""
    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("needs root, and mount")
    mounted = []

    def mount(*args):
        done = subprocess.run(["mount", *args], stderr=subprocess.PIPE)
        if done.returncode:
            pytest.skip(f"no file systems can be mounted here: {done.stderr.decode().strip()}")

    def put(folder, size):
        mount("-t", "tmpfs", "-o", f"size={size}", "none", str(folder))
        mounted.append(folder)
        return lambda options: mount("-o", f"remount,{options}", str(folder))

    yield put
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Mirror(ThreadingHTTPServer):
    """Has the files of the model `fetched`; what it does with the weights, `fault` says."""

    daemon_threads = True
    fault = half_sent = go_on = None

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body, fault = verbs.NET, self.server.fault
        if self.path.endswith(".caffemodel"):
            body = verbs.WEIGHTS[::-1] if fault == "wrong bytes" else verbs.WEIGHTS
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        half = len(body) // 2
        self.wfile.write(body[:half])
        if body != verbs.NET and fault in ("stalled", "wait"):
            self.wfile.flush()
            if fault == "wait":
                self.server.half_sent.release()
                self.server.go_on.wait(30)
            else:
                time.sleep(1)
        if body == verbs.NET or fault != "cut short":
            self.wfile.write(body[half:])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def mirror():
    """A Mirror, as long as the tests run."""
    server = Mirror()
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def begun(tmp_path_factory, mirror):
    """Makes a folder from which every verb can be called."""
    template = tmp_path_factory.mktemp("faults") / "template"
    template.mkdir()
    assert ready.run(verbs.begin, template, mirror.address) == (0, None)

    def copied(folder):
        shutil.copytree(template, folder)
        return folder

    return copied


@pytest.fixture(scope="session")
def whole(tmp_path_factory, begun):
    """What a verb leaves when nothing happens to it: {name: content}, and how many file operations it takes."""

    @functools.lru_cache(maxsize=None)
    def undisturbed(verb):
        if verb == "video":
            pytest.importorskip("av", reason="films need PyAV")
            pytest.importorskip("cv2", reason="films need OpenCV")
        folder = begun(tmp_path_factory.mktemp("whole") / "folder")
        code, result = ready.run(verbs.perform, verb, folder)
        assert (code, result and result[0]) == (0, 0), result
        assert verbs.hidden(folder) == []
        return verbs.kept(folder), result[2]

    return undisturbed
