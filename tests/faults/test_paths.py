"""Names of all sorts in the place of every path: everything works, and every message can be printed."""

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.images.picture import read_recipe
from tests.faults import verbs
from tests.helpers import ready
from tests.helpers.tiny import ROOT, snapshot, tiny_net, tiny_picture

ODD = ["with space", "ünï-夢-🌀", "-dash", "new\nline", "[1]*? 100%d%s{0} a'b\"c` $HOME", "b\udcffd", "~"]
SHORT = ["--iterations", "1", "--octaves", "1", "--seed", "1", "--threads", "1"]


def call_all(folder, odd):
    """Every verb in a folder, with standard output as in a terminal that knows ASCII only; what they have printed."""
    os.chdir(folder)
    os.environ.update(HOME=f"{folder}/home", XDG_CACHE_HOME=f"{folder}/{odd} cache", DREAMIFY_MODELS=f"{folder}/{odd}")
    tempfile.tempdir = str(folder)
    for name in ("photos", "clip"):
        Path(f"{odd} {name}").mkdir()
        for number in range(2):
            picture = np.full((20, 24, 3), 90 + 40 * number, np.uint8)
            Image.fromarray(picture).save(f"{odd} {name}/{odd} {number}.png")
    Path(odd).mkdir()
    tiny_net(Path(odd, f"{odd} net"))
    tiny_picture(f"{odd}.png", 24, 20)
    tiny_picture(f"{odd} guide.png", 24, 20)
    verbs.without_processes()
    here = f"./{odd}"
    model = ["--model", f"{here}/{odd} net"]
    return [
        _call(
            f"{here}.png", f"{here} out.jpg", *SHORT, *model, "--mask", f"{here} guide.png", "--frames", f"{here} all"
        ),
        _call(f"{here}.png", f"{here} guided.png", *SHORT, "--guide", f"{here} guide.png", "--model", f"{odd} net"),
        _call("info", f"{here} guided.png"),
        _call("again", f"{here} out.jpg", f"{here}.png", f"{here} again.jpg", "--mask", f"{here} guide.png", *model),
        _call("keys", *model),
        _call("models"),
        _call("sheet", f"{here}.png", f"{here} sheet.png", *SHORT[:4], "--seeds", "1,2", *model),
        _call("atlas", "4c", f"{here}.html", *SHORT[:2], "--from", f"{here}.png", "--channels", "0", *model),
        _call("zoom", f"{here}.png", f"{here} zoom", *SHORT, "--frames", "2", *model),
        _call("zoom", f"{here}.png", f"{here} zoom.gif", *SHORT, "--frames", "2", *model),
        _call("info", f"{here} zoom.gif"),
        _call("batch", f"{here} photos", f"{here} dreams", *SHORT, "--workers", "1", *model),
        *_films(here, model),
        _call(f"{here} absent.png", f"{here} out.png", *SHORT, *model, expected=1),
        _call(f"{here}.png", f"{here}/absent/out.png", *SHORT, *model, expected=1),
        _call(f"{here}.png", f"{here} out.png", *SHORT, "--model", f"{here} absent", expected=2),
        _call("info", f"{here}.png", expected=1),
    ]


def _films(here, model):
    if not (find_spec("av") and find_spec("cv2")):
        return []
    return [
        _call("video", f"{here} clip", f"{here} film", *SHORT, *model),
        _call("video", f"{here} clip", f"{here} film.mp4", *SHORT, *model),
        _call("info", f"{here} film.mp4"),
        _call("video", f"{here} film.mp4", f"{here} film.webm", *SHORT, *model),
    ]


def _call(*args, expected=0):
    out = io.TextIOWrapper(io.BytesIO(), "ascii", "strict", write_through=True)
    err = io.TextIOWrapper(io.BytesIO(), "ascii", "backslashreplace", write_through=True)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(args))
    said = out.buffer.getvalue().decode("ascii"), err.buffer.getvalue().decode("ascii")
    assert code == expected, (args, said)
    return said


@pytest.mark.parametrize("odd", ODD)
def test_every_path_of_every_verb(odd, tmp_path, tally):
    folder = tmp_path / f"current {odd}"
    try:
        folder.mkdir()
    except (OSError, UnicodeEncodeError):
        pytest.skip("there can be no file of that name here")
    tally.tried("an odd name in every path")
    code, said = ready.run(call_all, folder, odd)
    assert code == 0
    assert read_recipe(str(folder / f"{odd} out.jpg")) == read_recipe(str(folder / f"{odd} again.jpg"))
    assert (folder / f"{odd} out.jpg").read_bytes() == (folder / f"{odd} again.jpg").read_bytes()
    assert sorted(snapshot(folder / f"{odd} dreams")) == [f"{odd} 0.png", f"{odd} 1.png"]
    assert sorted(snapshot(folder / f"{odd} zoom")) == ["0000.png", "0001.png"]
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert all("Traceback" not in err for _, err in said)
    tally.survived("an odd name in every path")


@pytest.mark.parametrize(
    ("environ", "verb"),
    [({"PYTHONIOENCODING": "ascii"}, "models"), ({"PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}, "dream")],
)
def test_a_whole_process_that_knows_ascii_only(environ, verb, tmp_path):
    """The second also takes names of files for ASCII, as Python did before 3.7."""
    odd = "ünï 夢"
    model = tiny_net(tmp_path / odd)
    tiny_picture(tmp_path / f"{odd}.png", 24, 20)
    args = ["models"] if verb == "models" else [f"{odd}.png", f"{odd} out.png", *SHORT, "--model", model]
    environ = {**os.environ, "LC_ALL": "C", "DREAMIFY_MODELS": str(tmp_path), **environ}
    program = [sys.executable, str(ROOT / "dreamify.py"), *args]
    done = subprocess.run(program, cwd=str(tmp_path), env=environ, capture_output=True)
    assert (done.returncode, b"Traceback" in done.stderr) == (0, False)
    assert b"\\xfcn\\xef \\u5922" in done.stdout or (tmp_path / f"{odd} out.png").exists()
