"""Dreams for the page, without the page."""

import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.errors import DreamError, UsageError
from deepdream.images.picture import read_recipe
from deepdream.pipeline import prepare as jobs
from deepdream.settings import PICTURE
from deepdream.tasks import single
from deepdream.web.storage import NOT_HERE
from tests.helpers.tiny import tiny_picture
from tests.web.visitors import SHORT, results

pytestmark = pytest.mark.usefixtures("one_thread")
SIZES = [(14, 21), (20, 29), (28, 40)]


def test_a_dream_is_the_command_lines(dreamer, wanted, tmp_path):
    told = list(dreamer.progress(dreamer.begin(wanted)))
    *reports, last = told
    assert last.is_last
    assert last.words == "the dream is done (seed 7)"
    assert not any(report.is_last for report in reports)
    assert single.run(replace(wanted, target=str(tmp_path / "alone.png"))) == 0
    assert last.result.dream.read_bytes() == (tmp_path / "alone.png").read_bytes()
    assert last.result.dream.name == "in-inception_4c-seed7.png"
    assert read_recipe(str(last.result.jpeg)) == last.result.recipe
    assert last.result.recipe == read_recipe(str(last.result.dream))
    shares = [report.share for report in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_octaves_that_nobody_chose_give_way_to_what_fits(dreamer, wanted, tmp_path):
    """Both with a net that has just been loaded, and when the same net is used again."""
    tiny_picture(tmp_path / "in.png", 20, 16)
    for _ in range(2):
        *_, last = dreamer.progress(dreamer.begin(replace(wanted, fit_octaves=True)))
        fewer = "2 octaves instead of 3, as a picture of 20x16 is too small for more"
        assert last.words == f"the dream is done (seed 7, {fewer})"
        assert last.result.recipe["octaves"] == 2
    with pytest.raises(DreamError, match="at most 2 octaves work"):
        list(dreamer.progress(dreamer.begin(wanted)))


@pytest.fixture
def looked_at(monkeypatch):
    """An event: every step waits until it is set."""
    seen, dream_steps = threading.Event(), jobs.dream_steps

    def steps(*args):
        for step in dream_steps(*args):
            yield step
            assert seen.wait(10)
            seen.clear()

    monkeypatch.setattr(jobs, "dream_steps", steps)
    return seen


def test_each_octave_is_seen(dreamer, wanted, looked_at):
    """For a visitor who looks after every step."""
    sizes, words = [], []
    for report in dreamer.progress(dreamer.begin(wanted)):
        words.append(report.words)
        if report.picture is not None:
            sizes.append(report.picture.shape[:2])
        looked_at.set()
    assert list(dict.fromkeys(sizes)) == SIZES
    assert any(re.fullmatch("octave 2 of 3, iteration 1 of 3, 29x20, .* left", said) for said in words)


def test_the_seed_is_drawn_for_every_dream(dreamer, wanted):
    """Also when the net stays loaded."""
    requests = [replace(wanted, dream=replace(SHORT, seed=None)) for _ in range(3)]
    seeds = [list(dreamer.progress(dreamer.begin(request)))[-1].result.recipe["seed"] for request in requests]
    assert len(set(seeds)) == 3


def test_what_is_said_is_for_the_visitor(dreamer, wanted, capsys, monkeypatch):
    def slowly(*_):
        time.sleep(0.2)
        return iter(())

    monkeypatch.setattr(jobs, "dream_steps", slowly)
    words = [report.words for report in dreamer.progress(dreamer.begin(wanted))]
    assert any(text.startswith("computing with") for text in words)
    assert capsys.readouterr().err == ""


def test_stop_keeps_what_is_there(dreamer, slow):
    dream = dreamer.begin(slow)
    reports = dreamer.progress(dream)
    while next(reports).share == 0:
        pass
    dream.stop()
    last = list(reports)[-1]
    moment = read_recipe(str(last.result.dream))["moment"]
    assert moment.startswith("octave ")
    assert last.words.startswith(f"stopped at {moment}: this is the dream so far (seed ")


def test_the_guide_is_read_beforehand(dreamer, wanted, tmp_path):
    """It may be deleted while the dream waits. The result is the same as on the command line."""
    guide = tiny_picture(tmp_path / "guide.png", 50, 50)
    wanted = replace(wanted, guide=guide)
    for times in (1, 2):  # with a net that is loaded now, and with the one in memory
        dream = dreamer.begin(wanted)
        Path(guide).rename(tmp_path / "gone.png")
        result = list(dreamer.progress(dream))[-1].result
        Path(tmp_path / "gone.png").rename(guide)
        assert single.run(replace(wanted, target=str(tmp_path / f"alone{times}.png"))) == 0
        assert result.dream.read_bytes() == (tmp_path / f"alone{times}.png").read_bytes()


def test_a_fault_is_told_without_the_servers_paths(dreamer, wanted, tmp_path):
    Path(tmp_path / "text.png").write_text("no picture")
    Path(tmp_path / "bomb.pbm").write_bytes(b"P4 2000 2000 ")
    for name, words in {
        "text.png": "^text.png is not a picture in a known format",
        "bomb.pbm": "^bomb.pbm has 4.0 megapixels.* 2 .*: shrink",
        "absent.png": f"^{NOT_HERE}$",
    }.items():
        for request in (replace(wanted, source=str(tmp_path / name)), replace(wanted, guide=str(tmp_path / name))):
            with pytest.raises(DreamError, match=words):
                list(dreamer.progress(dreamer.begin(request)))
    with pytest.raises(DreamError, match="at most 4 octaves work"):
        list(dreamer.progress(dreamer.begin(replace(wanted, dream=replace(SHORT, octave_n=9)))))
    assert results(tmp_path) == []
    assert list(dreamer.progress(dreamer.begin(wanted)))[-1].result


@pytest.mark.parametrize(("setting", "maximum"), [("iter_n", 100), ("octave_n", 10)])
def test_no_more_than_a_visitor_gets(dreamer, wanted, setting, maximum):
    with pytest.raises(UsageError, match=rf" {maximum} .*not {maximum + 1}"):
        dreamer.begin(replace(wanted, dream=replace(SHORT, **{setting: maximum + 1})))


def test_before_is_what_was_dreamt_on(dreamer, wanted):
    """It has the size of the dream."""
    wanted = replace(wanted, pictures=replace(PICTURE, max_size=30), dream=replace(SHORT, octave_n=1))
    result = list(dreamer.progress(dreamer.begin(wanted)))[-1].result
    before, after = (np.asarray(Image.open(path)) for path in (result.before, result.dream))
    assert before.shape == after.shape == (21, 30, 3)
    assert 0 < abs(np.float32(before) - after).mean() < 20


def test_transparency_is_shown_on_white_and_kept(dreamer, wanted, looked_at, tmp_path):
    alpha = np.zeros((28, 40), np.uint8)
    alpha[:, 20:] = 255
    image = Image.open(tiny_picture(tmp_path / "in.png"))
    image.putalpha(Image.fromarray(alpha))
    image.save(tmp_path / "in.png")
    seen, result = [], None
    for news in dreamer.progress(dreamer.begin(wanted)):
        seen += [] if news.picture is None else [news.picture]
        result = news.result or result
        looked_at.set()
    assert len(seen) >= 3
    assert all((picture[:, : picture.shape[1] // 2 - 4] == 255).all() for picture in seen)
    for path in (result.dream, result.before):
        assert (np.asarray(Image.open(path).getchannel("A")) == alpha).all()


def test_a_mask_of_the_same_shape_is_fitted(dreamer, wanted, tmp_path):
    """The picture stays as it is where the mask is black, although it was painted at another size."""
    mask = np.zeros((56, 80), np.uint8)
    mask[:, 60:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    result = list(dreamer.progress(dreamer.begin(replace(wanted, mask=str(tmp_path / "mask.png")))))[-1].result
    before, after = (np.asarray(Image.open(path)).astype(int) for path in (result.before, result.dream))
    assert abs(before - after)[:, :28].max() <= 1
    assert abs(before - after)[:, 32:].mean() > 1
    Image.new("L", (80, 20), "white").save(tmp_path / "mask.png")
    with pytest.raises(DreamError, match=r"^the mask is 80x20 and the picture 40x28: give it the same shape$"):
        dreamer.begin(replace(wanted, mask=str(tmp_path / "mask.png")))
