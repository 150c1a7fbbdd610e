"""The nets of caffe_nets.py in the PyTorch engine beside real Caffe."""

import numpy as np
import pytest

from tests.engines.caffe_nets import NETS, PASSES, WITHOUT_TIES
from tests.engines.side_by_side import Pass, SideBySide
from tests.helpers.nets import write_net

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
