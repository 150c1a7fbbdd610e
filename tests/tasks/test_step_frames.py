"""The picture of every step: one dream's in a folder, and nothing of anybody else's is touched."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.images import picture
from deepdream.pipeline import prepare as jobs
from deepdream.storage.lock import Lock
from tests.helpers.tiny import refused, snapshot, tiny_picture

SHORT = ["--iterations", "2", "--octaves", "2", "--threads", "1"]
NAMES = [f"octave{o:02}-iteration{i:04}.png" for o in (1, 2) for i in (1, 2)]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def dream(folder, net):
    """Dreams in.png with its frames in frames/; returns the exit code."""
    return lambda *args: main(["in.png", "out.png", *SHORT, *args, "--frames", "frames", "--model", net])


def names():
    return sorted(path.name for path in Path("frames").iterdir())


def recipes():
    return [picture.read_recipe(f"frames/{name}") for name in names()]


def test_the_same_dream_again(dream, capsys):
    assert dream("--seed", "7") == 0
    before = snapshot(Path("frames"))
    assert list(before) == NAMES
    assert dream("--seed", "7") == 0
    assert snapshot(Path("frames")) == before
    assert "replaced" not in capsys.readouterr().err


def test_the_same_command_without_a_seed_leaves_the_frames_of_one_dream(dream, capsys, monkeypatch):
    assert dream() == 0
    assert dream() == 0
    assert "dreamify: replacing 4 frames of an earlier dream in frames\n" in capsys.readouterr().err
    assert {recipe["seed"] for recipe in recipes()} == {picture.read_recipe("out.png")["seed"]}
    whole = jobs.dream_steps

    def cut_short(*args):
        yield next(whole(*args))
        raise OSError("cut short")

    monkeypatch.setattr(jobs, "dream_steps", cut_short)
    assert dream() == 1
    assert len(recipes()) == 1


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--seed", "8"], "a dream with seed 7, and this one has 8"),
        (["--iterations", "1", "--seed", "7"], "a dream with iterations 2, and this one has 1"),
        (["--step", "2"], "a dream with step 1.5, and this one has 2.0"),
    ],
)
def test_the_frames_of_another_dream_are_not_mixed_in(folder, net, dream, capsys, args, words):
    assert dream("--seed", "7") == 0
    more = ["in.png", "out.png", *SHORT, *args, "--frames", "frames", "--model", net]
    line = refused(capsys, folder, more, code=2)
    assert line == f"dreamify: frames holds the frames of {words}: name another folder, or replace them with --force"
    assert dream(*args, "--force") == 0
    wanted = {**picture.read_recipe("out.png"), "moment": None}
    assert all({**recipe, "moment": None} == wanted for recipe in recipes())
    assert len(recipes()) == (2 if "--iterations" in args else 4)


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize(
    "what", ["a picture", "a text", "a picture called so", "a dream called so", "a dream cut short", "a folder"]
)
def test_what_is_no_frame_is_not_replaced(folder, net, dream, capsys, what, force):
    assert dream("--seed", "7") == 0
    if what == "a picture":
        tiny_picture("frames/mine.png")
    elif what == "a text":
        Path("frames/mine.txt").touch()
    elif what == "a picture called so":
        tiny_picture(f"frames/{NAMES[0]}")
    elif what == "a dream cut short":
        shutil.copy(f"frames/{NAMES[0]}", "frames/dream.png")
    elif what == "a dream called so":
        shutil.copy("out.png", f"frames/{NAMES[0]}")
    else:
        Path("frames/mine").mkdir()
    command = ["in.png", "out.png", *SHORT, "--seed", "7", *force, "--frames", "frames", "--model", net]
    assert "frames holds files that are not frames of one dream, such as " in refused(capsys, folder, command, 2)


def test_out_may_be_in_the_same_folder_and_hidden_files_do_not_count(folder, net):
    command = ["in.png", "frames/out.png", *SHORT, "--frames", "frames", "--model", net]
    Path("frames").mkdir()
    Path("frames/.hidden").touch()
    Path("frames/Thumbs.db").touch()
    for _ in range(2):
        assert main(command) == 0
    assert names() == [".hidden", "Thumbs.db", *NAMES, "out.png"]


@pytest.mark.parametrize("what", ["source", "guide", "mask"])
def test_a_frame_that_is_read_stays(folder, net, dream, capsys, what):
    assert dream("--seed", "7") == 0
    name = f"frames/{NAMES[-1]}"
    source = name if what == "source" else "in.png"
    more = [] if what == "source" else [f"--{what}", name]
    command = [source, "new.png", *SHORT, *more, "--frames", "./frames", "--model", net, "--force"]
    assert f"{NAMES[-1]} is an input" in refused(capsys, folder, command, code=2)


def test_two_dreams_do_not_share_a_folder(folder, net, dream, capsys):
    Path("frames").mkdir()
    lock = Lock(Path("frames"))
    if not lock.is_held:
        pytest.skip("no locks here")
    command = ["in.png", "out.png", *SHORT, "--frames", "frames", "--model", net]
    assert refused(capsys, folder, command).startswith("dreamify: another dream is writing to frames: wait for it")
    lock.release()
    assert dream() == 0
    Lock(Path("frames")).release()  # it was released


def test_noise_of_another_seed_is_the_same_command(folder, net):
    command = ["noise:40x28", "out.png", *SHORT, "--frames", "frames", "--model", net]
    for _ in range(2):
        assert main(command) == 0
    assert len({recipe["input_sha256"] for recipe in recipes()}) == 1
    assert np.asarray(Image.open(f"frames/{NAMES[-1]}")).shape == (28, 40, 3)
