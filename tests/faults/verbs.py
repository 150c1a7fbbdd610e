"""Every verb that writes: a folder for it, and its command, in a process of its own that may be killed on the way."""

import contextlib
import hashlib
import os
import resource
import signal
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from deepdream.modelzoo import download, zoo
from deepdream.tasks import executors
from tests.helpers import ready
from tests.helpers.tiny import dream_of_old, tiny_net, tiny_picture

SHORT = ["--iterations", "1", "--octaves", "2", "--seed", "7", "--threads", "1", "--model", "tiny"]
OLD = dream_of_old()
WEIGHTS, NET = bytes(range(256)) * 600, b'name: "net"\n'

# What each verb is called with, in a folder that `begin` has made; what it makes is in there under place/.
COMMANDS = {
    "dream": ["in.png", "place/out.png", *SHORT],
    "dream --frames": ["in.png", "place/out.jpg", *SHORT, "--frames", "place/frames"],
    "dream --growth": ["in.png", "place/out.png", *SHORT, "--growth", "place/growth"],
    "again": ["again", "dream.png", "in.png", "place/out.tif", "--model", "tiny"],
    "sheet": ["sheet", "in.png", "place/out.png", *SHORT[:4], *SHORT[6:], "--seeds", "1,2"],
    "atlas": ["atlas", "4c", "place/out.html", "place/out.png", *SHORT, "--from", "in.png", "--channels", "0,1"],
    "zoom FOLDER": ["zoom", "in.png", "place/out", *SHORT, "--frames", "2"],
    "zoom GIF": ["zoom", "in.png", "place/out.gif", *SHORT, "--frames", "2"],
    "video": ["video", "clip", "place/out.mp4", *SHORT],
    "batch": ["batch", "photos", "place/out", *SHORT, "--workers", "1"],
    "models fetch": ["models", "fetch", "fetched"],
    "models add": ["models", "add", "fetched", "given.caffemodel", "given.prototxt"],
    "models fetch, made": ["models", "fetch", "made"],
}
DREAMS = [verb for verb in COMMANDS if not verb.startswith("models")]
REPLACED = ("dream", "dream --frames", "dream --growth", "again", "sheet")  # what may be in the place of OUT before


def begin(folder, address):
    """Fills an empty folder with all that the commands read, in a process of its own; address: of a mirror."""
    for name in ("place", "home", "tmp", "photos", "clip"):
        (folder / name).mkdir()
    tiny_net(folder / "tiny")
    tiny_picture(folder / "in.png", 24, 20)
    for number in range(2):
        tiny_picture(folder / "photos" / f"{number}.png", 20 + 4 * number, 20)
        Image.fromarray(np.full((20, 24, 3), 90 + 40 * number, np.uint8)).save(folder / "clip" / f"{number}.png")
    made = ready.dreamify([folder / "in.png", folder / "dream.png", *SHORT[:-1], folder / "tiny"])
    assert made[0] == 0
    sums = {"weights": hashlib.sha256(WEIGHTS).hexdigest(), "net": hashlib.sha256(NET).hexdigest()}
    package = "[{kind: package, name: some, version: 1, file: a.pth, sha256: 0a}]"
    for name, source in (("fetched", f"caffemodel_url: {address}/net.caffemodel"), ("made", f"sources: {package}")):
        card = folder / "models" / name
        card.mkdir(parents=True)
        (card / "readme.md").write_text(
            f"---\ncaffemodel: net.caffemodel\n{source}\nsha256: {{{sums['weights']}: whole}}\nprototxt:\n"
            f"  urls: ['{address}/deploy.prototxt']\n  sha256: {{{sums['net']}: whole}}\n---\n"
        )
    (folder / "models" / "made" / "deploy.prototxt").write_bytes(NET)
    (folder / "given.caffemodel").write_bytes(WEIGHTS)
    (folder / "given.prototxt").write_bytes(NET)


def out(verb, folder):
    """The picture that a verb writes."""
    return folder / next(arg for arg in COMMANDS[verb] if arg.startswith("place/out."))


def perform(verb, folder, at=0, number=signal.SIGKILL, longest=0, patience=0.3):
    """Runs a verb in this process, which is its alone: (exit code, standard error, file operations in place/).

    at: the file operation before which it gets the signal of this number. longest: bytes of a file, in the middle of
    whose writing it is killed where it becomes longer. patience: seconds with a mirror.
    """
    folder = os.path.realpath(folder)
    os.chdir(folder)
    place = Path("place").resolve()
    os.environ.update(
        HOME=f"{folder}/home", XDG_CACHE_HOME=str(place / "cache"), DREAMIFY_MODELS=str(place), NO_PROXY="*"
    )
    tempfile.tempdir = f"{folder}/tmp"
    zoo._project_models = lambda: Path(folder, "models")
    zoo.make = lambda *_: WEIGHTS
    without_processes()
    download.STALL_SECONDS = patience
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    done = _watched(place, at, number)
    if longest:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (longest, longest))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    code, _, err = ready.dreamify(COMMANDS[verb])
    return code, err, len(done)


def without_processes():
    """Has a batch do its work in this process from now on."""

    @contextlib.contextmanager
    def threads(count):
        with ThreadPoolExecutor(count) as pool:
            yield pool.submit, lambda: count

    executors.processes = threads


def end_with(verb, folder):
    """Runs a verb in this process, which ends with its exit code."""
    sys.exit(perform(verb, folder, patience=30)[0])


def _watched(place, at, number):
    """The file operations that change something in a folder, from now on; before one of them there is a signal."""
    done = []

    def note(event, args):
        if event == "open":
            changes = bool((args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        else:
            changes = event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link")
        if changes and any(isinstance(arg, (str, bytes, Path)) and _is_in(arg, place) for arg in args[:2]):
            done.append(event)
            if len(done) == at:
                os.kill(os.getpid(), number)

    sys.addaudithook(note)
    return done


def _is_in(path, place):
    return place in (Path.cwd() / os.fsdecode(path)).parents


def kept(folder):
    """{path: content} of what is in place/ and that a person sees: nothing hidden."""
    found = {}
    for path in sorted((folder / "place").rglob("*")):
        name = path.relative_to(folder / "place")
        if path.is_file() and not any(part.startswith(".") for part in name.parts):
            found[str(name)] = path.read_bytes()
    return found


def hidden(folder):
    """The hidden files and folders in place/."""
    return sorted(str(path.relative_to(folder)) for path in (folder / "place").rglob(".*"))
