"""The gradients of the priors against the formulas' own finite differences."""

import numpy as np
import pytest

from deepdream import regularizers


def noise(*shape, seed=0):
    return np.random.RandomState(seed).normal(0, 40, shape)


def slopes(formula, x, nudge=1e-3):
    """The formula's central differences by each number of x."""
    found = np.empty_like(x)
    for index in np.ndindex(*x.shape):
        step = np.zeros_like(x)
        step[index] = nudge
        found[index] = (formula(x + step) - formula(x - step)) / (2 * nudge)
    return found


def neighbours_apart(x):
    total = 0.0
    for c, i, j in np.ndindex(*x.shape):
        if j + 1 < x.shape[2]:
            total += (x[c, i, j + 1] - x[c, i, j]) ** 2
        if i + 1 < x.shape[1]:
            total += (x[c, i + 1, j] - x[c, i, j]) ** 2
    return total


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 1, 4), (3, 5, 1), (3, 1, 1)])
@pytest.mark.parametrize(
    ("prior", "formula"),
    [(regularizers.total_variation, neighbours_apart), (regularizers.decay, lambda x: (x**2).sum())],
)
def test_a_prior_is_the_gradient_of_its_formula(prior, formula, shape):
    x = noise(*shape)
    np.testing.assert_allclose(prior(x), slopes(formula, x), atol=1e-4)


@pytest.mark.parametrize("prior", [regularizers.total_variation, regularizers.decay])
def test_a_prior_keeps_the_type_and_leaves_the_picture(prior):
    x = np.float32(noise(3, 4, 5))
    before = x.copy()
    assert prior(x).dtype == np.float32
    np.testing.assert_array_equal(x, before)


def test_blur_is_a_gaussian_of_its_radius():
    gradient = np.zeros((3, 41, 41), np.float32)
    gradient[1, 20, 20] = 1
    distance = np.arange(-20, 21) ** 2
    bell = np.exp(-distance / (2 * 2.5**2))
    bell /= bell.sum()
    blurred = regularizers.blur(gradient, 2.5)
    assert blurred.dtype == np.float32
    np.testing.assert_allclose(blurred[1], np.outer(bell, bell), atol=1e-5)  # SciPy's ends at four radii
    assert not blurred[[0, 2]].any()


def test_blur_leaves_what_is_the_same_everywhere():
    np.testing.assert_allclose(regularizers.blur(np.full((3, 6, 7), 3.5, np.float32), 2), 3.5, rtol=1e-6)


def test_on_tensors_as_on_arrays():
    torch = pytest.importorskip("torch")
    x = np.float32(noise(3, 6, 7))
    for prior in (regularizers.total_variation, regularizers.decay, lambda x: regularizers.blur(x, 1.5)):
        found = prior(torch.from_numpy(x))
        assert isinstance(found, torch.Tensor)
        np.testing.assert_allclose(found.numpy(), prior(x), rtol=1e-6)
