"""What is kept of earlier sheets: found again to the pixel, never trusted, never more than its limit."""

import os
from pathlib import Path

import numpy as np
import pytest

from deepdream import aside, picture
from deepdream.cells import Cells

RECIPE = {"layer": "conv1", "seed": 7, "scale": 1.4, "clip": True}
SIZE = (14, 20)


def dream(seed):
    return np.random.RandomState(seed).randint(0, 256, (*SIZE, 3)).astype(np.uint8)


@pytest.fixture
def cells(tmp_path):
    return Cells(tmp_path / "a" / "cells")


def only(cells):
    (path,) = cells.folder.iterdir()
    return path


def test_a_dream_is_found_by_its_recipe_alone(cells):
    assert cells.find(RECIPE, SIZE) is None
    cells.keep(RECIPE, dream(0))
    cells.keep({**RECIPE, "seed": 8}, dream(1))
    again = Cells(cells.folder)
    assert (again.find(dict(reversed(list(RECIPE.items()))), SIZE) == dream(0)).all()
    assert (again.find({**RECIPE, "seed": 8}, SIZE) == dream(1)).all()
    assert again.find({**RECIPE, "seed": 9}, SIZE) is None
    assert again.find(RECIPE, (20, 14)) is None
    assert cells.fault is None


def test_it_is_a_picture_like_any_other(cells):
    cells.keep(RECIPE, dream(0))
    assert only(cells).suffix == ".png"
    assert picture.read_recipe(str(only(cells))) == RECIPE


def test_the_folder_is_in_the_users_cache(own_cache):
    assert Cells().folder == own_cache / "cells"


def damage(path, how):
    data = path.read_bytes()
    middle = len(data) * 3 // 4
    if how == "cut":
        path.write_bytes(data[:middle])
    elif how == "flipped":
        path.write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "of another dream":
        picture.write(str(path), dream(1), {**RECIPE, "seed": 8})
    elif how == "without a recipe":
        picture.write(str(path), dream(1), {})


@pytest.mark.parametrize("how", ["cut", "flipped", "empty", "of another dream", "without a recipe"])
def test_what_is_damaged_is_not_there_and_is_replaced(cells, how):
    cells.keep(RECIPE, dream(0))
    damage(only(cells), how)
    assert cells.find(RECIPE, SIZE) is None
    cells.keep(RECIPE, dream(0))
    assert (cells.find(RECIPE, SIZE) == dream(0)).all()


def test_beyond_the_limit_those_go_that_were_used_the_longest_ago(cells):
    recipes = [{**RECIPE, "seed": seed} for seed in range(5)]
    for recipe in recipes[:4]:
        cells.keep(recipe, dream(0))
    half = cells.folder / ".dreamify-0123456789abcdef0123456789abcdef"  # as kill -9 leaves one
    half.write_bytes(b"half a picture")
    for path in cells.folder.iterdir():
        os.utime(str(path), (1000, 1000))
    size = max(path.stat().st_size for path in cells.folder.iterdir())
    for recipe in (recipes[3], recipes[1]):
        assert cells.find(recipe, SIZE) is not None
    Cells(cells.folder, limit=3 * size + 10).keep(recipes[4], dream(0))
    assert [number for number, recipe in enumerate(recipes) if cells.find(recipe, SIZE) is not None] == [1, 3, 4]
    assert not half.exists()


@pytest.mark.parametrize("how", ["file", "full"])
def test_a_cache_that_cannot_be_written_says_why_and_no_more(cells, monkeypatch, how):
    if how == "file":
        cells.folder.parent.mkdir()
        cells.folder.write_text("mine")
    else:
        monkeypatch.setattr(aside, "write", full)
    cells.keep(RECIPE, dream(0))
    assert cells.find(RECIPE, SIZE) is None
    assert str(cells.folder) in cells.fault
    assert "File exists" in cells.fault if how == "file" else "No space left on device" in cells.fault


def full(path: Path, data, new=False):
    raise OSError(28, "No space left on device")
