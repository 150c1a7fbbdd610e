"""Every verb with every combination of standard input, output and error closed: what is written is whole, all the same.

Files that are opened get the numbers of streams that are closed, and what is printed would go into them.
"""

import contextlib
import io
import itertools
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.modelzoo import zoo
from deepdream.storage import streams
from tests.faults import verbs
from tests.helpers import ready
from tests.helpers.tiny import ROOT, tiny_net

SAID = {0: "standard input is closed: name a file, or open it\n", 1: "standard output is closed"}
SHORT = ["--iterations", "1", "--octaves", "1", "--seed", "1", "--threads", "1", "--model", "tiny"]
# What each is called with, in the folder of verbs.begin; the streams that it cannot do without.
COMMANDS = {
    "dream": (["in.png", "place/out.png", *SHORT], ()),
    "dream to -": (["in.png", "-", *SHORT], (1,)),
    "dream from -": (["-", "place/out.png", *SHORT], (0,)),
    "dream from - to -": (["-", "-", *SHORT], (1, 0)),
    "dream to /dev/stdout": (["in.png", "/dev/stdout", *SHORT], (1,)),
    "dream --frames": (["in.png", "place/out.jpg", *SHORT, "--frames", "place/frames"], ()),
    "again": (["again", "dream.png", "in.png", "place/out.tif", "--model", "tiny"], ()),
    "sheet": (["sheet", "in.png", "place/out.png", *SHORT[:4], *SHORT[6:], "--seeds", "1,2"], ()),
    "atlas to -": (["atlas", "4c", "-", *SHORT, "--from", "in.png", "--channels", "0"], (1,)),
    "zoom": (["zoom", "in.png", "place/out.gif", *SHORT, "--frames", "2"], ()),
    "video": (["video", "clip", "place/out.gif", *SHORT, "--flow", "off"], ()),
    "batch": (["batch", "photos", "place/out", *SHORT, "--workers", "1"], ()),
    "keys": (["keys", "--model", "tiny"], (1,)),
    "info": (["info", "dream.png"], (1,)),
    "models": (["models"], (1,)),
    "models fetch": (["models", "fetch", "made"], (1,)),
    "--help": (["--help"], (1,)),
    "--version": (["--version"], (1,)),
    "what fails": (["absent.png", "place/out.png", *SHORT], ()),
}
CLOSED = [closed for count in range(4) for closed in itertools.combinations(range(3), count)]


def call(verb, folder, closed):
    """A command in this process, which is its alone; returns how it ended, and what the streams have got by then."""
    os.chdir(folder)
    os.environ.update(HOME=f"{folder}/home", XDG_CACHE_HOME=f"{folder}/home", DREAMIFY_MODELS=f"{folder}/home")
    zoo._project_models = lambda: Path(folder, "models")
    zoo.make = lambda *_: verbs.WEIGHTS
    verbs.without_processes()
    names = ["in.png", "stdout", "stderr"]
    for number, name in enumerate(names):
        if number in closed:
            os.close(number)
        else:
            opened = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    kept = [None if number in closed else number for number in range(3)]
    # As Python does it when it begins.
    sys.stdin, sys.stdout, sys.stderr = (
        None if number is None else io.TextIOWrapper(os.fdopen(number, mode, closefd=False), write_through=True)
        for number, mode in zip(kept, ("rb", "wb", "wb"))
    )
    try:
        code = main([str(arg) for arg in COMMANDS[verb][0]])
    except SystemExit as end:
        code = end.code
    for number in closed:
        with contextlib.suppress(OSError):
            os.fstat(number)
            assert Path(f"/dev/fd/{number}").samefile(os.devnull)
    here = os.fsencode(str(folder))
    written = (Path(name).read_bytes().replace(here, b"") if Path(name).exists() else None for name in names[1:])
    return (code, *written)


@pytest.fixture(scope="module")
def undisturbed(begun, tmp_path_factory):
    """What a verb leaves in place/ and prints, with all streams open."""
    found = {}

    def of(verb):
        if verb not in found:
            folder = begun(tmp_path_factory.mktemp("open") / "folder")
            code, result = ready.run(call, verb, folder, ())
            assert code == 0
            assert result[0] == (1 if verb == "what fails" else 0), result
            found[verb] = result, verbs.kept(folder)
        return found[verb]

    return of


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_verb(verb, begun, undisturbed, tmp_path, tally):
    (code, out, err), left = undisturbed(verb)
    assert bool(out) == (1 in COMMANDS[verb][1])
    for closed in CLOSED[1:]:
        folder = begun(tmp_path / "".join(map(str, closed)))
        tally.tried("closed standard streams")
        process_code, result = ready.run(call, verb, folder, closed)
        assert process_code == 0
        missing = [number for number in COMMANDS[verb][1] if number in closed]
        assert result[0] == (1 if missing else code), (closed, result)
        if 2 not in closed:
            said = result[2].decode()
            assert said.startswith(f"dreamify: {SAID[missing[0]]}") if missing else result[2] == err
            assert "Traceback" not in said
        if not missing:
            assert 1 in closed or result[1] == out
            assert verbs.kept(folder) == left
        tally.survived("closed standard streams")


def test_a_whole_process(tmp_path):
    """Python's own beginning and end, for the case that was seen: 2>&- > x.png."""
    tiny_net(tmp_path / "tiny")
    Image.new("RGB", (24, 20), "teal").save(tmp_path / "in.png")
    ran = ready.run(shell, tmp_path, f"{sys.executable} {ROOT}/dreamify.py in.png - {' '.join(SHORT)} 2>&- > x.png")
    assert ran == (0, 0)
    with Image.open(tmp_path / "x.png") as image:
        image.load()
        assert "dreamify" in image.info


def shell(folder, command):
    os.chdir(folder)
    return os.system(command)


def test_what_stands_in_for_a_closed_stream():
    """Only what is said to nobody may be lost unsaid; and workers, which inherit them, need them as much."""
    assert ready.run(stand_ins) == (0, ["cannot be read", "cannot be written", "can be written"])


def stand_ins():
    """What can be done with the standard descriptors in this process, which is its alone, when they were closed."""
    for number in range(3):
        os.close(number)
    streams.reserve()
    assert all(os.get_inheritable(number) for number in range(3))
    return [
        _outcome(os.read, 0, 1, "read"),
        _outcome(os.write, 1, b"x", "written"),
        _outcome(os.write, 2, b"x", "written"),
    ]


def _outcome(action, number, argument, what):
    try:
        action(number, argument)
    except OSError:
        return f"cannot be {what}"
    return f"can be {what}"
