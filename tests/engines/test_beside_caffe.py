"""The nets of caffe_nets.py in the PyTorch engine beside real Caffe."""

import numpy as np
import pytest

from tests.engines.caffe_nets import NETS, PASSES, WITHOUT_TIES
from tests.engines.side_by_side import Pass, SideBySide
from tests.helpers.nets import input_layer, layer, write_net

pytestmark = pytest.mark.usefixtures("one_thread")


def passes(name, topology):
    """Each works on the diffs that those before it have left; the first starts from all outputs of the net."""
    for number, (end, size) in enumerate(PASSES.get(name, [(topology.layers[-1].name, None)])):
        last = topology.position(end)
        pictures = {
            blob: (*topology.shapes[blob][:2], *(size or topology.shapes[blob][2:])) for blob in topology.inputs
        }
        shapes = topology.infer(topology.layers[: last + 1], {**topology.shapes, **pictures})
        starts = dict.fromkeys((*topology.layers[last].tops, *(() if number else topology.outputs)))
        random = np.random.RandomState(number)
        data = {blob: _picture(random, shape, name in WITHOUT_TIES) for blob, shape in pictures.items()}
        diff = {blob: _picture(random, shapes[blob], True) for blob in starts}
        yield Pass(end, data, diff)


def _picture(random, shape, any_number):
    """Random numbers: any, or whole ones, among which there are ties."""
    return (random.normal(size=shape) if any_number else random.randint(-3, 4, shape)).astype(np.float32)


@pytest.mark.parametrize("name", NETS)
def test_beside_caffe(caffe, tmp_path, name):
    nets = SideBySide(caffe, write_net(tmp_path, NETS[name], seed=4), [("float32", "all"), ("float64", "all")])
    wrong = []  # measured 4e-6
    for number, one in enumerate(passes(name, nets.topology)):
        for mode, key, errors in nets.run(one):
            if not errors.max() <= 1e-4:
                wrong.append(f"pass {number}, {mode[0]}: {key} is {errors.max():.1e} off")
    assert not wrong


WITHOUT_GRADIENT = {
    "ArgMax": ["", "top_k: 3", "out_max_val: true top_k: 2", "axis: 1", "axis: -1 top_k: 2 out_max_val: true"],
    "Threshold": ["", "threshold: 0.5"],
}


@pytest.mark.parametrize(("kind", "param"), [(kind, p) for kind, params in WITHOUT_GRADIENT.items() for p in params])
def test_forward_alone(caffe, tmp_path, kind, param):
    """Types that Caffe cannot run backward; whole numbers, so that there are ties."""
    text = input_layer((2, 3, 4, 5)) + layer("y", kind, "data", param=f"{kind.lower()}_param {{ {param} }}")
    nets = SideBySide(caffe, write_net(tmp_path, text), [("float32", "all")])
    picture = np.random.RandomState(0).randint(-3, 4, (2, 3, 4, 5)).astype(np.float32)
    theirs = nets.caffes(Pass("y", {"data": picture}, {}, back=False))["data|y"]
    (net,) = nets.nets.values()
    net.blobs["data"].data[...] = picture
    np.testing.assert_array_equal(net.forward(end="y")["y"], theirs)
