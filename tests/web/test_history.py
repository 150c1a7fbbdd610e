"""Whose dreams are whose, and how long they are remembered."""

import os
from types import SimpleNamespace

import pytest

from deepdream.errors import DreamError
from deepdream.pipeline.request import Request
from deepdream.web.history import History
from deepdream.web.results import FilmResult, Result
from deepdream.web.storage import Storage


@pytest.fixture
def past(tmp_path):
    """A history, and a function that adds a dream to it."""
    history, numbers = History(Storage(tmp_path)), iter(range(99))

    def add(visitor, has_film=False):
        folder = tmp_path / f"dream{next(numbers)}"
        folder.mkdir()
        files = [folder / name for name in ("dream.png", "dream.jpg", "before.png", "small.jpg")]
        for file in files:
            file.write_bytes(b"picture")
        film = FilmResult("zoom", folder / "zoom.gif", folder / "zoom.jpg", {}) if has_film else None
        for file in film.files if film else ():
            file.write_bytes(b"film")
        return history.add(visitor, Request(str(folder / "in.png"), str(files[0])), Result(*files, {}), film)

    return SimpleNamespace(history=history, add=add)


def keys(entries):
    return [entry.key for entry in entries]


def test_a_visitor_has_dreams_and_no_other_has_them(past):
    ours, first = past.add(None)
    same, second = past.add(ours)
    theirs, third = past.add(None)
    assert same == ours
    assert theirs != ours
    assert len({ours, theirs, first.key, second.key, third.key}) == 5
    assert keys(past.history.entries(ours)) == [first.key, second.key]
    assert past.history.find(ours, second.key) == second
    for visitor, key in ((ours, third.key), (theirs, first.key), (None, first.key), (ours, None), ([], {})):
        with pytest.raises(DreamError, match="is not here any more"):
            past.history.find(visitor, key)


@pytest.mark.parametrize("visitor", [None, "", "guessed", 7, [], {"a": 1}, "x" * 99])
def test_who_is_not_known_gets_a_secret_that_nobody_chose(past, visitor):
    assert past.history.entries(visitor) == []
    known, _ = past.add(visitor)
    assert known != visitor
    assert len(known) > 20


def test_it_lasts_as_long_as_the_files(past):
    ours, first = past.add(None)
    _, second = past.add(ours)
    for file in second.result.files:
        os.utime(file, (1, 1))
    past.history.entries(ours)
    assert all(file.stat().st_mtime > 1 for file in second.result.files)  # looking at it is a use
    first.result.thumbnail.unlink()
    assert keys(past.history.entries(ours)) == [second.key]
    for file in (*first.result.files[:3], *second.result.files):
        file.unlink()
    past.add(None)
    assert ours not in past.history._entries  # what is gone takes no memory


def test_a_film_is_kept_with_the_dream_that_it_is_of(past):
    ours, dream = past.add(None)
    _, film = past.add(ours, has_film=True)
    assert keys(past.history.entries(ours)) == [dream.key, film.key]
    for file in film.files:
        os.utime(file, (1, 1))
    assert past.history.find(ours, film.key).film.kind == "zoom"
    assert len(film.files) == 6
    assert all(file.stat().st_mtime > 1 for file in film.files)
    film.film.film.unlink()
    assert keys(past.history.entries(ours)) == [dream.key]
