"""Steps along several terms, priors and a mask: against finite differences through the net, and by hand."""

import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.ndimage

from deepdream import deepdream, guide_features, load_net, make_step, objective_channel, objective_guide, objective_L2
from deepdream import regularizers as formulas
from deepdream.ascent import Ascent, Term
from deepdream.dream import dream_steps
from deepdream.errors import DreamError
from deepdream.net_input import deprocess
from deepdream.settings import DreamSettings, ObjectiveSettings
from tests.helpers.nets import input_layer, layer, write_net
from tests.helpers.shared import ENGINE

TEXT = (
    input_layer((1, 3, 24, 24))
    + layer("first", "Convolution", "data", param="convolution_param { num_output: 4 kernel_size: 3 stride: 2 }")
    + layer("relu", "ReLU", "first", "first")
    + layer("second", "Convolution", "first", param="convolution_param { num_output: 5 kernel_size: 3 }")
    + layer("aside", "Convolution", "first", param="convolution_param { num_output: 3 kernel_size: 1 }")
)
SIZE = (16, 20)
STILL = DreamSettings("second", jitter=0, clip=False)


@pytest.fixture
def folder(tmp_path):
    write_net(tmp_path, TEXT)
    return str(tmp_path)


def noise(*shape, seed=1):
    return np.random.RandomState(seed).uniform(-100, 100, shape).astype(np.float32)


def net_with(folder, picture, **options):
    net = load_net(folder, ENGINE, "cpu", **options)
    net.blobs["data"].reshape(1, *picture.shape)
    net.blobs["data"].data[0] = picture
    return net


def stepped(net, terms, dream=STILL, goal=None, mask=None, base=None):
    """The picture after one step, (3, h, w)."""
    ascend = Ascent(net, dream, terms, goal or ObjectiveSettings(), mask)
    ascend(net.blobs["data"].data[0].copy() if base is None else base, np.random.RandomState(3))
    return net.blobs["data"].data[0].copy()


TERMS = {
    "one layer": [Term("second", objective_L2)],
    "two layers": [Term("second", objective_L2), Term("aside", objective_L2, 0.5)],
    "away from one": [Term("second", objective_L2), Term("first", objective_L2, -0.3)],
    "channels": [Term("second", objective_channel([0, 3]))],
    "channels of two layers": [Term("second", objective_channel([1])), Term("aside", objective_channel([2]), 2.0)],
}
# What each of these is the gradient of.
VALUES = {
    "one layer": lambda b: (b["second"] ** 2).sum() / 2,
    "two layers": lambda b: (b["second"] ** 2).sum() / 2 + 0.5 * (b["aside"] ** 2).sum() / 2,
    "away from one": lambda b: (b["second"] ** 2).sum() / 2 - 0.3 * (b["first"] ** 2).sum() / 2,
    "channels": lambda b: b["second"][:, [0, 3]].sum(),
    "channels of two layers": lambda b: b["second"][:, 1].sum() + 2 * b["aside"][:, 2].sum(),
}


@pytest.mark.skipif(ENGINE == "caffe", reason="finite differences need float64")
@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize("case", TERMS)
def test_the_step_goes_along_the_finite_differences(folder, case, blobs):
    picture = noise(3, *SIZE)
    net = net_with(folder, picture, precision="float64", blobs=blobs)

    def value(x):
        found = {}
        for end in ("first", "second", "aside"):  # each as it is where a pass ends there
            net.blobs["data"].data[0] = x
            net.forward(end=end)
            found[end] = net.blobs[end].data.copy()
        return VALUES[case](found)

    change = stepped(net, TERMS[case]) - picture
    random = np.random.RandomState(5)
    places = [tuple(random.randint(0, n) for n in picture.shape) for _ in range(12)]
    slopes = []
    for place in places:
        nudge = np.zeros(picture.shape)
        nudge[place] = 1e-4
        slopes.append((value(picture + nudge) - value(picture - nudge)) / 2e-4)
    found = np.array([change[place] for place in places])
    assert abs(change).mean() == pytest.approx(STILL.step_size)
    np.testing.assert_allclose(found / abs(found).sum(), slopes / np.abs(slopes).sum(), atol=1e-6)


def test_one_layer_is_make_step_to_the_byte(folder):
    picture = noise(3, *SIZE)
    results = []
    for step in (
        lambda net: make_step(net, end="second", rng=np.random.RandomState(3)),
        lambda net: stepped(net, TERMS["one layer"], DreamSettings("second")),
    ):
        net = net_with(folder, picture)
        step(net)
        results.append(net.blobs["data"].data.tobytes())
    assert results[0] == results[1]


def test_a_guide_is_a_term_too(folder):
    image, guide = (noise(*SIZE, 3, seed=seed) + 128 for seed in (1, 2))
    dream = DreamSettings("second", 2, 2, seed=5)
    net = load_net(folder, ENGINE, "cpu")
    objective = objective_guide(guide_features(net, guide, "second"))
    expected = deepdream(net, image, 2, 2, end="second", objective=objective, seed=5)
    for _ in dream_steps(net, image, dream, Ascent(net, dream, [Term("second", objective)])):
        pass
    assert deprocess(net, net.blobs["data"].data[0]).astype(np.float32).tobytes() == expected.tobytes()


@pytest.mark.parametrize("jitter", [0, 7])
@pytest.mark.parametrize(
    "goal", [{"tv": 0.01}, {"decay": 0.004}, {"blur": 1.5}, {"tv": 0.003, "decay": 0.001, "blur": 0.8}]
)
def test_priors_are_weighed_by_the_mean_gradient_and_know_the_border(folder, goal, jitter):
    """By hand: the priors on the picture as it stands, whatever the shift was."""
    picture = noise(3, *SIZE)
    net = net_with(folder, picture)
    oy, ox = np.random.RandomState(3).randint(-jitter, jitter + 1, 2)[::-1]
    net.blobs["data"].data[0] = np.roll(picture, (oy, ox), (1, 2))
    net.forward(end="second")
    objective_L2(net.blobs["second"])
    net.backward(start="second")
    gradient = np.roll(net.blobs["data"].diff[0], (-oy, -ox), (1, 2)).astype(np.float64)
    if "blur" in goal:
        gradient = scipy.ndimage.gaussian_filter(gradient, (0, goal["blur"], goal["blur"]), mode="nearest")
    gradient /= abs(gradient).mean()
    gradient -= goal.get("tv", 0) * formulas.total_variation(picture) + goal.get("decay", 0) * formulas.decay(picture)
    expected = picture + 1.5 * gradient / abs(gradient).mean()

    net.blobs["data"].data[0] = picture
    dream = DreamSettings("second", jitter=jitter, clip=False)
    found = stepped(net, TERMS["one layer"], dream, ObjectiveSettings(**goal))
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert abs(expected - picture - 1.5 * np.sign(gradient)).max() > 0.1  # it is not something trivial


def test_smoothness_smooths(folder):
    image = noise(40, 50, 3) + 128
    roughness = {}
    for goal in ({}, {"tv": 0.02}, {"blur": 2.0}):
        net = load_net(folder, ENGINE, "cpu")
        dream = DreamSettings("second", 10, 2, seed=0)
        *_, last = dream_steps(net, image, dream, Ascent(net, dream, TERMS["one layer"], ObjectiveSettings(**goal)))
        shown = last.picture() if "tv" in goal else last.picture() - image
        roughness[str(goal)] = abs(np.diff(shown, axis=1)).mean()
    assert roughness["{'tv': 0.02}"] < 0.7 * abs(np.diff(image, axis=1)).mean()
    assert roughness["{'blur': 2.0}"] < 0.7 * roughness["{}"]


def test_a_white_mask_changes_nothing(folder):
    image = noise(*SIZE, 3) + 128
    pictures = []
    for mask in (None, np.ones(SIZE, np.float32)):
        net = load_net(folder, ENGINE, "cpu")
        dream = DreamSettings("second", 3, 2, seed=2)
        *_, last = dream_steps(net, image, dream, Ascent(net, dream, TERMS["one layer"], mask=mask))
        pictures.append(last.picture())
    np.testing.assert_allclose(pictures[0], pictures[1], atol=1e-4)


@pytest.mark.parametrize("octaves", [1, 3])
def test_nothing_is_dreamt_where_the_mask_is_black(folder, octaves):
    """Not a pixel, though an octave's change is enlarged over the edge of the mask for the next."""
    image = np.round(noise(40, 50, 3) + 128).clip(0, 255)
    mask = np.zeros((40, 50), np.float32)
    mask[10:30, 15:40] = 1
    net = load_net(folder, ENGINE, "cpu")
    dream = DreamSettings("second", 3, octaves, seed=2)
    *_, last = dream_steps(net, image, dream, Ascent(net, dream, TERMS["one layer"], mask=mask))
    change = abs(last.picture() - image)
    assert change[mask == 0].max() < 1e-4
    assert change[mask == 1].mean() > 1


def test_grey_lets_through_its_share(folder):
    picture = noise(3, *SIZE)
    changes = [
        stepped(net_with(folder, picture), TERMS["one layer"], mask=np.full(SIZE, share, np.float32)) - picture
        for share in (1, 0.25)
    ]
    np.testing.assert_allclose(changes[1], 0.25 * changes[0], atol=1e-4)


def test_terms_that_cancel_are_no_gradient(folder):
    net = net_with(folder, noise(3, *SIZE))
    with pytest.raises(DreamError, match="the gradient is zero"):
        stepped(net, [Term("second", objective_L2), Term("second", objective_L2, -1.0)])


@pytest.mark.parametrize(
    "goal", [{}, {"tv": 0.1}, {"decay": 0.1}, {"blur": 1.0}, {"tv": 0.1, "decay": 0.1, "blur": 1.0}]
)
@pytest.mark.parametrize("terms", [1, 3])
@pytest.mark.parametrize("has_mask", [False, True])
def test_a_step_takes_no_more_memory_than_it_says(goal, terms, has_mask):
    """Besides a net that takes none; 13 bytes a pixel are a plain step's, which copies the gradient once."""
    size = (400, 300)
    blob = SimpleNamespace(data=noise(1, 3, *size), diff=noise(1, 3, *size, seed=2))
    mean = {"data": np.float32([104, 116, 122])[:, None, None]}
    net = SimpleNamespace(inputs=["data"], blobs={"data": blob}, transformer=SimpleNamespace(mean=mean))
    net.forward = net.backward = lambda **_: None
    mask = np.ones(size, np.float32) if has_mask else None
    ascend = Ascent(net, DreamSettings(), [Term("data", lambda dst: None)] * terms, ObjectiveSettings(**goal), mask)
    base, rng = blob.data[0].copy(), np.random.RandomState(0)
    ascend(base, rng)  # imports whatever it needs
    tracemalloc.start()
    ascend(base, rng)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    allowed = 13 + Ascent.bytes_per_pixel(terms, ObjectiveSettings(**goal), has_mask)
    assert peak < allowed * np.prod(size)
