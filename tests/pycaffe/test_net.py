"""Every name of pycaffe's Net, on the stand-in and on real Caffe: the table of calls.py."""

import numpy as np
import pytest

from tests.pycaffe import calls
from tests.pycaffe.stand_in import caffe

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nets")
    for name, text in calls.NETS.items():
        (folder / name).write_text(text)
    return {name: str(folder / name) for name in calls.NETS}


@pytest.fixture
def names(paths, tmp_path):
    """What the calls of the table use."""
    nets = {name: caffe.Net(path, caffe.TEST) for name, path in paths.items()}
    ones = np.ones((2, 3, 8, 8), np.float32)
    five = np.arange(5, dtype=np.float32)[:, None, None, None] * np.ones((5, 3, 8, 8), np.float32)
    p3, q3 = np.zeros((3, 3), np.float32), np.ones((3, 4, 3, 3), np.float32)
    arrays = {"ones": ones, "five": five, "p": p3[:2], "q": q3[:2], "p3": p3, "q3": q3}
    return {
        **nets,
        **arrays,
        "caffe": caffe,
        "np": np,
        "seen": [],
        "path": paths["net"],
        "file": str(tmp_path / "x.caffemodel"),
    }


@pytest.mark.parametrize(("call", "answer"), calls.TABLE)
def test_call(names, call, answer):
    if isinstance(answer, type):
        with pytest.raises(answer):
            eval(call, names)
    else:
        found = eval(call, names)
        assert same(found, answer), found


def same(found, expected):
    """Whether an answer is the expected one, numbers to rounding. Arrays are compared as lists."""
    if isinstance(expected, dict):
        return set(found) == set(expected) and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(map(same, found, expected))
    if isinstance(expected, (int, float)) and not isinstance(expected, bool):
        return abs(found - expected) <= 1e-5 * abs(expected) + 1e-9
    return bool(found == expected)
