"""What the tests of faults share, and the counts of what they tried, which are printed at the end."""

import functools
import shutil
import threading
from collections import Counter
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests import ready
from tests.faults import verbs

COUNTS = Counter()


@pytest.fixture
def survived():
    """Counts a fault of some kind that was survived; before that, it has to be counted as tried."""

    def count(kind, outcome="survived", number=1):
        COUNTS[kind, outcome] += number

    return count


def pytest_terminal_summary(terminalreporter):
    for kind in dict.fromkeys(kind for kind, _ in COUNTS):
        numbers = ", ".join(f"{number} {outcome}" for (other, outcome), number in COUNTS.items() if other == kind)
        terminalreporter.write_line(f"{kind}: {numbers}")


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
        folder = begun(tmp_path_factory.mktemp("whole") / "folder")
        code, result = ready.run(verbs.perform, verb, folder)
        assert (code, result and result[0]) == (0, 0), result
        assert verbs.hidden(folder) == []
        return verbs.kept(folder), result[2]

    return undisturbed
