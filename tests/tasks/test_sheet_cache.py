"""What is kept of earlier sheets: found again to the pixel, never trusted, never more than its limit."""

import os
import shutil
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from deepdream.images import picture
from deepdream.storage import atomic
from deepdream.tasks import sheet_cache as cells_module
from deepdream.tasks.sheet_cache import Cells

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


def test_a_changed_program_finds_nothing_and_the_same_one_does(cells, tmp_path, monkeypatch):
    """Whichever source changes, is added or is renamed, however little."""
    program = tmp_path / "program"
    shutil.copytree(cells_module._SOURCES, program, ignore=shutil.ignore_patterns("__pycache__", "*.jpg"))

    def find():
        cells_module._sources.cache_clear()  # as for a process that begins
        return cells.find(RECIPE, SIZE)

    cells.keep(RECIPE, dream(0))
    monkeypatch.setattr(cells_module, "_SOURCES", program)  # the same, elsewhere
    assert (find() == dream(0)).all()
    (program / "readme.txt").write_text("no code")
    assert (find() == dream(0)).all()
    for path in (program / "dream.py", program / "engines" / "torch" / "kernels.py"):
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "\n", encoding="utf-8")
        assert find() is None
        path.write_text(text, encoding="utf-8")
        assert (find() == dream(0)).all()
    (program / "images" / "noise.py").rename(program / "images" / "noises.py")
    assert find() is None
    (program / "images" / "noises.py").rename(program / "images" / "noise.py")
    (program / "new.py").touch()
    assert find() is None
    cells_module._sources.cache_clear()


@pytest.mark.parametrize("library", cells_module._LIBRARIES)
def test_another_version_of_a_library_finds_nothing(cells, monkeypatch, library):
    cells.keep(RECIPE, dream(0))
    version = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.0.1" if name == library else version(name))
    cells_module._libraries.cache_clear()
    assert cells.find(RECIPE, SIZE) is None
    monkeypatch.undo()
    cells_module._libraries.cache_clear()
    assert (cells.find(RECIPE, SIZE) == dream(0)).all()


def test_another_processor_finds_nothing(cells, monkeypatch):
    torch = pytest.importorskip("torch")
    recipe = {**RECIPE, "engine": "torch", "device": "cpu"}
    cells.keep(recipe, dream(0))
    assert (cells.find(recipe, SIZE) == dream(0)).all()
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "VSX")
    assert cells.find(recipe, SIZE) is None


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
        monkeypatch.setattr(atomic, "write", full)
    cells.keep(RECIPE, dream(0))
    assert cells.find(RECIPE, SIZE) is None
    assert str(cells.folder) in cells.fault
    assert "File exists" in cells.fault if how == "file" else "No space left on device" in cells.fault


def full(path: Path, data, new=False):
    raise OSError(28, "No space left on device")
