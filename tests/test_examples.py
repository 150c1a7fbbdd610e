import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def test_the_example_picture_is_what_its_script_makes(tmp_path):
    made = tmp_path / "clouds.jpg"
    subprocess.run([sys.executable, str(EXAMPLES / "clouds.py"), str(made)], check=True)
    ours, theirs = (np.float32(Image.open(path)) for path in (made, EXAMPLES / "clouds.jpg"))
    assert abs(ours - theirs).mean() < 1
