"""Every recorded step and blob of real Caffe, within the bounds that the project promises."""

import numpy as np
import pytest

from benchmarks.timing import dream_step
from tests.engines.torch.agreement import BLOBS, STEPS, blob_errors, load, step_errors
from tests.helpers.shared import needs_models, needs_reference

pytestmark = [needs_models, needs_reference]


@pytest.fixture(scope="module", autouse=True)
def forget():
    """The nets, as soon as these tests have ended."""
    yield
    load.cache_clear()


@pytest.mark.parametrize(("precision", "blobs"), [("float32", "all"), ("float32", "needed"), ("float64", "needed")])
@pytest.mark.parametrize("name", STEPS)
def test_every_step_agrees_with_caffe(name, precision, blobs):
    errors = step_errors(name, precision, blobs)
    assert errors.gradient_median <= 2e-6
    assert errors.gradient_mean <= 1e-3  # a switch that rounding flips moves a few gradients by far
    assert errors.after_median <= 1e-3


def test_no_rounding_breaks_ties_in_a_flat_area():
    """There all values of a pooling's window are the same, and another winner would give another gradient."""
    random, gradients = np.random.RandomState(0), []
    picture = np.float32(random.uniform(-120, 140, (3, 64, 96)))
    picture[:, :, :56] = 140
    for precision, blobs in (("float64", "all"), ("float64", "needed"), ("float32", "needed")):
        net = load("bvlc_googlenet", precision, blobs)
        net.blobs["data"].reshape(1, *picture.shape)
        gradients.append(dream_step(net, "inception_3b/output", picture[None])().astype(np.float64))
    direct, *others = (gradient[0, :, 8:-8, 8:40] for gradient in gradients)
    assert abs(direct).mean() > 0.01 * abs(gradients[0]).mean()
    for flat in others:
        assert np.median(abs(flat - direct)) < 1e-6 * abs(direct).mean()


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("name", BLOBS)
def test_every_blob_agrees_with_caffe(name, precision):
    errors = list(blob_errors(name, precision))
    assert len(errors) >= 40
    data = np.concatenate([e.data for e in errors])
    diff = np.concatenate([e.diff for e in errors])
    print(f"over 1e-4: {np.mean(data > 1e-4):.2%} of the data, {np.mean(diff > 1e-4):.2%} of the diffs")
    assert data.max() <= 1e-4
    assert np.mean(diff > 1e-4) <= 0.01  # behind a switch that rounding flips
    assert np.median(diff) <= 2e-6
