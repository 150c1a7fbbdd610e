"""The calls that NumPy arrays and torch tensors answer differently, and a whole dream on tensors."""

import numpy as np
import pytest
import torch

from deepdream import arrays, deepdream, guide_features, load_net, objective_guide, objective_L2
from deepdream.ascent import Ascent, Term
from deepdream.dream import dreamt
from deepdream.engines.torch import net as torch_net
from deepdream.settings import DreamSettings, ObjectiveSettings
from tests.helpers.tiny import tiny_net

PICTURE = np.float32(np.random.RandomState(0).uniform(0, 255, (40, 50, 3)))
KINDS = [np.asarray, torch.from_numpy]


@pytest.mark.parametrize("kind", KINDS)
def test_roll_is_two_rolls_of_2015(kind):
    x = np.arange(24.0).reshape(2, 3, 4)
    rolled = arrays.roll(kind(x), (-1, 2))
    np.testing.assert_array_equal(np.asarray(rolled), np.roll(np.roll(x, 2, -1), -1, -2))


@pytest.mark.parametrize("kind", KINDS)
def test_like_and_to_numpy_undo_each_other(kind):
    x = kind(np.ones((2, 3), np.float64))
    there = arrays.like(np.float32([[1, 2, 3]]), x)
    assert type(there) is type(x)
    np.testing.assert_array_equal(arrays.to_numpy(there), [[1, 2, 3]])


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_stays_as_it_was(kind):
    x = kind(np.ones((2, 3), np.float32))
    copy = arrays.copied(x)
    x[:] = 5
    assert type(copy) is type(x)
    np.testing.assert_array_equal(np.asarray(copy), 1)


@pytest.mark.parametrize("guided", [False, True])
def test_a_dream_on_tensors_is_the_dream_on_arrays(tmp_path, monkeypatch, guided):
    """As on a GPU, where blobs are tensors; in float64, so that their other order of summation changes no switch."""
    dreams = []
    for shown in (torch_net._array, lambda tensor: tensor):
        monkeypatch.setattr(torch_net, "_array", shown)
        net = load_net(tiny_net(tmp_path / "tiny"), "torch", "cpu", "float64", "needed")
        objective = objective_guide(guide_features(net, PICTURE[:20])) if guided else objective_L2
        dreams.append(deepdream(net, PICTURE, 3, 3, objective=objective, seed=1))
    assert isinstance(net.blobs["data"].data, torch.Tensor)
    assert abs(dreams[0] - PICTURE).mean() > 1
    np.testing.assert_allclose(dreams[0], dreams[1], atol=1e-3)


def test_a_mask_and_priors_on_tensors_are_those_on_arrays(tmp_path, monkeypatch):
    mask = np.float32(np.arange(50) > 20) * np.ones((40, 1), np.float32)
    dreams, dream, goal = (
        [],
        DreamSettings(iter_n=2, octave_n=2, seed=1),
        ObjectiveSettings(tv=0.1, decay=0.1, blur=0.5),
    )
    for shown in (torch_net._array, lambda tensor: tensor):
        monkeypatch.setattr(torch_net, "_array", shown)
        net = load_net(tiny_net(tmp_path / "tiny"), "torch", "cpu", "float64", "needed")
        ascent = Ascent(net, dream, [Term(dream.end, objective_L2), Term("conv1", objective_L2, 0.5)], goal, mask)
        dreams.append(dreamt(net, PICTURE, dream, ascent))
    assert isinstance(net.blobs["data"].data, torch.Tensor)
    assert abs(dreams[0] - PICTURE)[:, 25:].mean() > 1
    np.testing.assert_allclose(dreams[0], dreams[1], atol=1e-3)
