"""Byte for byte what the notebook of July 2015 computed: its net and its functions beside ours, on real Caffe."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("caffe", reason="needs real Caffe")

import caffe

from benchmarks import figures
from deepdream import deepdream, guide_features, load_net, objective_guide, objective_L2
from deepdream.images.picture import to_uint8
from tests.helpers import dream2015
from tests.helpers.shared import SHARED, model, needs_models

pytestmark = needs_models
GOOGLENET = model("bvlc_googlenet")


def notebooks_net(folder):
    """caffe.Classifier itself, made as the notebook made it."""
    prototxt = folder / "tmp.prototxt"
    prototxt.write_text((Path(GOOGLENET) / "deploy.prototxt").read_text() + "force_backward: true\n")
    (weights,) = Path(GOOGLENET).glob("*.caffemodel")
    mean = np.float32([104.0, 116.0, 122.0])
    return caffe.Classifier(str(prototxt), str(weights), mean=mean, channel_swap=(2, 1, 0))


def read(name, size=None):
    with Image.open(SHARED / "images" / name) as picture:
        return np.float32(picture.resize(size) if size else picture)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("guided", [False, True])
@pytest.mark.parametrize("end", ["inception_4c/output", "inception_3b/5x5_reduce"])
def test_same_bytes(tmp_path, end, guided, clip):
    sky, guide = read("sky1024px.jpg", (128, 72)), read("flowers.jpg", (90, 64))
    theirs = notebooks_net(tmp_path)
    objective = dream2015.objective_guide(dream2015.features(theirs, guide, end)) if guided else dream2015.objective_L2
    expected = dream2015.deepdream(theirs, sky, 3, 3, 1.4, end, clip, objective, seed=3)
    for blobs in ("all", "needed"):
        ours = load_net(GOOGLENET, "caffe", "cpu", blobs=blobs)
        objective = objective_guide(guide_features(ours, guide, end)) if guided else objective_L2
        dream = deepdream(ours, sky, 3, 3, 1.4, end, clip, objective, seed=3)
        assert dream.tobytes() == expected.tobytes()
    assert abs(expected - sky).mean() > 3  # it is a dream


@pytest.mark.parametrize("leftovers", [True, False])
def test_a_second_dream_on_the_same_net_has_the_notebooks_bytes_with_leftovers_only(tmp_path, leftovers):
    sky, ends = read("sky1024px.jpg", (128, 72)), ("inception_4c/output", "inception_3b/5x5_reduce")
    theirs, ours = notebooks_net(tmp_path), load_net(GOOGLENET, "caffe", "cpu", leftovers=leftovers)
    for end in ends:
        expected = dream2015.deepdream(theirs, sky, 3, 2, 1.4, end, True, dream2015.objective_L2, seed=1)
        dream = deepdream(ours, sky, 3, 2, 1.4, end, seed=1)
    assert (dream.tobytes() == expected.tobytes()) == leftovers


def test_the_leftovers_of_the_notebooks_first_dream_are_in_googles_second_picture():
    """Google's published 3b/5x5_reduce was dreamt on the net that had dreamt 4c/output before (docs/fidelity.md)."""
    sky = read("sky1024px.jpg")
    seeds, found = (100, 101), {True: [], False: []}
    for leftovers, seed in ((True, seeds[0]), (True, seeds[1]), (False, seeds[0])):
        net = load_net(GOOGLENET, "caffe", "cpu", leftovers=leftovers)
        if leftovers:
            deepdream(net, sky, seed=seed - 100)
        dream = deepdream(net, sky, end="inception_3b/5x5_reduce", seed=seed)
        found[leftovers].append(figures.figures(figures.shown(np.uint8(sky)), figures.shown(to_uint8(dream))))
    google = np.array([25.01, 0.4185, 11.18, 8.24])  # PSNR, SSIM, mean |d|, mean |dx| of the published picture
    assert abs(np.mean(found[True], 0) / google - 1).max() < 0.01
    assert abs(np.mean(found[False], 0) / google - 1).max() > 0.01
