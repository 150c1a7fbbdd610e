"""What workers do is what this process would do: to the byte, and where something is wrong, too."""

import re
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.errors import DreamError
from deepdream.images import picture
from deepdream.pipeline import prepare as jobs
from deepdream.pipeline.prepare import prepare
from deepdream.pipeline.request import Request
from deepdream.settings import DreamSettings, NetSettings
from deepdream.tasks import worker
from tests.helpers.tiny import SHORT_FILM, snapshot, tiny_picture

SHORT = ["--iterations", "2", "--octaves", "2"]
pytestmark = pytest.mark.usefixtures("one_thread", "here")


@pytest.fixture
def fresh_caches(tmp_path_factory, monkeypatch):
    """A user's cache for each sheet, so that none has the dreams of another."""

    def fresh():
        home = str(tmp_path_factory.mktemp("home"))
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("XDG_CACHE_HOME", home)

    return fresh


@pytest.mark.parametrize(
    ("source", "values"),
    [
        ("in.png", ["--iterations", "0,1,3", "--octaves", "1,2", "--guide", "guide.png"]),
        ("noise:40x28", ["--seeds", "1,2", *SHORT]),
        ("in.png", ["--layers", "all", "--no-clip", *SHORT]),
    ],
)
def test_a_sheet(fresh_caches, folder, net, source, values, capsys):
    for out, more in (("here.png", ["--threads", "1"]), ("workers.png", ["--workers", "2", "--threads", "1"])):
        fresh_caches()
        assert main(["sheet", source, out, *values, *more, "--model", net]) == 0
    assert Path("here.png").read_bytes() == Path("workers.png").read_bytes()
    said = re.findall("dreamify: .*?([0-9]+) dreams of 40x28: ", capsys.readouterr().err)
    assert len(said) == 2


def test_a_dream_of_a_sheet_that_fails(fresh_caches, folder, net, monkeypatch, capsys):
    fresh_caches()
    whole = jobs.dream_steps

    def dream_steps(net, base, dream, *others):
        if dream.seed == 2:
            raise DreamError("the gradient is zero: try another layer")
        yield from whole(net, base, dream, *others)

    monkeypatch.setattr(jobs, "dream_steps", dream_steps)
    assert main(["sheet", "in.png", "out.png", "--seeds", "1,2,3", *SHORT, "--workers", "2", "--model", net]) == 0
    assert "dreamify: seed 2 is left grey: the gradient is zero\n" in capsys.readouterr().err


@pytest.fixture
def film(folder):
    """clip/, four pictures that differ."""
    Path("clip").mkdir()
    for number in range(4):
        tiny_picture(Path("clip") / f"{number}.png", 40, 28)
        image = np.roll(np.asarray(Image.open(Path("clip") / f"{number}.png")), 3 * number, axis=1)
        Image.fromarray(image).save(Path("clip") / f"{number}.png")
    return ["clip", "--blend", "0", *SHORT_FILM, "--threads", "1"]


def test_a_film_cut_short_goes_on_with_other_workers(film, folder, net, ctrl_c, monkeypatch, capsys):
    pytest.importorskip("av", reason="films need PyAV: pip install av")
    source, *options = film
    with_workers = ["--workers", "1"]
    assert main(["video", source, "here", *options, "--model", net]) == 0
    assert main(["video", source, "workers", *options, *with_workers, "--model", net]) == 0
    assert snapshot(Path("here")) == snapshot(Path("workers"))
    dream, begun = worker._dream, []

    def interrupted(*args):
        begun.append(args)
        if len(begun) == 2:
            signal.raise_signal(signal.SIGINT)
        return dream(*args)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "_dream", interrupted)
        assert main(["video", source, "again", *options, *with_workers, "--model", net]) == 130
    assert "stopped after 2 of 4 frames: " in capsys.readouterr().err
    assert main(["video", source, "again", *options, "--workers", "3", "--model", net]) == 0
    assert snapshot(Path("here")) == snapshot(Path("again"))


def test_frames_that_need_the_one_before_have_no_workers(film, folder, net, capsys):
    source, _, _, *options = film
    before = snapshot(folder)
    assert main(["video", source, "out", *options, "--workers", "2", "--model", net]) == 2
    words = "workers dream each frame alone, without the dream before it: add --blend 0"
    assert capsys.readouterr().err == f"dreamify: {words}\n"
    assert snapshot(folder) == before


def test_a_worker_that_would_compute_otherwise_says_so(folder, net):
    request = Request("in.png", "out.png", DreamSettings(iter_n=1, octave_n=1, seed=1), net=NetSettings(model=net))
    prepared = prepare(request)
    base, dream = (
        prepared.inputs.base,
        worker.dream_picture(request, prepared.inputs.base, prepared.plan, prepared.recipe),
    )
    assert dream.shape == base.pixels.shape
    ((count, pixels),) = worker.dream_partway(request, base, prepared.plan, prepared.recipe, {1})
    assert count == 1
    assert (pixels == picture.to_uint8(dream)).all()
    other = {**prepared.recipe, "engine_version": "0.0"}
    with pytest.raises(DreamError, match=r"a worker has engine_version .*, and the main process 0\.0: "):
        worker.dream_picture(request, base, prepared.plan, other)
