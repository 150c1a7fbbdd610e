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
DREAM = """
import sys
from deepdream.cli import main
sys.exit(main(["in.png", "out.png", "--octaves", "2", "--seed", "0", "--precision", "float64", *sys.argv[1:]]))
"""


@needs_models
def test_the_same_file_in_every_setting(tmp_path):
    """Of a picture that is half flat: where values are the same, rounding alone would choose a pooling's maximum."""
    with Image.open(ROOT / "examples" / "clouds.jpg") as clouds:
        picture = np.asarray(clouds.resize((64, 40))).copy()
    picture[: len(picture) * 4 // 7] = 255
    Image.fromarray(picture).save(tmp_path / "in.png")
    args = ["--engine", "torch", "--model", model("bvlc_googlenet"), "--threads"]
    files = {}
    for setting, (threads, variables) in SETTINGS.items():
        environ = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
        subprocess.run([sys.executable, "-c", DREAM, *args, threads], cwd=tmp_path, env=environ, check=True)
        files[setting] = (tmp_path / "out.png").read_bytes()
        (tmp_path / "out.png").unlink()
    reference = files.pop("two threads")
    for setting, dream in files.items():
        assert dream == reference, setting
