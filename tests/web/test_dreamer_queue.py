"""The queue of the page's dreams: their order, their places, and visitors who come and leave."""

import contextlib
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from deepdream.errors import DreamError
from deepdream.web.dreamer import Dreamer
from deepdream.web.reader import Reader
from deepdream.web.storage import Storage
from tests.helpers.tiny import tiny_picture
from tests.web.visitors import SHORT, results

pytestmark = pytest.mark.usefixtures("one_thread")


def test_one_after_the_other_in_their_order(dreamer, slow, wanted, tmp_path):
    first, second, third = dreamer.begin(slow), dreamer.begin(wanted), dreamer.begin(wanted)
    with pytest.raises(DreamError, match=r"^3 dreams .*: try again"):
        dreamer.begin(wanted)
    reports = dreamer.progress(first)
    while next(reports).share == 0:
        pass
    waits, waits_longer = dreamer.progress(second), dreamer.progress(third)
    assert re.fullmatch("waiting: 1 before you, about .*", next(waits).words)
    assert re.fullmatch("waiting: 2 before you, about .*", next(waits_longer).words)
    waits.close()  # as if its visitor left
    assert next(waits_longer).words.startswith("waiting: 1 before you")
    third.stop()
    assert [report.words for report in waits_longer] == ["stopped before its turn: nothing was dreamt"]
    assert second.ended.cancelled()
    assert third.ended.cancelled()
    assert not first.ended.done()
    fourth = dreamer.begin(wanted)
    first.stop()
    assert list(reports)[-1].result.recipe["moment"]
    assert list(dreamer.progress(fourth))[-1].words == "the dream is done (seed 7)"


def test_no_more_places_than_there_are(dreamer, wanted, slow):
    """Even if all visitors come at once, while the first picture is still being read."""
    dreams, refused = [], []
    together = threading.Barrier(12)

    def begin(_):
        together.wait()
        try:
            dreams.append(dreamer.begin(slow))
        except DreamError as error:
            refused.append(str(error))

    with ThreadPoolExecutor(12) as visitors:
        list(visitors.map(begin, range(12)))
    assert len(dreams) == 3  # one is running, and two are waiting
    assert all(said.startswith("3 dreams ") and "try again" in said for said in refused), refused
    assert len(refused) == 9
    for dream in dreams:
        dream.drop()
    with pytest.raises(DreamError):
        dreamer.begin(replace(wanted, source="absent.png"))
    places = [dreamer.begin(wanted) for _ in range(2)]  # refused and dropped dreams take no place
    assert [list(dreamer.progress(dream))[-1].words for dream in places] == ["the dream is done (seed 7)"] * 2


def test_who_comes_and_leaves_at_the_same_time(dreamer, wanted):
    """Every visitor gets a last report, and all places are free at the end."""
    tiny = replace(wanted, dream=replace(SHORT, iter_n=0, octave_n=1))
    words = []

    def visit(number):
        for turn in range(8):
            try:
                dream = dreamer.begin(tiny)
            except DreamError:
                continue
            if (number + turn) % 3 == 0:
                dream.drop()
            words.append(list(dreamer.progress(dream))[-1].words)

    with ThreadPoolExecutor(6) as visitors:
        list(visitors.map(visit, range(6)))
    assert "the dream is done (seed 7)" in words
    assert all(said.startswith(("the dream is done", "stopped before ")) for said in words)
    assert dreamer._places == 0
    assert dreamer._line == []


def test_the_end_comes_while_visitors_come(tmp_path, reader, wanted):
    """Nobody is left waiting, and all failures are one sentence."""
    dreamer = Dreamer(Storage(tmp_path), reader)
    told = []
    come = threading.Semaphore(0)

    def visit(_):
        while True:
            try:
                dream = dreamer.begin(wanted)
                come.release()
                told.append(list(dreamer.progress(dream))[-1].words)
            except DreamError as error:
                told.append(str(error))
                return

    with ThreadPoolExecutor(4) as visitors:
        visits = visitors.map(visit, range(4))
        for _ in range(6):
            assert come.acquire(timeout=30)
        dreamer.close()
        list(visits)
    assert sum("this page is shutting down" in said for said in told) == 4, told


def test_one_slow_picture_keeps_nobody_from_a_dream(tmp_path, wanted, monkeypatch):
    """Others are told to try again, and can dream once that picture has been read."""
    slow = tmp_path / "slow.png"
    tiny_picture(slow)

    class Slow(Reader):
        def _read(self, path, *limits):
            if path == str(slow):
                reads.set()
                assert over.wait(30)
            return super()._read(path, *limits)

    reads, over = threading.Event(), threading.Event()
    with contextlib.closing(Slow(turn=0.1)) as reader, contextlib.closing(
        Dreamer(Storage(tmp_path), reader)
    ) as dreamer:
        with ThreadPoolExecutor(1) as visitors:
            other = visitors.submit(dreamer.begin, replace(wanted, source=str(slow)))
            assert reads.wait(30)
            with pytest.raises(DreamError, match=r"^too many pictures .*: try again"):
                dreamer.begin(wanted)
            assert list(dreamer._line) == []  # reading this also shows that nothing holds the lock
            over.set()
            assert list(dreamer.progress(other.result(30)))[-1].result
        assert list(dreamer.progress(dreamer.begin(wanted)))[-1].result


def test_who_leaves_stops_the_dream(dreamer, slow, wanted, tmp_path):
    reports = dreamer.progress(dreamer.begin(slow))
    while next(reports).share == 0:
        pass
    reports.close()
    assert list(dreamer.progress(dreamer.begin(wanted)))[-1].result
    assert results(tmp_path) == ["before.png", "in-inception_4c-seed7.jpg", "in-inception_4c-seed7.png", "small.jpg"]
