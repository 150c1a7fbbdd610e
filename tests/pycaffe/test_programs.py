"""Programs in the style of 2015, run by the stand-in and, where there is one, by real Caffe: the same arrays."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.engines.caffe_process import COMMAND
from tests.helpers.nets import input_layer, layer, write_net
from tests.helpers.tiny import ROOT
from tests.pycaffe.stand_in import IS_REAL

FOLDER = Path(__file__).parent / "programs"
PROGRAMS = [path.stem for path in sorted(FOLDER.glob("*.py"))]
ALL = "import runpy, sys; [runpy.run_path(name, run_name='__main__') for name in sys.argv[1:]]"
CONV = "convolution_param {{ num_output: {} kernel_size: {} pad: {} }}"
TEXT = (
    input_layer((4, 3, 24, 24))
    + layer("conv1", "Convolution", "data", param=CONV.format(8, 5, 2))
    + layer("relu1", "ReLU", "conv1", "conv1")
    + layer("pool1", "Pooling", "conv1", param="pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
    + layer("norm1", "LRN", "pool1", param="lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")
    + layer("conv2", "Convolution", "norm1", param=CONV.format(6, 3, 1))
    + layer("conv3", "Convolution", "norm1", param=CONV.format(4, 1, 0))
    + layer("relu3", "ReLU", "conv3", "conv3")
    + layer("mix", "Concat", "conv2 conv3")
    + layer("fc", "InnerProduct", "mix", param="inner_product_param { num_output: 5 }")
    + layer("prob", "Softmax", "fc")
)


def prepared(folder):
    """A folder with what the programs read, and the programs."""
    write_net(folder, TEXT, seed=3)
    y, x, c = np.mgrid[0:24, 0:24, 0:3]
    np.save(str(folder / "picture.npy"), 128 + 90 * np.sin(x / 3 + c) * np.cos(y / (4 + c)))
    for program in PROGRAMS:
        shutil.copy(str(FOLDER / f"{program}.py"), str(folder))
    return folder


def started(command, folder):
    """Has a Python run all programs in a folder, one after the other."""
    names = [f"{program}.py" for program in PROGRAMS]
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    subprocess.run([*command, "-c", ALL, *names], cwd=str(folder), env=environ, check=True)
    return read(folder)


def read(folder):
    """What the programs have written."""
    return {program: dict(np.load(str(folder / f"{program}.npz"))) for program in PROGRAMS}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the programs write, of {program: {name: array}}: here by the stand-in, or in real Caffe's Python by that."""
    folder = prepared(tmp_path_factory.mktemp("here"))
    if IS_REAL:
        return started([sys.executable], folder), folder
    return started([sys.executable, str(ROOT / "dreamify.py"), "run"], folder), folder


@pytest.fixture(scope="module")
def caffes(tmp_path_factory):
    """The same by real Caffe."""
    if not COMMAND or IS_REAL:
        pytest.skip("needs $CAFFE_PYTHON, a Python with real Caffe")
    folder = prepared(tmp_path_factory.mktemp("caffe"))
    return started(shlex.split(COMMAND), folder), folder


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_runs(found, program):
    for name, array in found[0][program].items():
        assert np.isfinite(array).all(), name
        assert array.any(), name


@pytest.mark.parametrize("program", PROGRAMS)
def test_it_computes_what_real_caffe_computes(found, caffes, program):
    ours, theirs = found[0][program], caffes[0][program]
    assert set(ours) == set(theirs)
    for name, array in theirs.items():
        assert ours[name].shape == array.shape
        assert np.abs(ours[name] - array).max() <= 2e-5 * np.abs(array).max() + 1e-12, name


def test_what_either_saves_the_other_loads(found, caffes):
    swapped = []
    for folder, other in ((found[1], caffes[1]), (caffes[1], found[1])):
        shutil.copy(str(folder / "surgery.caffemodel"), str(other / f"from_{folder.name}.caffemodel"))
    import deepdream.pycaffe as caffe

    net = caffe.Net(str(found[1] / "surgery.prototxt"), caffe.TEST)
    for path in [*found[1].glob("*.caffemodel")]:
        if path.name != "net.caffemodel":
            net.copy_from(str(path))
            swapped.append([blob.data.copy() for blobs in net.params.values() for blob in blobs])
    assert len(swapped) == 2
    assert all(np.array_equal(one, two) for one, two in zip(*swapped))
    load = "import caffe, glob, numpy as np; net = caffe.Net('surgery.prototxt', caffe.TEST); "
    load += "net.copy_from(glob.glob('from_*.caffemodel')[0]); np.save('loaded.npy', net.params['conv1'][0].data)"
    subprocess.run([*shlex.split(COMMAND), "-c", load], cwd=str(caffes[1]), check=True)
    assert np.array_equal(np.load(str(caffes[1] / "loaded.npy")), net.params["conv1"][0].data)
