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
    "two threads": ("2", {}),
    "one thread": ("1", {}),
    "MKL's compatible path": ("2", {"MKL_CBWR": "COMPATIBLE"}),
    "MKL's AVX2 path": ("2", {"MKL_CBWR": "AVX2"}),
    "PyTorch without vectors": ("2", {"ATEN_CPU_CAPABILITY": "default"}),
}
DREAM = """
import sys
from deepdream.cli import main
for name in ("natural", "half_flat"):
    code = main([name + ".png", name + "_dream.png", "--seed", "0", "--precision", "float64", *sys.argv[1:]])
    assert code == 0
"""


@needs_models
def test_the_same_file_in_every_setting(tmp_path):
    with Image.open(ROOT / "examples" / "clouds.jpg") as clouds:
        natural = np.asarray(clouds.resize((200, 125)))
    half_flat = natural.copy()
    half_flat[:70] = 255
    files = {}
    for setting, (threads, variables) in SETTINGS.items():
        folder = tmp_path / setting
        folder.mkdir()
        for name, pixels in (("natural", natural), ("half_flat", half_flat)):
            Image.fromarray(pixels).save(folder / f"{name}.png")
        subprocess.run(
            [
                sys.executable,
                "-c",
                DREAM,
                "--engine",
                "torch",
                "--model",
                model("bvlc_googlenet"),
                "--threads",
                threads,
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
            check=True,
        )
        files[setting] = [(folder / f"{name}_dream.png").read_bytes() for name in ("natural", "half_flat")]
    reference = files.pop("two threads")
    for setting, dreams in files.items():
        assert dreams == reference, setting
