"""--precision float64 gives the same file whatever the threads and the code path."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from tests.helpers.shared import model, needs_models

ROOT = Path(__file__).resolve().parents[1]
# Each setting changes how MKL or PyTorch compute: the threads, MKL's code path, PyTorch's vector instructions.
SETTINGS = {
    "two threads": ("2", {"OMP_WAIT_POLICY": "PASSIVE"}),  # else each would keep a core busy waiting for the other
    "MKL's compatible path": ("1", {"MKL_CBWR": "COMPATIBLE"}),
    "MKL's AVX2 path": ("1", {"MKL_CBWR": "AVX2"}),
    "PyTorch without vectors": ("1", {"ATEN_CPU_CAPABILITY": "default"}),
}
# Where values are the same, as in a flat picture, rounding alone would choose a pooling's maximum. In the first picture
# float32's rounding grows into other levels; in the second, so would float64's without the rule for ties.
PICTURES = {
    "large": ((112, 70), 40, ["--octaves", "2"]),
    "small": ((64, 40), 22, ["--octaves", "2", "--iterations", "2"]),
}
DREAM = """
import sys
from deepdream.cli import main
*args, settings = sys.argv[1:]
for name, more in eval(settings).items():
    assert main([name + ".png", name + "_dream.png", "--seed", "0", "--precision", "float64", *args, *more]) == 0
"""


@needs_models
def test_the_same_file_in_every_setting(tmp_path):
    for name, (size, flat, _) in PICTURES.items():
        with Image.open(ROOT / "examples" / "clouds.jpg") as clouds:
            pixels = np.asarray(clouds.resize(size)).copy()
        pixels[:flat] = 255
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    args = ["--engine", "torch", "--model", model("bvlc_googlenet"), "--force", "--threads"]
    settings, files = repr({name: more for name, (*_, more) in PICTURES.items()}), {}
    for setting, (threads, variables) in SETTINGS.items():
        environ = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
        command = [sys.executable, "-c", DREAM, *args, threads, settings]
        subprocess.run(command, cwd=tmp_path, env=environ, check=True)
        files[setting] = {name: (tmp_path / f"{name}_dream.png").read_bytes() for name in PICTURES}
    reference = files.pop("two threads")
    for setting, dreams in files.items():
        assert dreams == reference, setting
