from pathlib import Path

import pytest

tomllib = pytest.importorskip("tomllib", reason="Python 3.11 reads pyproject.toml")
ROOT = Path(__file__).resolve().parents[1]


def test_every_package_and_every_model_is_installed():
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {".".join(file.parent.relative_to(ROOT).parts) for file in (ROOT / "deepdream").rglob("*.py")}
    assert set(setup["packages"]) == folders | {"deepdream.models"}
    assert setup["package-dir"] == {"deepdream.models": "models"}
    patterns = setup["package-data"]["deepdream.models"]
    installed = {path for pattern in patterns for path in (ROOT / "models").glob(pattern)}
    assert {path.parent.name for path in installed} == {path.name for path in (ROOT / "models").iterdir()}


def test_the_names_of_the_classes_are_installed():
    setup = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = setup["package-data"]["deepdream"]
    installed = {path for pattern in patterns for path in (ROOT / "deepdream").glob(pattern)}
    assert installed == set((ROOT / "deepdream").rglob("*.txt"))
    assert {path.stem for path in installed} == {"imagenet", "places205", "places365"}
