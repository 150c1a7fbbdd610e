"""The motion between frames against clips whose motion is known, the warps against formulas and plain slices."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as nd
from PIL import Image

from benchmarks import clips
from deepdream.errors import DreamError
from deepdream.video import flow

SIZE = (160, 120)
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

cv2 = pytest.importorskip("cv2", reason="the motion of films is OpenCV's")


def picture(name, size=(320, 200)):
    return np.asarray(Image.open(EXAMPLES / name).convert("RGB").resize(size, Image.LANCZOS))


def uniform(vector, shape):
    return np.broadcast_to(np.float32(vector), (*shape, 2))


def grey(level, shape=(48, 64)):
    return np.full((*shape, 3), level, np.uint8)


@pytest.fixture(scope="module")
def panned():
    return list(clips.pan(picture("clouds.jpg"), SIZE, 4, (2.4, 0.7)))


@pytest.fixture(scope="module", params=[0, 1, 2])
def moving(request):
    return list(clips.shapes(SIZE, 4, request.param))


def found_and_true(clip):
    return [(flow.motion(a.frame, b.frame), b) for a, b in zip(clip, clip[1:])]


def misses(pairs):
    """The mean distance in pixels between the estimated flow and the true one, over the pixels that were visible."""
    return np.mean([np.hypot(*(found.flow - true.flow)[true.seen].T).mean() for found, true in pairs])


# the clips themselves


@pytest.mark.parametrize("size", [SIZE, (64, 48)])
def test_the_true_flow_of_the_clips_leads_back_to_the_same_colours(size):
    for clip in (clips.pan(picture("clouds.jpg"), size, 3, (-2.4, 0.7)), clips.shapes(size, 3, seed=5)):
        first, *others = clip
        assert first.frame.shape == (size[1], size[0], 3)
        assert first.flow is None
        assert first.seen is None
        before = first.frame
        for frame, true, seen in others:
            x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
            places = [y + true[..., 1], x + true[..., 0]]
            back = np.stack([nd.map_coordinates(before[..., c] * 1.0, places, mode="nearest") for c in range(3)], -1)
            apart = np.abs(back - frame)[seen]
            assert apart.mean() < 2.5  # an error of one pixel gives 5 to 8
            assert np.median(apart) < 1.5
            before = frame


def test_clips_are_the_same_each_time_and_differ_by_their_seed():
    one, again, other = (next(clips.shapes((40, 30), 1, seed)).frame for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one * 1.0 - other).mean() > 10


def test_a_window_may_not_leave_its_picture():
    with pytest.raises(ValueError, match="leaves the picture"):
        list(clips.pan(picture("clouds.jpg"), SIZE, 100, (2.4, 0.7)))


# the motion


def test_the_motion_of_a_pan(panned):
    assert misses(found_and_true(panned)) < 0.3


def test_the_motion_of_shapes(moving):
    assert misses(found_and_true(moving)) < 0.25


def test_what_was_hidden_is_mostly_told_from_what_was_seen(moving):
    pairs = found_and_true(moving)
    found, hidden = (np.array([~of.seen for of in side]) for side in zip(*pairs))
    assert (found & hidden).sum() > 0.5 * found.sum()
    assert (found & hidden).sum() > 0.2 * hidden.sum()
    assert (found & ~hidden).sum() < 0.02 * (~hidden).sum()


def test_what_came_into_the_picture_was_not_seen(panned):
    for found, true in found_and_true(panned):
        assert found.seen[:-2, :-4].mean() > 0.97
        assert found.seen[:, -1].mean() < 0.1
        assert found.seen[-1].mean() < 0.2
        assert true.seen[:-2, :-4].all()
        assert not true.seen[:, -1].any()


def test_what_moved_right_and_down_comes_from_the_left_and_above():
    random = np.random.RandomState(0)
    ground, thing = clips.texture((96, 80), random), clips.texture((40, 36), random)
    previous, current = ground.copy(), ground.copy()
    previous[20:56, 20:60] = thing
    current[22:58, 25:65] = thing
    moved = flow.motion(previous, current)
    np.testing.assert_allclose(np.median(moved.flow[28:52, 31:59], axis=(0, 1)), (-5, -2), atol=0.1)
    np.testing.assert_allclose(np.median(moved.flow[:12], axis=(0, 1)), (0, 0), atol=0.1)
    carried = moved.carry(np.float32(previous))
    assert np.abs(carried - current)[28:52, 31:59].mean() < 1


def test_identical_frames_stand_still():
    frame = picture("flowers.jpg", SIZE)
    still = flow.motion(frame, frame)
    assert np.abs(still.flow).max() < 0.01
    assert still.seen.all()
    assert still.found == 1
    np.testing.assert_allclose(still.carry(frame), frame, atol=2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (60, 1), (8, 200), (15, 15)])
def test_in_tiny_frames_nothing_is_known_to_move(shape):
    random = np.random.RandomState(0)
    previous, current = (random.randint(0, 256, (*shape, 3)).astype(np.uint8) for _ in range(2))
    known = flow.motion(previous, current)
    assert known.flow.shape == (*shape, 2)
    assert known.flow.dtype == np.float32
    assert not known.flow.any()
    assert known.seen.all()
    np.testing.assert_allclose(known.carry(previous), previous, atol=1e-3)
    assert flow.motion(previous, previous).found == 1
    assert flow.motion(np.zeros_like(previous), np.full_like(previous, 200)).is_cut


@pytest.mark.parametrize("shape", [(16, 16), (16, 400), (400, 16), (17, 31)])
def test_small_frames_have_a_motion(shape):
    random = np.random.RandomState(0)
    wide = clips.texture((shape[1] + 1, shape[0]), random)[::-1]
    moved = flow.motion(wide[:, 1:], wide[:, :-1])  # parts of another picture, upside down
    np.testing.assert_allclose(np.median(moved.flow, axis=(0, 1)), (-1, 0), atol=0.2)


def test_frames_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="64x48 and 48x64"):
        flow.motion(grey(0), grey(0, (64, 48)))


def test_the_same_motion_on_any_number_of_threads(panned):
    before = cv2.getNumThreads()
    try:
        found = []
        for threads in (1, 2, 7):
            cv2.setNumThreads(threads)
            found.append(flow.motion(panned[0].frame, panned[1].frame))
    finally:
        cv2.setNumThreads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(other.flow, found[0].flow)
        np.testing.assert_array_equal(other.seen, found[0].seen)


def test_without_opencv_the_way_out_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert flow.flicker(grey(3), grey(4), uniform((1, 0), (48, 64)), np.ones((48, 64), bool)) == pytest.approx(1)
    with pytest.raises(DreamError, match=r"pip install av opencv-python-headless, or .* --flow off"):
        flow.motion(grey(0), grey(0))


# cuts


def darker(frame, share):
    return np.uint8(frame * share)


def grainy(frame, seed):
    return np.uint8(np.clip(frame + np.random.RandomState(seed).normal(0, 12, frame.shape), 0, 255))


def test_a_scene_that_moves_goes_on(panned, moving):
    for clip in (panned, moving):
        assert all(found.found > 0.9 for found, _ in found_and_true(clip))
        assert not flow.motion(clip[0].frame, clip[3].frame).is_cut


@pytest.mark.parametrize("name", ["clouds.jpg", "flowers.jpg"])
def test_less_light_grain_and_a_dissolve_are_no_cut(name):
    frame = picture(name, SIZE)
    other = picture("flowers.jpg" if name == "clouds.jpg" else "clouds.jpg", SIZE)
    mixed = [np.uint8(frame * (1 - share) + other * share) for share in (0.4, 0.6)]
    for previous, current in [
        (frame, darker(frame, 0.85)),
        (grainy(frame, 0), grainy(frame, 1)),
        mixed,
    ]:
        assert not flow.motion(previous, current).is_cut


def test_a_large_thing_that_comes_before_it_is_no_cut():
    scene, wall = picture("clouds.jpg", SIZE), picture("flowers.jpg", SIZE)
    covered = [np.hstack([wall[:, -x:], scene[:, x:]]) for x in (50, 80)]
    assert not flow.motion(*covered).is_cut


def test_other_scenes_are_cuts():
    scenes = [picture("clouds.jpg", SIZE), picture("flowers.jpg", SIZE), grey(0, SIZE[::-1])]
    scenes += [next(clips.shapes(SIZE, 1, seed)).frame for seed in (0, 1)]
    for i, previous in enumerate(scenes):
        for j, current in enumerate(scenes):
            assert flow.motion(previous, current).is_cut == (i != j)


def test_flat_scenes_are_told_by_their_colour():
    sky = np.uint8(grey(0) + np.array((90, 140, 220)))
    assert not flow.motion(sky, sky).is_cut
    assert not flow.motion(sky, sky - np.uint8(10)).is_cut
    assert flow.motion(sky, grey(120)).is_cut
    assert flow.motion(grey(0), grey(60)).is_cut
    assert not flow.motion(grey(0), grey(0)).is_cut


# warps


@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (0, -2), (-4, 5)])
def test_a_warp_by_whole_pixels_is_a_slice_with_its_border_continued(shift):
    pixels = np.random.RandomState(0).uniform(-40, 300, (30, 36, 3)).astype(np.float32)
    rows = np.clip(np.arange(30) + shift[1], 0, 29)
    columns = np.clip(np.arange(36) + shift[0], 0, 35)
    warped = flow.warp(pixels, uniform(shift, (30, 36)))
    assert warped.dtype == np.float32
    np.testing.assert_allclose(warped, pixels[rows][:, columns], atol=1e-2)


def waves(x, y):
    """(h, w, 3) float32: waves about 9 pixels long, so values between the pixels are known, too."""
    return np.stack([128 + 90 * np.sin(x * a + y * b) for a, b in [(0.7, 0.1), (0.2, -0.6), (0.5, 0.5)]], -1)


def test_a_warp_takes_colours_from_between_the_pixels():
    x, y = np.meshgrid(np.arange(50.0), np.arange(40.0))
    bend = np.stack([1.5 + 2 * np.sin(y / 7), -0.7 + np.cos(x / 9)], axis=-1).astype(np.float32)
    warped = flow.warp(np.float32(waves(x, y)), bend)
    inner = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(warped[inner], waves(x + bend[..., 0], y + bend[..., 1])[inner], atol=0.3)


def test_grain_stays_as_it_was_through_many_warps():
    grain = np.random.RandomState(0).normal(0, 1, (80, 100, 3))
    grain = np.float32(nd.gaussian_filter(grain, (1, 1, 0)) * 140 + 128)
    carried = grain
    for _ in range(30):
        carried = flow.warp(carried, uniform((0.3, 0), (80, 100)))
    inner, origin = carried[20:-20, 20:-40], grain[20:-20, 29:-31]  # moved by 9 pixels
    assert 0.96 < inner.var() / origin.var() < 1.02
    assert np.corrcoef(inner.ravel(), origin.ravel())[0, 1] > 0.99


def test_a_picture_is_left_as_it_was():
    pixels = np.random.RandomState(0).uniform(0, 255, (20, 30, 3)).astype(np.float32)
    before = pixels.copy()
    flow.warp(pixels, uniform((0.5, 0.5), (20, 30)))
    np.testing.assert_array_equal(pixels, before)


# flicker


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_flicker_by_hand(dtype):
    previous = np.zeros((1, 4, 3), dtype)
    previous[0, :, 0] = 10, 20, 30, 40
    current = np.zeros((1, 4, 3), dtype)
    current[0, :, 0] = 23, 30, 99, 40  # 20, 30, 40 and, its border continued, 40 are expected
    current[0, 1, 2] = 9
    seen = np.array([[True, True, False, True]])
    assert flow.flicker(previous, current, uniform((1, 0), (1, 4)), seen) == pytest.approx((3 + 0 + 9 + 0) / 9)


def test_flicker_where_nothing_is_seen():
    assert math.isnan(flow.flicker(grey(1), grey(2), uniform((0, 0), (48, 64)), np.zeros((48, 64), bool)))
