"""What the tests of faults share, and the counts of what they tried, which are printed at the end."""

import functools
import os
import shutil
import subprocess
import threading
from collections import Counter
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests import ready
from tests.faults import verbs

COUNTS = Counter()


class Tally:
    """Counts the faults of a kind that were tried, and those that were survived."""

    def tried(self, kind):
        COUNTS[kind, "tried"] += 1

    def survived(self, kind):
        COUNTS[kind, "survived"] += 1


@pytest.fixture
def tally():
    return Tally()


def pytest_terminal_summary(terminalreporter):
    for kind in dict.fromkeys(kind for kind, _ in COUNTS):
        terminalreporter.write_line(f"{kind}: {COUNTS[kind, 'tried']} tried, {COUNTS[kind, 'survived']} survived")


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


@pytest.fixture(scope="session")
def mirror(tmp_path_factory):
    """The address of a server with the files of the model `fetched`."""
    folder = tmp_path_factory.mktemp("mirror")
    (folder / "net.caffemodel").write_bytes(verbs.WEIGHTS)
    (folder / "deploy.prototxt").write_bytes(verbs.NET)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def begun(tmp_path_factory, mirror):
    """Makes a folder from which every verb can be called."""
    template = tmp_path_factory.mktemp("faults") / "template"
    template.mkdir()
    assert ready.run(verbs.begin, template, mirror) == (0, None)

    def copied(folder):
        shutil.copytree(template, folder)
        return folder

    return copied


@pytest.fixture(scope="session")
def whole(tmp_path_factory, begun):
    """What a verb leaves when nothing happens to it: {name: content}, and how many file operations it takes."""

    @functools.lru_cache(maxsize=None)
    def undisturbed(verb):
        if verb in verbs.FILMS:
            pytest.importorskip("av", reason="films need PyAV")
            pytest.importorskip("cv2", reason="films need OpenCV")
        folder = begun(tmp_path_factory.mktemp("whole") / "folder")
        code, result = ready.run(verbs.perform, verb, folder)
        assert (code, result and result[0]) == (0, 0), result
        assert verbs.hidden(folder) == []
        return verbs.kept(folder), result[2]

    return undisturbed
