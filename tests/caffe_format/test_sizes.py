"""Octave sizes are scipy's, and a picture that does not suit a layer is refused with what would."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as nd

from deepdream.caffe_format.sizes import check_sizes, octave_sizes
from deepdream.caffe_format.topology import read_topology
from deepdream.errors import DreamError
from tests.helpers.nets import input_layer, layer, write_prototxt
from tests.helpers.tiny import LEAST, tiny_net

LAYER = "inception_4c/output"


@pytest.fixture(scope="module")
def topology(net):
    return read_topology(Path(net) / "deploy.prototxt")


def zoomed_sizes(size, octave_n, scale):
    """The sizes that the 2015 loop really makes."""
    octaves = [np.zeros((1, *size), np.float32)]
    for _ in range(octave_n - 1):
        octaves.append(nd.zoom(octaves[-1], (1, 1.0 / scale, 1.0 / scale), order=1))
    return [octave.shape[1:] for octave in octaves]


def test_octave_sizes_are_what_scipy_makes():
    random = np.random.RandomState(0)
    for _ in range(150):
        size = tuple(int(side) for side in random.randint(20, 200, 2))
        scale = float(random.choice([1.4, 1.3, 1.5, 1.25, 2.0, random.uniform(1.01, 2.2)]))
        assert octave_sizes(size, 4, scale) == zoomed_sizes(size, 4, scale), (size, scale)


@pytest.mark.parametrize("size", [(25, 35), (27, 33), (21, 22), (50, 102)])
def test_halves_are_rounded_as_scipy_rounds_them(size):
    assert octave_sizes(size, 3, 2.0) == zoomed_sizes(size, 3, 2.0)


def test_one_octave_is_the_picture():
    assert octave_sizes((480, 640), 1, 1.4) == [(480, 640)]
    assert octave_sizes((574, 1024), 4, 1.4) == [(574, 1024), (410, 731), (293, 522), (209, 373)]


@pytest.mark.parametrize("seed", range(30))
def test_the_named_number_of_octaves_is_the_greatest_that_works(topology, seed):
    random = np.random.RandomState(seed)
    size = tuple(int(side) for side in random.randint(LEAST, 150, 2))
    scale = float(random.uniform(1.05, 3))
    with pytest.raises(DreamError) as caught:
        check_sizes(topology, size, 100, scale, LAYER)
    named = int(re.search(r"\(--octaves (\d+)\)", str(caught.value)).group(1))
    assert f"for a picture of {size[1]}x{size[0]}" in str(caught.value)
    check_sizes(topology, size, named, scale, LAYER)
    with pytest.raises(DreamError) as caught:
        check_sizes(topology, size, named + 1, scale, LAYER)
    assert f"(--octaves {named})" in str(caught.value)
    height, width = octave_sizes(size, named + 1, scale)[-1]
    assert f"octave {named + 1} would be {width}x{height}," in str(caught.value)
    assert ("one octave works" if named == 1 else f"{named} octaves work") in str(caught.value)


@pytest.mark.parametrize("size", [(1, 1), (LEAST - 1, 100), (100, LEAST - 1)])
def test_a_picture_too_small_for_the_layer(topology, size):
    with pytest.raises(DreamError) as caught:
        check_sizes(topology, size, 1, 1.4, LAYER)
    assert str(caught.value) == (
        f"a picture of {size[1]}x{size[0]} does not suit layer {LAYER}, which needs at least {LEAST}x{LEAST}"
    )
    check_sizes(topology, (LEAST, LEAST), 1, 1.4, LAYER)


def test_a_guide_is_called_a_guide(topology):
    with pytest.raises(DreamError, match=r"^a guide of 2x1 does not suit"):
        check_sizes(topology, (1, 2), 1, 1.4, LAYER, "guide")


def test_a_layer_that_fits_some_sizes_only(topology):
    with pytest.raises(DreamError, match="31x31 to 32x32"):
        check_sizes(topology, (33, 32), 1, 1.4, "fc")
    for side in (31, 32):
        check_sizes(topology, (side, side), 1, 1.4, "fc")
    with pytest.raises(DreamError, match=r"at most one octave works \(--octaves 1\)"):
        check_sizes(topology, (32, 32), 2, 1.4, "fc")
    for side in (30, 33):
        with pytest.raises(DreamError):
            check_sizes(topology, (side, side), 1, 1.4, "fc")


def test_a_layer_that_fits_no_square_picture(tmp_path):
    text = input_layer((1, 3, 4, 2000)) + layer(
        "fc", "InnerProduct", "data", param="inner_product_param { num_output: 2 }"
    )
    topology = read_topology(Path(tiny_net(tmp_path, text)) / "deploy.prototxt")
    with pytest.raises(DreamError, match="which accepts no square picture"):
        check_sizes(topology, (50, 50), 1, 1.4, "fc")


def test_an_octave_without_pixels(tmp_path):
    param = "convolution_param { num_output: 2 kernel_size: 1 pad: 1 }"  # of which nothing but padding makes a blob
    text = input_layer((1, 3, 8, 8)) + layer("conv1", "Convolution", "data", param=param)
    topology = read_topology(Path(tiny_net(tmp_path, text)) / "deploy.prototxt")
    with pytest.raises(DreamError, match=r"octave 2 would be 0x0.* at most one octave works"):
        check_sizes(topology, (40, 40), 2, 1000.0, "conv1")


def test_of_many_octaves_each_size_is_checked_once(topology, monkeypatch):
    """All are of one size here, as a ten-thousandth less rounds to the same."""
    looked_at = []
    whole = topology.shapes_at
    monkeypatch.setattr(topology, "shapes_at", lambda *args: looked_at.append(args) or whole(*args))
    check_sizes(topology, (40, 40), 100_000, 1.0001, LAYER)
    assert len(looked_at) == 1


def test_a_net_that_reads_no_pictures_is_refused(tmp_path):
    text = input_layer((1, 2, 28, 28)) + layer(
        "conv", "Convolution", "data", param="convolution_param { num_output: 2 kernel_size: 3 }"
    )
    topology = read_topology(write_prototxt(tmp_path, text))
    with pytest.raises(DreamError, match=r"input is 1x2x28x28: .*three channels or one"):
        check_sizes(topology, (40, 40), 1, 1.4, "conv")
