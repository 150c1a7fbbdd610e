import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.mark.parametrize("name", ["clouds", "flowers"])
def test_an_example_picture_is_what_its_script_makes(tmp_path, name):
    made = tmp_path / "made.jpg"
    subprocess.run([sys.executable, str(EXAMPLES / f"{name}.py"), str(made)], check=True)
    ours, theirs = (np.float32(Image.open(path)) for path in (made, EXAMPLES / f"{name}.jpg"))
    assert abs(ours - theirs).mean() < 1
