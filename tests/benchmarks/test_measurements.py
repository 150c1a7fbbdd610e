"""What `make bench` measures is what it says: the arithmetic, the clocks and the processes, not the times."""

from contextlib import suppress

import pytest

pytest.importorskip("torch")

import torch

from benchmarks import layer_types, sizes, step_time, threads, tiles
from benchmarks.others import autograd_step, compiled_step
from benchmarks.timing import dream_step, in_turn, random_picture, ratio, summary
from deepdream import load_net
from deepdream.engines.torch.layers import LAYERS
from tests.helpers.nets import input_layer, layer
from tests.helpers.tiny import tiny_net

LAYER = "inception_4c/output"
CONVOLUTION = "convolution_param {{ num_output: 4 kernel_size: 3 pad: 1 group: {} }}"


@pytest.fixture(autouse=True)
def no_caffe(monkeypatch):
    monkeypatch.delenv("CAFFE_PYTHON", raising=False)


@pytest.fixture
def not_compiled(monkeypatch):
    """As where torch.compile cannot run."""

    def fail(*_):
        raise OSError("there is no compiler\nnor anything else")

    monkeypatch.setattr(step_time, "compiled_step", fail)


def test_steps_are_timed_in_turn_and_the_first_of_each_is_not_counted():
    taken = iter(range(6))
    assert in_turn({"a": lambda: next(taken), "b": lambda: next(taken)}, 2) == {"a": [2, 4], "b": [3, 5]}


def test_runs_are_told_by_their_median_and_range_and_compared_pair_by_pair():
    assert summary([0.30001, 0.1, 0.2]) == {"median": 0.2, "min": 0.1, "max": 0.3}
    assert ratio([2, 9, 4], [1, 3, 4]) == 2


def test_the_others_compute_the_same_gradient(net, not_compiled):
    measured = step_time.measure(net, LAYER, "40x30", 1)
    assert measured["median_gradient_difference"] < 1e-6
    assert list(measured["seconds"]) == ["this engine", "plain autograd", "channels last", "floor"]
    told = step_time.told_in_full(measured)
    assert told.startswith(f"{net}, inception_4c/output, 40x30, float32")
    assert measured["skipped"] == {"torch.compile": "there is no compiler"}
    assert "\n  torch.compile  skipped: there is no compiler\n" in told


def test_what_torch_compile_gets_computes_the_same_gradient(net, monkeypatch):
    """Compiling itself takes a quarter of a minute, whatever it is of; `make bench` does it."""
    calls = []

    def compiled(traced, **options):
        assert options == {"fullgraph": True, "dynamic": False}
        return lambda x: calls.append(x.shape) or traced(x)

    monkeypatch.setattr(torch, "compile", compiled)
    plain, x = load_net(net, "torch", "cpu", "float64", "all"), torch.from_numpy(random_picture("40x30")).double()
    step = compiled_step(plain, "conv1", x)
    assert len(calls) == 1  # so that it is compiled before the clock starts
    torch.testing.assert_close(step(), autograd_step(plain, "conv1", x), rtol=1e-9, atol=0)
    monkeypatch.setattr(step_time, "compiled_step", lambda *_: step)
    measured = step_time.measure(net, LAYER, "40x30", 1, "float64")
    assert list(measured["seconds"]) == ["this engine", "plain autograd", "channels last", "torch.compile", "floor"]
    assert "skipped" not in measured


def test_autograd_can_do_efficientnets_layers(tmp_path, not_compiled):
    text = input_layer((1, 3, 20, 20)) + layer("a", "Convolution", "data", param=CONVOLUTION.format(1))
    text += layer("b", "Clip", "a", param="clip_param { min: 0 max: 6 }")
    text += layer("c", "Convolution", "b", param=CONVOLUTION.format(4))
    text += layer("sum", "Eltwise", "b c", param="eltwise_param { operation: SUM }")
    measured = step_time.measure(tiny_net(tmp_path / "net", text), "sum", "40x30", 1)
    assert 0 < measured["median_gradient_difference"] < 1e-6


def test_every_type_is_clocked_once_whatever_it_inherits():
    before = {cls: dict(vars(cls)) for cls in LAYERS.values()}
    with layer_types.clocked() as clock:
        for type, cls in LAYERS.items():
            with suppress(Exception):  # all that counts is that it was called
                cls.backward(None, None, None, None)
            assert list(clock) == [(type, "backward")]
            clock.clear()
    assert {cls: dict(vars(cls)) for cls in LAYERS.values()} == before


def test_the_shares_of_the_layer_types_add_up(net):
    measured = layer_types.measure(net, LAYER, "40x30", 2)
    assert set(measured["share"]) == {"Convolution", "ReLU", "Pooling"}
    shares = [share for ways in measured["share"].values() for share in ways.values()]
    assert min(shares) > 0
    assert sum(shares) + measured["rest"] == pytest.approx(1, abs=1e-3)


def test_the_number_of_threads_is_as_before(net):
    before = torch.get_num_threads()
    measured = threads.measure(net, LAYER, "40x30", 1)
    assert torch.get_num_threads() == before
    assert measured["times_faster"]["1"] == 1
    assert all(int(number) <= before for number in measured["seconds"])


def test_memory_is_that_of_the_process_which_dreams(net):
    ballast = bytearray(2**30)  # held by this process, which is another
    measured = sizes.measure_pictures(net, LAYER, [sizes.Picture("1333x750", 50 * sizes.MIB)], 1)
    (record,) = measured["pictures"]
    assert (record["size"], record["megapixels"], record["bound_mib"]) == ("1333x750", 1.0, 50)
    assert 0 < record["growth_mib"] < record["peak_mib"] < len(ballast) / sizes.MIB
    assert sizes.told_in_full(measured).startswith("inception_4c/output, float32\n  1333x750 ")


def test_the_bounds_are_half_and_a_quarter_of_what_the_picture_took(monkeypatch):
    def measured(model, layer, pictures, runs):
        assert pictures == [("1333x750", 0), ("1333x750", 50 * sizes.MIB), ("1333x750", 25 * sizes.MIB)]
        return {"pictures": [{"seconds": summary([seconds])} for seconds in (2.0, 3.0, 5.0)]}

    monkeypatch.setattr(tiles, "measure_pictures", measured)
    _, half, quarter = tiles.measure("tiny", LAYER, {"size": "1333x750", "growth_mib": 100}, 1)["pictures"]
    assert (half["times_unbounded"], quarter["times_unbounded"]) == (1.5, 2.5)


def test_the_picture_is_the_same_each_time_and_wide_as_told(net):
    assert random_picture("40x30").shape == (1, 3, 30, 40)
    gradients = [
        dream_step(load_net(net, "torch", "cpu", blobs="needed"), LAYER, random_picture("40x30"))() for _ in range(2)
    ]
    assert (gradients[0] == gradients[1]).all()
