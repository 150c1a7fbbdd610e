"""Octaves of rings, by their formula; all others are scipy.ndimage.zoom's, as in 2015."""

import numpy as np
import pytest
import scipy.ndimage as nd

from deepdream.resize import zoomed

PLANES = np.random.RandomState(0).uniform(0, 255, (3, 12, 20)).astype(np.float32)


SIZES = [(9, 14), (12, 20), (17, 28), (1, 1), (1, 50), (200, 3), (65, 128)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", SIZES)
def test_without_a_ring_it_is_scipys(size, dtype):
    planes = PLANES.astype(dtype) - 99
    wanted = nd.zoom(planes, (1, 1.0 * size[0] / 12, 1.0 * size[1] / 20), order=1)
    assert zoomed(planes, size).tobytes() == wanted.tobytes()


def test_it_is_scipys_for_any_lengths():
    """Also where rounding puts the last pixel behind the old one, and scipy writes 0."""
    behind = 0
    for old in range(1, 80):
        line = np.random.RandomState(old).uniform(1, 2, (1, old, 1)).astype(np.float32)
        for new in range(1, 120):
            wanted = nd.zoom(line, (1, 1.0 * new / old, 1), order=1)
            assert zoomed(line, (new, 1)).tobytes() == wanted.tobytes()
            behind += wanted[0, -1, 0] == 0
    assert behind


@pytest.mark.parametrize("new", [1, 7, 14, 20, 33])
def test_a_ring_is_weighed_between_its_two_nearest_pixels(new):
    """Pixel o is at (o + 0.5) * 20 / new - 0.5 of the old ones; the other axis is scipy's."""
    found = zoomed(PLANES, (12, new), "x")
    assert found.dtype == np.float32
    for o in range(new):
        place = (o + 0.5) * 20 / new - 0.5
        weights = np.zeros(20)
        for pixel in range(-1, 21):
            weights[pixel % 20] += max(0, 1 - abs(place - pixel))
        np.testing.assert_allclose(found[:, :, o], PLANES @ weights, atol=1e-3)
    turned = zoomed(PLANES.transpose(0, 2, 1), (new, 12), "y")
    np.testing.assert_array_equal(turned, found.transpose(0, 2, 1))
    both = zoomed(PLANES, (9, new), "x")
    np.testing.assert_allclose(both, nd.zoom(found, (1, 9 / 12, 1), order=1), atol=1e-3)


def test_halving_and_doubling_a_rolled_ring_rolls_it():
    rolled = np.roll(PLANES, (4, -6), (1, 2))
    for factor in (2, 0.5):
        size = (int(12 * factor), int(20 * factor))
        wanted = np.roll(zoomed(PLANES, size, "xy"), (int(4 * factor), int(-6 * factor)), (1, 2))
        np.testing.assert_array_equal(zoomed(rolled, size, "xy"), wanted)
