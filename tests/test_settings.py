"""Every default is the notebook's of 2015, and what is out of range is refused wherever it comes from."""

import inspect
import subprocess
import sys
from dataclasses import FrozenInstanceError, astuple, fields

import numpy as np
import pytest

import deepdream
from deepdream.errors import UsageError
from deepdream.settings import DREAM, NET, PICTURE, DreamSettings, NetSettings, PictureSettings
from deepdream.units import byte_size, byte_text
from tests.helpers.tiny import ROOT

EVERY = [field for settings in (DREAM, NET, PICTURE) for field in fields(settings)]


@pytest.mark.parametrize(
    ("text", "size"), [("3.5G", 3_758_096_384), ("512m", 536_870_912), ("1K", 1024), ("2T", 2**41), ("1000", 1000)]
)
def test_sizes_in_bytes(text, size):
    assert byte_size(text) == size
    assert size <= byte_size(byte_text(size)) <= size * 1.1 + 2**20 / 10


@pytest.mark.parametrize("text", ["", "G", "3.5 GB", "3,5G", "much", "nan", "inf", "1e400"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match=r"could not convert|nan|inf|1e400"):
        byte_size(text)


def test_the_defaults_are_those_of_2015():
    assert astuple(DREAM) == ("inception_4c/output", 10, 4, 1.4, 1.5, 32, True, None, None)
    assert astuple(NET) == ("auto", "auto", "auto", "float32", None, None)
    assert astuple(PICTURE) == (None,)


@pytest.mark.parametrize("name", ["deepdream", "make_step", "load_net"])
def test_signatures_have_the_settings_defaults(name):
    defaults = {field.name: field.default for field in EVERY}
    parameters = inspect.signature(getattr(deepdream, name)).parameters
    # A program names the network of 2015; what stands in for it is for people at a terminal.
    shared = {key: value.default for key, value in parameters.items() if key in defaults and key != "model"}
    assert shared == {name: defaults[name] for name in shared}
    wanted = {"deepdream": 9, "make_step": 5, "load_net": 3}
    assert len(shared) == wanted[name]


def test_each_option_is_named_once_and_explained():
    options = [field.metadata["option"] for field in EVERY]
    assert len(set(options)) == len(options)
    assert all(option.replace("_", "").isalpha() and option.islower() for option in options)
    assert all(field.metadata["help"] for field in EVERY)


@pytest.mark.parametrize(
    ("kind", "values", "sentence"),
    [
        (DreamSettings, {"iter_n": -1}, "iterations must be a whole number from 0 to 1000000, not -1"),
        (DreamSettings, {"iter_n": 1.5}, "iterations must be a whole number from 0 to 1000000, not 1.5"),
        (DreamSettings, {"iter_n": None}, "iterations must be a whole number from 0 to 1000000, not None"),
        (DreamSettings, {"iter_n": True}, "iterations must be a whole number from 0 to 1000000, not True"),
        (DreamSettings, {"octave_n": 0}, "octaves must be a whole number from 1 to 1000, not 0"),
        (DreamSettings, {"octave_scale": 1}, "scale must be a number above 1 and at most 1000, not 1"),
        (DreamSettings, {"octave_scale": 0.7}, "scale must be a number above 1 and at most 1000, not 0.7"),
        (DreamSettings, {"octave_scale": float("inf")}, "scale must be a number above 1 and at most 1000, not inf"),
        (DreamSettings, {"step_size": float("nan")}, "step must be a number from -1000000 to 1000000, not nan"),
        (DreamSettings, {"step_size": "1.5"}, "step must be a number from -1000000 to 1000000, not '1.5'"),
        (DreamSettings, {"jitter": -1}, "jitter must be a whole number from 0 to 1000000, not -1"),
        (DreamSettings, {"seed": -1}, "seed must be a whole number from 0 to 4294967295, not -1"),
        (DreamSettings, {"seed": 2**32}, "seed must be a whole number from 0 to 4294967295, not 4294967296"),
        (DreamSettings, {"clip": 1}, "clip must be true or false, not 1"),
        (DreamSettings, {"end": 3}, "layer must be text, not 3"),
        (NetSettings, {"engine": "theano"}, "engine must be one of auto, caffe, torch, not 'theano'"),
        (
            NetSettings,
            {"precision": "float16"},
            "precision must be one of float32, float64, tf32, bfloat16, not 'float16'",
        ),
        (NetSettings, {"threads": 0}, "threads must be a whole number from 1 to 1024, not 0"),
        (NetSettings, {"threads": 1025}, "threads must be a whole number from 1 to 1024, not 1025"),
        (PictureSettings, {"max_size": 0}, "max-size must be a whole number from 1 to 1000000, not 0"),
    ],
)
def test_out_of_range(kind, values, sentence):
    with pytest.raises(UsageError) as caught:
        kind(**values)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "values",
    [
        {"iter_n": 0, "octave_n": 1, "octave_scale": 1.0001, "jitter": 0, "seed": 0},
        {"seed": 2**32 - 1, "step_size": -1.5},
        {"iter_n": np.int64(3), "step_size": np.float32(1.5), "octave_scale": 2},
    ],
)
def test_the_edges_of_the_ranges_and_numpys_numbers_are_allowed(values):
    settings = DreamSettings(**values)
    assert all(getattr(settings, name) == value for name, value in values.items())


def test_settings_do_not_change():
    with pytest.raises(FrozenInstanceError):
        DREAM.iter_n = 3


def test_the_standard_library_is_enough():
    code = (
        "import sys; before = set(sys.modules); import deepdream.settings; "
        "names = {name.split('.')[0] for name in set(sys.modules) - before}; "
        "print(*(names - sys.stdlib_module_names - {'deepdream'}))"
    )
    if not hasattr(sys, "stdlib_module_names"):
        pytest.skip("this Python does not tell which modules are its own")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
