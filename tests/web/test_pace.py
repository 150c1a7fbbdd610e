"""How long a dream takes."""

import pytest

from deepdream.settings import DreamSettings
from deepdream.web.pace import Pace, in_words, longest, work


def test_a_dream_takes_what_those_of_its_kind_took():
    pace = Pace()
    assert pace.seconds("deep", 100) is None
    pace.learn("deep", 1000, 20)
    assert pace.seconds("deep", 100) == 2
    assert pace.seconds("flat", 100) == 2  # as any other, until there is one
    pace.learn("flat", 1000, 10)
    pace.learn("nothing", 0, 1)
    assert [pace.seconds(kind, 100) for kind in ("deep", "flat", "else")] == [2, 1, 1]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds"),
        (4.9, "a few seconds"),
        (12, "about 10 seconds"),
        (53, "about 55 seconds"),
        (59, "about 1 minute"),
        (80, "about 1 minute"),
        (100, "about 2 minutes"),
        (3300, "about 1 hour"),
        (1800, "about 30 minutes"),
        (9000, "about 2 hours"),
    ],
)
def test_times_in_words(seconds, words):
    assert in_words(seconds) == words


def test_the_work_of_a_dream():
    """Pixels times iterations, of each octave."""
    assert work(DreamSettings(iter_n=3, octave_n=1), (20, 30)) == 1800
    assert work(DreamSettings(iter_n=10, octave_n=2), (28, 42)) == 10 * (28 * 42 + 20 * 30)
    assert longest(1400) == 100 * sum(round(1400 / 1.4**octave) ** 2 for octave in range(10))
