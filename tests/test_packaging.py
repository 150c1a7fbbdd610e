from pathlib import Path

import pytest

tomllib = pytest.importorskip("tomllib", reason="Python 3.11 reads pyproject.toml")
ROOT = Path(__file__).resolve().parents[1]


def test_every_package_and_every_model_is_installed():
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "deepdream").rglob("*.py")}
    assert set(setup["packages"]) == folders | {"deepdream.models", "deepdream.examples"}
    assert setup["package-dir"] == {"deepdream.models": "models", "deepdream.examples": "examples"}
    patterns = setup["package-data"]["deepdream.models"]
    installed = {path for pattern in patterns for path in (ROOT / "models").glob(pattern)}
    assert {path.parent.name for path in installed} == {path.name for path in (ROOT / "models").iterdir()}


def test_the_names_of_the_classes_and_the_mark_of_types_are_installed():
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = setup["package-data"]["deepdream"]
    installed = {path for pattern in patterns for path in (ROOT / "deepdream").glob(pattern)}
    lists = set((ROOT / "deepdream").rglob("*.txt"))
    assert installed == lists | {ROOT / "deepdream" / "py.typed"}  # which tells type checkers that there are types
    assert {path.stem for path in lists} == {"imagenet", "places205", "places365"}


def test_what_the_web_page_shows_is_installed():
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    installed = {path for pattern in data["deepdream.web"] for path in (ROOT / "deepdream" / "web").glob(pattern)}
    files = {path for path in (ROOT / "deepdream" / "web").rglob("*") if path.suffix in (".css", ".jpg")}
    assert installed == files != set()
    assert all((ROOT / "examples" / name).is_file() for name in data["deepdream.examples"])
