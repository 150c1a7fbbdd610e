"""The chart is one small file, the same for the same numbers, with or without real Caffe."""

import copy

import pytest

pytest.importorskip("matplotlib", minversion="3.6", reason="requirements-dev.txt has it")

from benchmarks.chart import draw


def seconds(median):
    return {"median": median, "min": 0.9 * median, "max": 1.2 * median}


def picture(megapixels, bound=None):
    return {
        **{"megapixels": megapixels, "seconds_a_megapixel": 0.45, "bound_mib": bound},
        "peak_mib": 400 + (bound or 1000 * megapixels),
    }


def step(layer, precision="float32", model="bvlc_googlenet"):
    names = ("this engine", "real Caffe", "plain autograd", "torch.compile", "floor")
    times = {name: seconds(i + 1.0) for i, name in enumerate(names)}
    return {"model": model, "layer": layer, "size": "1024x575", "precision": precision, "seconds": times}


LAYERS = ("conv2/3x3", "inception_3b/output", "inception_4c/output", "inception_5b/output")
RESULTS = {
    "model": "bvlc_googlenet",
    "machine": {
        **{"cpu": "a processor", "vector_instructions": "AVX512", "cores_used": 2, "memory_gib": 23.5},
        **{"os": "an OS", "torch": "2.13.0"},
    },
    "steps": [*map(step, LAYERS), step("inception_4c/output", "float64")],
    "layer_types": {
        "layer": "inception_4c/output",
        "share": {type: {"forward": 0.1, "backward": 0.2} for type in ("Convolution", "LRN", "Pooling")},
        "rest": 0.1,
    },
    "sizes": {"layer": "inception_4c/output", "pictures": [picture(size) for size in (0.25, 0.5, 1, 2, 4)]},
    "tiles": {"pictures": [picture(4), picture(4, 2000), picture(4, 1000)]},
}


def test_the_same_numbers_give_the_same_small_file(tmp_path):
    for name in ("one.svg", "two.svg"):
        draw(RESULTS, tmp_path / name)
    drawn = (tmp_path / "one.svg").read_bytes()
    assert drawn == (tmp_path / "two.svg").read_bytes()
    assert drawn.startswith(b"<?xml")
    assert len(drawn) < 150_000


def test_only_the_first_nets_steps_are_shown(tmp_path):
    more = {**RESULTS, "steps": [*RESULTS["steps"], step("block8/output", model="efficientnet_lite0")]}
    for name, results in (("one.svg", RESULTS), ("two.svg", more)):
        draw(results, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_there_need_be_no_real_caffe(tmp_path):
    results = copy.deepcopy(RESULTS)
    for each in results["steps"]:
        del each["seconds"]["real Caffe"]
    draw(results, tmp_path / "bench.svg")
    assert (tmp_path / "bench.svg").stat().st_size > 0
