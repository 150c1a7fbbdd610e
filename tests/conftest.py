"""What several test files share."""

import contextlib
import os
import shutil
import signal

import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.images import picture
from deepdream.pipeline import prepare as jobs
from deepdream.pipeline.prepare import NetCache
from deepdream.tasks import executors, sequence, worker
from tests.helpers import counts
from tests.helpers.shared import ENGINE
from tests.helpers.tiny import SHORT_FILM, SHORT_ZOOM, tiny_net, tiny_picture
from tests.helpers.workers import run_here

# Beside real Caffe, in a Python too old for PyTorch, the rest of the tests run on the caffe engine.
NEED_TORCH = [
    *("engines/torch", "engines/test_beside_caffe.py", "engines/test_odd_nets.py", "engines/test_random_nets.py"),
    *(
        "engines/test_real_nets.py",
        "test_arrays.py",
        "test_float64.py",
        "test_docs_commands.py",
        "cli/test_run.py",
        "pycaffe/test_blob.py",
        "pycaffe/test_refused.py",
        "pycaffe/test_fillers.py",
        "browser",
        "faults",
        "fuzz",
    ),
]
collect_ignore = [] if ENGINE == "torch" else NEED_TORCH
collect_ignore += [] if hasattr(os, "fork") else ["faults", "fuzz"]

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# Chromium has no sandbox as root. The other flags stop features that contact other hosts.
CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
CHROMIUM_FLAGS += ["--disable-background-networking", "--disable-component-update"]
# Files of a few long tests. They come first, so that no process is left with one of them when the others are done.
LONG = ("test_float64.py", "web/test_page.py", "browser/test_steps.py", "faults/test_killed.py", "test_notebook.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not item.nodeid.partition("::")[0].endswith(LONG))


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):  # one of several processes, see pytest-xdist
        session.config.workeroutput["counts"] = [[*key, number] for key, number in counts.COUNTS.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    for kind, outcome, number in getattr(node, "workeroutput", {}).get("counts", ()):
        counts.COUNTS[kind, outcome] += number


def pytest_terminal_summary(terminalreporter):
    for line in counts.lines():
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def net(tmp_path_factory):
    """The folder of tiny.TEXT's net."""
    return tiny_net(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def chromium():
    """Headless Chromium. It ends with the module: while it is driven, nothing else can use asyncio in this process."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser is driven by Playwright")
    if not CHROMIUM:
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a picture of 40x28 and a guide."""
    monkeypatch.chdir(tmp_path)
    tiny_picture(tmp_path / "in.png")
    tiny_picture(tmp_path / "guide.png", 32, 32)
    return tmp_path


@pytest.fixture
def here(monkeypatch):
    """Workers are in this process; what they keep is forgotten afterwards."""
    monkeypatch.setattr(executors, "processes", lambda count: contextlib.nullcontext((run_here, lambda: count)))
    monkeypatch.setattr(worker, "_net", NetCache())


@pytest.fixture
def zoomed(folder, net):
    """Zooms in.png; returns the exit code."""
    return lambda out, *args: main(["zoom", "in.png", out, *SHORT_ZOOM, "--model", net, *args])


@pytest.fixture
def zoomed_in_part(zoomed, monkeypatch):
    """Does what zoomed does, interrupted as the third picture is written."""

    def in_part(*args):
        whole, written = picture.write, []

        def write(*content):
            written.append(content)
            if len(written) == 3:
                raise KeyboardInterrupt
            whole(*content)

        with monkeypatch.context() as patch:
            patch.setattr(sequence.picture, "write", write)
            return zoomed(*args)

    return in_part


@pytest.fixture
def sheeted(folder, net):
    """Makes a sheet of in.png; returns the exit code."""
    return lambda out, *args: main(["sheet", "in.png", out, "--model", net, *args])


@pytest.fixture
def filmed(folder, net):
    """Dreams a film; returns the exit code."""
    return lambda source, out, *args: main(["video", source, out, *SHORT_FILM, "--model", net, *args])


@pytest.fixture
def clip(folder):
    """in.mp4, with sound, of moving_frames(), 10 a second."""
    from tests.video import clips

    sound = ("aac", clips.beep(0.4))
    step = clips.Fraction(1, 10)
    return clips.clip("in.mp4", clips.moving_frames(), step=step, options=clips.LOSSLESS, sound=sound)


@pytest.fixture
def frame_folder(folder):
    """A folder with moving_frames(), as pictures."""
    from tests.video import clips

    (folder / "clip").mkdir()
    for number, frame in enumerate(clips.moving_frames()):
        Image.fromarray(frame).save(folder / "clip" / f"{number}.png")
    return "clip"


@pytest.fixture
def steps(monkeypatch):
    """Every step of a sheet's dreams from now on."""
    whole, done = jobs.dream_steps, []

    def dream_steps(*args):
        for step in whole(*args):
            done.append((step.octave, step.iteration))
            yield step

    monkeypatch.setattr(jobs, "dream_steps", dream_steps)
    return done


@pytest.fixture
def own_cache(tmp_path_factory, monkeypatch):
    """A user's cache for this test alone; without platformdirs it is in the home folder."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    return home / ".cache" / "dreamify"


@pytest.fixture
def ctrl_c():
    """Ctrl-C as at a terminal, for this process and its children: one that was started with & ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def one_thread():
    """PyTorch on one thread: several would spend longer waiting for each other than a tiny net takes."""
    try:
        import torch
    except ImportError:  # beside real Caffe
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
