"""A short hunt, as `python -m tests.fuzz` has long ones; and that it would find what it looks for."""

import time

import pytest

from tests.fuzz import hunt
from tests.helpers.counts import COUNTS

CASES = {"prototxt": 40, "caffemodel": 20, "picture": 40}


@pytest.mark.parametrize("kind", CASES)
def test_nothing_but_sentences(kind):
    tally = hunt.hunt(kind, 0, range(CASES[kind]), workers=2)
    for outcome in ("tried", "accepted", "refused", "failed"):
        COUNTS[f"fuzzer, {kind}", outcome] += (
            sum(tally.counts.values()) if outcome == "tried" else tally.counts[outcome]
        )
    assert tally.failed == {}
    assert min(tally.counts["accepted"], tally.counts["refused"]) > CASES[kind] / 10


def crashes(random, folder):
    raise ZeroDivisionError


def hangs(random, folder):
    time.sleep(100)


def dies(random, folder):
    import os

    os._exit(3)


def eats(random, folder):
    bytearray(2 * hunt.MEMORY)


@pytest.mark.parametrize(
    ("fault", "says"),
    [(crashes, "ZeroDivisionError"), (hangs, "more than 1 s"), (dies, "ended with 3"), (eats, "MemoryError")],
)
def test_what_it_would_find(fault, says, monkeypatch):
    monkeypatch.setattr(hunt, "SECONDS", 1)
    tally = hunt.hunt(fault, 0, [1, 2])
    assert sorted(tally.failed) == [1, 2]
    assert all(says in detail for detail in tally.failed.values())
