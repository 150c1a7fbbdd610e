from types import SimpleNamespace

import numpy as np
import pytest

from deepdream import objectives
from deepdream.errors import UsageError
from deepdream.objectives import objective_channel, objective_guide, objective_L2


def blob(*shape, seed=0):
    data = np.random.RandomState(seed).normal(size=shape).astype(np.float32)
    return SimpleNamespace(data=data, diff=np.full(shape, 7, np.float32))


def test_l2_is_the_gradient_of_half_the_sum_of_squares():
    dst = blob(1, 3, 4, 5)
    dst.data = dst.data.astype(np.float64)
    objective_L2(dst)

    def half_squares(x):
        return (x**2).sum() / 2

    for index in np.ndindex(1, 3, 4, 5):
        nudge = np.zeros((1, 3, 4, 5))
        nudge[index] = 1e-5
        slope = (half_squares(dst.data + nudge) - half_squares(dst.data - nudge)) / 2e-5
        assert dst.diff[index] == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize("scores", [1, 50, 2**26])  # how many are held at once does not matter
def test_every_position_gets_the_guide_vector_of_the_greatest_dot_product(monkeypatch, scores):
    monkeypatch.setattr(objectives, "_SCORES", scores)
    dst, guide = blob(1, 6, 4, 5), blob(6, 3, 7, seed=1).data
    objective_guide(guide)(dst)
    for row, column in np.ndindex(4, 5):
        x = dst.data[0, :, row, column]
        products = {place: float(x @ guide[(slice(None), *place)]) for place in np.ndindex(3, 7)}
        best = max(products, key=products.get)
        np.testing.assert_array_equal(dst.diff[0, :, row, column], guide[(slice(None), *best)])


def test_a_channel_is_the_gradient_of_its_sum():
    dst = blob(2, 5, 3, 4)
    objective_channel([1, 4])(dst)
    for c in range(5):
        assert (dst.diff[:, c] == (c in (1, 4))).all()


@pytest.mark.parametrize("channels", [[5], [0, 9], [-1]])
def test_a_channel_that_is_not_there_is_refused(channels):
    dst = blob(2, 5, 3, 4)
    with pytest.raises(UsageError, match=rf"no channel {channels[-1]}: .* 0 to 4$"):
        objective_channel(channels)(dst)
    assert (dst.diff == 7).all()


@pytest.mark.parametrize("features", [(3, 7), (12, 3, 7), (3, 2, 7), (126,)])
def test_a_guide_of_other_channels_is_refused(features):
    """Of 12 channels it has twice as many numbers, of 3 half of them: neither is taken for 6."""
    with pytest.raises(UsageError, match=rf"guide features have {features[0]} channels.* 6: "):
        objective_guide(blob(*features).data)(blob(1, 6, 4, 5))
