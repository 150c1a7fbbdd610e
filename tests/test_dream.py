from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from deepdream import deepdream, deprocess, guide_features, load_net, make_step, objective_guide, preprocess
from deepdream.dream import Begun, dream_steps
from deepdream.errors import DreamError
from deepdream.settings import DreamSettings
from tests.helpers import dream2015
from tests.helpers.nets import write_net
from tests.helpers.shared import ENGINE, SHARED, model, needs_models
from tests.helpers.two_branches import OCTAVES, TEXT, picture


@pytest.fixture
def folder(tmp_path):
    write_net(tmp_path, TEXT)
    return str(tmp_path)


@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("end", ["both", "narrow"])
@pytest.mark.parametrize("guided", [False, True])
def test_same_bytes_as_the_2015_functions(folder, blobs, clip, end, guided):
    def objective(module_guide, features, net):
        return module_guide(features(net, picture(33, 40, seed=2), end))

    net = load_net(folder, ENGINE, "cpu", blobs=blobs)
    goal = objective(dream2015.objective_guide, dream2015.features, net) if guided else dream2015.objective_L2
    expected = dream2015.deepdream(net, picture(), end=end, clip=clip, objective=goal, seed=7, **OCTAVES)

    net = load_net(folder, ENGINE, "cpu", blobs=blobs)
    goal = {"objective": objective(objective_guide, guide_features, net)} if guided else {}
    dream = deepdream(net, picture(), end=end, clip=clip, seed=7, **OCTAVES, **goal)
    assert dream.dtype == np.float32
    assert dream.shape == (45, 60, 3)
    assert dream.tobytes() == expected.tobytes()
    assert abs(dream - picture()).mean() > 2  # it is a dream


@needs_models
@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize(("end", "guided"), [("inception_4c/output", False), ("inception_3b/output", True)])
def test_same_bytes_as_the_2015_functions_with_googlenet(blobs, clip, end, guided):
    with Image.open(SHARED / "images" / "sky1024px.jpg") as sky, Image.open(
        SHARED / "images" / "flowers.jpg"
    ) as flowers:
        image, guide = np.float32(sky.resize((128, 72))), np.float32(flowers.resize((64, 64)))
    dreams = []
    for deep, goal, features in (
        (dream2015.deepdream, dream2015.objective_guide, dream2015.features),
        (deepdream, objective_guide, guide_features),
    ):
        net = load_net(model("bvlc_googlenet"), ENGINE, "cpu", blobs=blobs)
        objective = goal(features(net, guide, end)) if guided else dream2015.objective_L2
        dreams.append(deep(net, image, 2, 2, 1.4, end=end, clip=clip, objective=objective, seed=3))
    assert dreams[0].tobytes() == dreams[1].tobytes()


@pytest.mark.skipif(ENGINE == "caffe", reason="Caffe has no float64")
def test_the_two_modes_dream_alike_in_float64(folder):
    dreams = [
        deepdream(load_net(folder, ENGINE, "cpu", "float64", blobs), picture(), end="both", seed=1, **OCTAVES)
        for blobs in ("all", "needed")
    ]
    assert dreams[0].dtype == np.float32
    assert abs(dreams[0] - dreams[1]).max() < 1e-3


def test_the_global_random_numbers_serve_make_step_as_in_2015(folder):
    net = load_net(folder, ENGINE, "cpu")
    pictures = []
    for step in (
        lambda: make_step(net, end="both"),
        lambda: dream2015.make_step(net, 1.5, "both", 32, True, dream2015.objective_L2),
    ):
        net.blobs["data"].reshape(1, 3, 45, 60)
        net.blobs["data"].data[0] = preprocess(net, picture())
        np.random.seed(5)
        step()
        pictures.append(net.blobs["data"].data.tobytes())
    assert pictures[0] == pictures[1]


def test_preprocess_is_bgr_minus_the_mean_and_deprocess_its_inverse(folder):
    net = load_net(folder, ENGINE, "cpu")
    image = picture()
    x = preprocess(net, image)
    assert x.shape == (3, 45, 60)
    assert x.dtype == np.float32
    for channel, mean in enumerate((104, 116, 122)):  # blue, green, red
        np.testing.assert_array_equal(x[channel], image[:, :, 2 - channel] - mean)
    np.testing.assert_allclose(deprocess(net, x), image, atol=1e-4)


def test_a_step_changes_the_pixels_by_step_size_in_the_mean(folder):
    net = load_net(folder, ENGINE, "cpu")
    net.blobs["data"].reshape(1, 3, 45, 60)
    before = preprocess(net, picture())
    net.blobs["data"].data[0] = before
    make_step(net, step_size=2.5, end="both", clip=False)
    assert abs(net.blobs["data"].data[0] - before).mean() == pytest.approx(2.5, rel=1e-4)


def test_the_result_is_raw_with_clip_off_and_within_a_picture_with_it(folder):
    net = load_net(folder, ENGINE, "cpu")
    raw = deepdream(net, picture(), end="both", seed=0, clip=False, step_size=40, **OCTAVES)
    clipped = deepdream(net, picture(), end="both", seed=0, clip=True, step_size=40, **OCTAVES)
    assert raw.min() < -1
    assert raw.max() > 256
    assert clipped.min() > -1e-3
    assert clipped.max() < 255 + 1e-3


def test_no_iterations_leave_the_picture_as_it_is(folder):
    dream = deepdream(load_net(folder, ENGINE, "cpu"), picture(), end="both", iter_n=0)
    np.testing.assert_allclose(dream, picture(), atol=1e-4)


def test_without_a_seed_every_dream_is_another(folder):
    net = load_net(folder, ENGINE, "cpu")
    dreams = {deepdream(net, picture(), end="both", **OCTAVES).tobytes() for _ in range(3)}
    assert len(dreams) == 3


def test_the_steps_show_the_dream_growing(folder):
    net = load_net(folder, ENGINE, "cpu")
    shown = []

    def ascend(octave_base, rng):
        assert octave_base.shape == net.blobs["data"].data[0].shape
        make_step(net, end="both", rng=rng)

    for step in dream_steps(net, picture(), DreamSettings("both", seed=4, **OCTAVES), ascend):
        shown.append((step.octave, step.iteration, step.picture().shape, step.whole()))
    assert [(octave, iteration) for octave, iteration, *_ in shown] == [(o, i) for o in range(3) for i in range(3)]
    assert [shape for _, _, shape, _ in shown[::3]] == [(23, 31, 3), (32, 43, 3), (45, 60, 3)]
    assert all(whole.shape == (45, 60, 3) for *_, whole in shown)
    changes = [abs(whole - picture()).mean() for *_, whole in shown]
    assert changes[0] < changes[4] < changes[8]
    assert shown[-1][-1].tobytes() == deepdream(net, picture(), end="both", seed=4, **OCTAVES).tobytes()


def test_a_zero_gradient_is_an_error_and_leaves_the_picture(folder):
    net = load_net(folder, ENGINE, "cpu")
    net.blobs["data"].reshape(1, 3, 45, 60)
    net.blobs["data"].data[0] = before = preprocess(net, picture())

    def nothing(dst):
        dst.diff[:] = 0

    with pytest.raises(DreamError, match=r"gradient is zero"):
        make_step(net, end="both", objective=nothing)
    np.testing.assert_array_equal(net.blobs["data"].data[0], before)


@pytest.mark.parametrize("size", [0, 1e-44, 1e-40])
def test_a_gradient_too_small_to_be_divided_by_is_an_error(size):
    """step_size / size is infinite in float32, and infinity times zero no number."""
    data, diff = np.ones((1, 3, 2, 2), np.float32), np.full((1, 3, 2, 2), size, np.float32)
    blob = SimpleNamespace(data=data, diff=diff)
    net = SimpleNamespace(inputs=["data"], blobs={"data": blob}, forward=lambda end: None, backward=lambda start: None)
    with pytest.raises(DreamError, match="is zero"):
        make_step(net, end="data", objective=lambda dst: None)
    assert (data == 1).all()


def test_a_gradient_that_is_not_finite_is_an_error(folder):
    def boundless(dst):
        dst.diff[:] = np.inf

    with pytest.raises(DreamError, match="not finite"):
        deepdream(load_net(folder, ENGINE, "cpu"), picture(), end="both", objective=boundless)


def test_a_small_guide_works_and_one_too_small_is_refused(folder):
    net = load_net(folder, ENGINE, "cpu")
    assert guide_features(net, picture(32, 32), "both").shape == (9, 8, 8)
    with pytest.raises(DreamError, match="2x2 does not suit layer both, which needs at least 3x3"):
        guide_features(net, picture(2, 2), "both")


BYTES = np.random.RandomState(2).randint(0, 256, (45, 60, 3))
SAME = {
    **{kind: BYTES.astype(kind) for kind in ("uint8", "uint16", "int64", "float16", "float64")},
    "another order": np.asfortranarray(np.float32(BYTES)),
    "a view": np.float32(BYTES[::-1, :, ::-1])[::-1, :, ::-1],
}


@pytest.mark.parametrize("kind", SAME)
def test_numbers_of_any_type_are_the_same_picture(folder, kind):
    net = load_net(folder, ENGINE, "cpu")
    before = SAME[kind].copy()
    SAME[kind].flags.writeable = False
    expected = dream2015.preprocess(net, np.float32(BYTES))
    assert preprocess(net, SAME[kind]).tobytes() == expected.tobytes()
    dreams = [deepdream(net, img, end="both", seed=3, **OCTAVES) for img in (SAME[kind], np.float32(BYTES))]
    assert dreams[0].tobytes() == dreams[1].tobytes()
    np.testing.assert_array_equal(SAME[kind], before)


@pytest.mark.parametrize("done", range(1, 10))
def test_a_dream_goes_on_from_any_step_to_the_same_picture(folder, done):
    """The step that was done is yielded first, then the others."""
    net, settings = load_net(folder, ENGINE, "cpu"), DreamSettings("both", seed=4, **OCTAVES)

    def ascend(_, rng):
        make_step(net, end="both", rng=rng)

    whole = [(step.octave, step.iteration, step.data()) for step in dream_steps(net, picture(), settings, ascend)]
    begun = Begun(done, whole[done - 1][2])
    rest = [(step.octave, step.iteration, step.data()) for step in dream_steps(net, picture(), settings, ascend, begun)]
    assert [(octave, i, data.tobytes()) for octave, i, data in rest] == [
        (octave, i, data.tobytes()) for octave, i, data in whole[done - 1 :]
    ]
