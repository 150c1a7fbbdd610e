"""Whether a dream fits into memory: what is free, what is asked for, and what is said."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from deepdream import load_net
from deepdream.cli import main
from deepdream.errors import DreamError, UsageError
from deepdream.images import picture
from deepdream.pipeline import memory
from tests.helpers.nets import input_layer, layer
from tests.helpers.tiny import tiny_net, tiny_picture

# Large blobs behind a small window, as in the first layers of a real net, so that tiles pay.
WIDE = (
    input_layer((1, 3, 32, 32))
    + layer("conv", "Convolution", "data", param="convolution_param { num_output: 64 kernel_size: 3 pad: 1 }")
    + layer("relu", "ReLU", "conv", "conv")
    + layer("pool", "Pooling", "conv", param="pooling_param { pool: MAX kernel_size: 4 stride: 4 }")
    + layer("inception_4c/output", "Convolution", "pool", param="convolution_param { num_output: 8 kernel_size: 1 }")
)
END = "inception_4c/output"
SHORT = ["--iterations", "2", "--octaves", "2", "--seed", "7"]


class _Net:
    """A net whose pass over n pixels takes 1000 n bytes, or 10 n at least."""

    engine, memory, inputs = "torch", None, ["data"]
    topology = SimpleNamespace(shapes={"data": (1, 3, 224, 224)})

    def __init__(self, free):
        self._free = free

    def bytes_needed(self, end, shape):
        assert end in (END, "deeper")
        return (end == "deeper") * 10**6 + min(1000 * shape[2] * shape[3], self.memory or 10**18)

    def bytes_of_weights(self, ends):
        return 1000

    def min_memory(self, end, shape):
        return 10 * shape[2] * shape[3]

    def free_memory(self):
        return self._free


FIXED = memory._PROGRAM + 1000 + memory._PER_PIXEL * 1200 * 1000


@pytest.fixture
def net():
    return _Net(2**40)


def plan(net, ends, sizes, limit=None, per_pixel=0):
    return memory.plan(net, ends, sizes, limit, per_pixel)


def test_with_memory_enough_nothing_is_bound(net):
    assert plan(net, [END], [(1200, 1000)]) == (FIXED + 1000 * 1200 * 1000, None, None)
    assert plan(net, [END], [(1200, 1000)], 2 * 2**30) == (FIXED + 1000 * 1200 * 1000, None, None)
    assert net.memory is None


def test_a_bound_leaves_to_the_net_what_the_program_and_the_pictures_do_not_take(net):
    limit = FIXED + 100_000_000
    assert plan(net, [END], [(1200, 1000)], limit) == (limit, limit, 100_000_000)
    assert net.memory == 100_000_000


def test_the_guide_counts_where_it_is_the_larger(net):
    assert plan(net, [END], [(10, 10), (1200, 1000)]).estimate == FIXED + 1000 * 1200 * 1000


def test_of_several_layers_the_one_that_takes_most_counts(net):
    found = plan(net, [END, "deeper", END], [(1200, 1000)])
    assert found.estimate == FIXED + 1000 * 1200 * 1000 + 10**6


def test_what_a_step_takes_besides_is_counted_by_the_pixel(net):
    found = plan(net, [END], [(1200, 1000)], per_pixel=28)
    assert found.estimate == FIXED + 1000 * 1200 * 1000 + 28 * 1200 * 1000


def test_too_little_says_the_least_that_works(net):
    with pytest.raises(UsageError, match=r"needs \d+\.\dM of memory, but may use only 100M: raise --memory") as error:
        plan(net, [END], [(1200, 1000)], 100 * 2**20)
    least = str(error.value).split("needs ")[1].split(" ")[0]
    enough = int(float(least[:-1]) * 2**20)
    assert plan(net, [END], [(1200, 1000)], enough).limit == enough
    with pytest.raises(UsageError):
        plan(net, [END], [(1200, 1000)], enough - 2**20)


def test_what_is_free_is_the_limit_with_a_margin(net, monkeypatch):
    monkeypatch.setattr(memory, "_resident", lambda: 100 * 2**20)
    net._free = 700 * 2**20
    assert plan(net, [END], [(1200, 1000)]).limit == 660 * 2**20
    net._free = 300 * 2**20
    with pytest.raises(DreamError, match=r"needs 46\d\.\dM of memory.* 340M is available: .*--max-size"):
        plan(net, [END], [(1200, 1000)])


def test_a_plan_is_followed_by_a_net_that_another_dream_has_used(net):
    in_tiles, whole = plan(net, [END], [(1200, 1000)], FIXED + 100_000_000), plan(net, [END], [(1200, 1000)])
    assert net.memory is None
    in_tiles.apply(net)
    assert net.memory == 100_000_000
    whole.apply(net)
    assert net.memory is None


def test_caffe_users_are_told_of_the_engine_that_has_tiles(net):
    net.engine = "caffe"
    with pytest.raises(UsageError, match="--engine torch"):
        plan(net, [END], [(1200, 1000)], 100 * 2**20)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tiny_picture(tmp_path / "in.png", 700, 500)
    return tmp_path


def test_a_dream_in_tiles_is_the_dream_and_says_so(capsys, folder):
    pytest.importorskip("torch")
    model = tiny_net(folder / "wide", WIDE)
    args = ["--iterations", "1", "--octaves", "1", "--seed", "7", "--model", model, "--engine", "torch"]
    args += ["--precision", "float64"]
    assert main(["in.png", "whole.png", *args]) == 0
    assert "memory" not in capsys.readouterr().err
    assert main(["in.png", "tiles.png", *args, "--memory", "470M"]) == 0
    assert "of memory, in tiles to stay within 470M" in capsys.readouterr().err
    assert picture.read_recipe("tiles.png")["memory"] == 470 * 2**20
    assert "memory" not in picture.read_recipe("whole.png")
    np.testing.assert_array_equal(np.asarray(Image.open("tiles.png")), np.asarray(Image.open("whole.png")))
    assert main(["again", "tiles.png", "in.png", "again.png", "--model", model]) == 0
    assert (folder / "again.png").read_bytes() == (folder / "tiles.png").read_bytes()


def test_a_memory_too_small_for_a_tile_writes_nothing(capsys, folder):
    pytest.importorskip("torch")
    model = tiny_net(folder / "wide", WIDE)
    assert main(["in.png", "out.png", *SHORT, "--model", model, "--engine", "torch", "--memory", "64M"]) == 2
    assert "may use only 64M: raise --memory" in capsys.readouterr().err
    assert not (folder / "out.png").exists()


def test_a_classifier_that_a_dream_does_not_reach_costs_no_memory(capsys, folder):
    """80 MB of weights behind the layer."""
    pytest.importorskip("torch")
    classifier = layer("fc", "InnerProduct", END, param="inner_product_param { num_output: 40000 }")
    model = tiny_net(folder / "wide", WIDE + classifier)
    net = load_net(model, "torch", "cpu", blobs="needed")
    numbers = 64 * 3 * 9 + 64 + 8 * 64 + 8
    made = sum(layer.bytes_made_of_params() for layer in net.layers)
    assert net.bytes_of_weights([END]) == net.bytes_of_weights([END, "conv"]) == 4 * numbers + made
    assert net.bytes_of_weights(["fc"]) == 4 * (numbers + 40000 * (8 * 8 * 8 + 1)) + made
    args = ["--iterations", "1", "--octaves", "1", "--model", model, "--engine", "torch"]
    assert main(["in.png", "tiles.png", *args, "--memory", "470M"]) == 0
    assert "to stay within 470M" in capsys.readouterr().err


def test_the_nets_own_estimates(folder):
    pytest.importorskip("torch")
    net = load_net(tiny_net(folder / "wide", WIDE), "torch", "cpu", blobs="needed")
    shape = (1, 3, 500, 700)
    most, least = net.bytes_needed(END, shape), net.min_memory(END, shape)
    assert 0 < least < most / 2
    assert most < 3 * 64 * 500 * 700 * 4  # of which one is the largest blob, and a whole pass has four at a time
    net.memory = least
    assert net.bytes_needed(END, shape) <= least
    assert net.free_memory() > 2**20
