"""A mask that fits the picture."""

import numpy as np
import pytest

from deepdream.errors import DreamError
from deepdream.images.picture import Picture
from deepdream.web.masks import fitted


def mask(h, w, alpha=False):
    return Picture(np.full((h, w, 3), 255, np.uint8), np.full((h, w), 9, np.uint8) if alpha else None, "sum")


def test_one_of_the_same_size_stays():
    given = mask(30, 40)
    assert fitted(given, (30, 40)) is given


@pytest.mark.parametrize("size", [(60, 80), (683, 1024), (1, 1)])
def test_one_of_the_same_shape_is_resized(size):
    h, w = size
    made = fitted(mask(max(1, h // 2), max(1, w // 2), alpha=True), size)
    assert made.pixels.shape == (h, w, 3)
    assert made.alpha.shape == (h, w)
    assert (made.pixels == 255).all()
    assert made.sha256 == "sum"


def test_another_shape_is_refused():
    with pytest.raises(DreamError, match=r"^the mask is 40x30 and the picture 40x40: give it the same shape$"):
        fitted(mask(30, 40), (40, 40))
