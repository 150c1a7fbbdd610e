"""The growth of a dream: its steps at full size, in order, and what is begun goes on to the same bytes."""

import contextlib
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as nd
from PIL import Image

from deepdream.cli import main
from deepdream.images import picture
from deepdream.pipeline import prepare as jobs
from deepdream.pipeline.request import Request
from deepdream.tasks import growth, sequence_files
from tests.helpers.shared import ENGINE
from tests.helpers.tiny import frame_names, refused, snapshot, tiny_picture

SHORT = ["--iterations", "2", "--octaves", "2", "--threads", "1"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def grown(folder, net):
    """Dreams in.png into out.png with its growth; returns the exit code."""
    return lambda out, *args: main(["in.png", "out.png", *SHORT, "--growth", out, *args, "--model", net])


def cut_short(monkeypatch, after, fault=KeyboardInterrupt):
    """Has the next dream end after so many steps, as nothing in the program expects it."""
    whole = jobs.dream_steps

    def dream_steps(*args):
        steps = whole(*args)
        for _ in range(after):
            yield next(steps)
        monkeypatch.setattr(jobs, "dream_steps", whole)
        raise fault

    monkeypatch.setattr(jobs, "dream_steps", dream_steps)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_the_picture_then_every_step_at_full_size_then_the_dream(folder, net, grown):
    assert grown("steps", "--seed", "7", "--frames", "small") == 0
    assert sorted(path.name for path in Path("steps").iterdir()) == frame_names(5, 5)
    assert (pixels("steps/00000.png") == pixels("in.png")).all()
    assert (pixels("steps/00004.png") == pixels("out.png")).all()
    base, small = np.float32(pixels("in.png")), np.float32(pixels("small/octave01-iteration0002.png"))
    factors = [1 / 1.4, 1 / 1.4, 1]
    detail = small - nd.zoom(base, factors, order=1)
    wanted = base + nd.zoom(detail, [28 / 20, 40 / 29, 1], order=1)
    assert np.abs(np.float32(pixels("steps/00002.png")) - wanted.clip(0, 255)).max() <= 2
    assert main(["in.png", "plain.png", *SHORT, "--seed", "7", "--model", net]) == 0
    assert Path("plain.png").read_bytes() == Path("out.png").read_bytes()
    own = {"growth_frames": 5, "growth_fps": 10.0, "frame": 3}
    assert picture.read_recipe("steps/00003.png") == {**picture.read_recipe("out.png"), **own}


@pytest.mark.parametrize(("fps", "usual", "last"), [("10", 100, 1000), ("0.8", 1250, 1250)])
def test_the_last_frame_is_held_for_a_second(grown, fps, usual, last):
    assert grown("out.gif", "--growth-fps", fps) == 0
    image, durations = Image.open("out.gif"), []
    for number in range(image.n_frames):
        image.seek(number)
        durations.append(image.info["duration"])
    assert durations == [usual] * 4 + [last]


@pytest.mark.parametrize(
    ("out", "after", "precision"),
    [
        ("grown", 0, "float32"),
        ("grown.gif", 1, "float32"),
        pytest.param("grown", 3, "float64", marks=pytest.mark.skipif(ENGINE == "caffe", reason="needs float64")),
        ("grown", 4, "float32"),
    ],
)
def test_the_same_command_goes_on_to_the_same_bytes(folder, grown, monkeypatch, capsys, out, after, precision):
    """Without a seed, too: it is the one that was drawn at first."""
    cut_short(monkeypatch, after)
    assert grown(out, "--precision", precision) == 130
    said = capsys.readouterr().err
    assert said.endswith("interrupted, the step in progress is discarded: run the same command to resume\n")
    seed = re.search(r"seed (\d+)", said).group(1)
    assert grown(out, "--precision", precision) == 0
    assert f"resuming after {after + 1} of 5 frames of the growth" in capsys.readouterr().err
    went_on = snapshot(folder)
    assert not any(name.startswith(".") for name in went_on)
    (folder / "whole").mkdir()
    assert grown(f"whole/{out}", "--precision", precision, "--seed", seed) == 0
    whole = {name[len("whole/") :]: data for name, data in snapshot(folder).items() if name.startswith("whole/")}
    assert whole == {name: data for name, data in went_on.items() if name.startswith("grown")}
    assert Path("out.png").read_bytes() == went_on["out.png"]


def test_frames_that_are_missing_are_dreamt_again(folder, grown, monkeypatch, capsys):
    cut_short(monkeypatch, 3)
    assert grown("grown", "--seed", "7") == 130
    cut_short(monkeypatch, 3)
    assert grown("grown", "--seed", "7", "--frames", "small") == 130
    assert "small lacks frames of these steps, which are dreamt again" in capsys.readouterr().err
    assert grown("grown", "--seed", "7", "--frames", "small") == 0
    assert "lacks" not in capsys.readouterr().err
    assert len(list(Path("small").iterdir())) == 4
    assert sorted(path.name for path in Path("grown").iterdir()) == frame_names(5, 5)


def test_a_dream_that_fails_leaves_its_growth_to_go_on_with(folder, grown, monkeypatch):
    cut_short(monkeypatch, 2, OSError("pulled"))
    assert grown("grown", "--seed", "7") == 1
    assert "moment" in picture.read_recipe("out.png")
    assert Path(".grown.growth").exists()
    assert grown("grown", "--seed", "7") == 0
    assert "moment" not in picture.read_recipe("out.png")
    assert not Path(".grown.growth").exists()


def test_all_steps_and_no_film(folder, grown, monkeypatch):
    """As a full disk leaves it: the dream is there, and only the film is written then."""
    with monkeypatch.context() as patch:

        def full(*_):
            raise OSError(28, "No space left on device")

        patch.setattr(growth, "write", full)
        assert grown("grown.gif", "--seed", "7") == 1
    before = Path("out.png").read_bytes()
    assert grown("grown.gif", "--seed", "7") == 0
    assert Image.open("grown.gif").n_frames == 5
    assert Path("out.png").read_bytes() == before


@pytest.mark.parametrize("out", ["grown", "grown.webp"])
def test_what_is_finished_is_not_written_again(folder, grown, capsys, out):
    assert grown(out) == 0
    before = snapshot(folder)
    assert grown(out) == 0
    assert f"all 5 frames are already in {out}" in capsys.readouterr().err
    assert snapshot(folder) == before
    assert grown(out, "--seed", "3", "--force") == 0
    assert snapshot(folder) != before


def test_a_dream_is_repeated_with_and_from_its_growth(folder, net, grown, capsys):
    assert grown("first.gif", "--seed", "7", "--growth-fps", "20") == 0
    model = ["--model", net]
    assert main(["again", "first.gif", "in.png", "new.png", "--growth", "new.gif", "--growth-fps", "20", *model]) == 0
    assert Path("new.png").read_bytes() == Path("out.png").read_bytes()
    assert Path("new.gif").read_bytes() == Path("first.gif").read_bytes()
    capsys.readouterr()
    assert main(["info", "first.gif"]) == 0
    typed = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert "OUT.png" in typed
    assert typed[typed.index("--growth") :][:4] == ["--growth", "GROWTH.gif", "--growth-fps", "20.0"]
    assert main(["info", "out.png"]) == 0
    assert "growth" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--growth", "g.gif", "--iterations", "0"], "with --iterations 0 there is none: leave out --growth"),
        (["--growth", "g.avi"], "a growth cannot be written to g.avi: end its name in .gif, .webp, .mp4 or .webm"),
        (["--growth", "in.png"], "in.png is an input, which is never overwritten"),
        (["--growth", "./out.webp"], "--growth and OUT are both ./out.webp: name another place for one of them"),
        (["--growth", "x", "--frames", "x/"], "--growth and --frames are both x: name another place"),
        (["--growth", "."], "out.png would be among the frames in .: choose another folder for --growth"),
        (["--growth", "full"], "full holds files that are not frames of one growth: choose another FILM"),
        (["--growth", "other.gif"], "other.gif exists and was not made by --growth: choose another FILM"),
        (["--growth-fps", "5"], "--growth-fps is the speed of a growth, and there is none: name it with --growth"),
        (["--growth", "g.gif", "--growth-fps", "0"], "growth-fps must be a number from 0.1 to 1000, not 0.0"),
        (["--growth", "done.gif", "--seed", "8"], "done.gif is a growth with seed 7, and this is one with 8"),
    ],
)
def test_wrong_use(folder, net, grown, capsys, args, words):
    Path("full").mkdir()
    tiny_picture("full/00000.png")
    Image.open("in.png").convert("P").save("other.gif", comment=b"mine")
    if "done.gif" in args:
        assert grown("done.gif", "--seed", "7") == 0
    out = "out.webp" if "./out.webp" in args else "out.png"
    assert words in refused(capsys, folder, ["in.png", out, *SHORT, *args, "--model", net], code=2)


def test_alpha_stays_and_what_is_lost_is_told(folder, grown, capsys):
    tiny_picture("in.png", 23, 21, mode="RGBA")
    assert grown("grown", "--octaves", "1", "--seed", "7") == 0
    assert (np.asarray(Image.open("grown/00000.png")) == np.asarray(Image.open("in.png"))).all()
    stored = np.asarray(Image.open("in.png").getchannel("A"))
    assert (np.asarray(Image.open("grown/00002.png").getchannel("A")) == stored).all()
    capsys.readouterr()
    assert grown("grown.gif", "--octaves", "1", "--growth-fps", "60") == 0
    said = capsys.readouterr().err
    assert "a GIF shows at most 50 frames per second, so this one plays slower: use --growth-fps 50" in said
    assert said.count(" white or fully transparent") == 1


def test_two_dreams_do_not_share_a_growth(folder, net, grown, capsys):
    Path("grown").mkdir()
    lock = sequence_files.SequenceOutput("grown", growth._KIND, Request("in.png", "out.png"))
    lock.lock()
    with contextlib.closing(lock):
        if not lock._lock.is_held:
            pytest.skip("no locks here")
        command = ["in.png", "out.png", *SHORT, "--growth", "grown", "--model", net]
        assert "another run is writing to grown: wait for it" in refused(capsys, folder, command)
    assert grown("grown") == 0
