"""examples/: each picture is what its script draws, today as on the day it was drawn."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PICTURES = sorted(path.stem for path in EXAMPLES.glob("*.jpg"))


def test_there_are_pictures():
    assert PICTURES == ["clouds", "face", "flowers", "street"]


@pytest.mark.parametrize("name", PICTURES)
def test_an_example_picture_is_what_its_script_draws(tmp_path, name):
    made = tmp_path / "made.jpg"
    subprocess.run([sys.executable, str(EXAMPLES / f"{name}.py"), str(made)], check=True)
    ours, theirs = (np.float32(Image.open(path)) for path in (made, EXAMPLES / f"{name}.jpg"))
    assert ours.shape == theirs.shape
    assert abs(ours - theirs).mean() < 1
    assert (EXAMPLES / f"{name}.jpg").stat().st_size < 150_000
