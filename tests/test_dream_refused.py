"""What the functions of dream.py refuse, in one sentence that says what would do."""

import re

import numpy as np
import pytest
from PIL import Image

from deepdream import deepdream, deprocess, guide_features, load_net, make_step, preprocess
from deepdream.errors import UsageError
from tests.helpers.nets import write_net
from tests.helpers.shared import ENGINE
from tests.helpers.two_branches import TEXT, picture


@pytest.fixture
def folder(tmp_path):
    write_net(tmp_path, TEXT)
    return str(tmp_path)


@pytest.mark.parametrize("wrong", [{"iter_n": -1}, {"octave_n": 0}, {"octave_scale": 1}, {"jitter": -1}, {"seed": -1}])
def test_values_out_of_range_are_refused(folder, wrong):
    with pytest.raises(UsageError, match="must be"):
        deepdream(load_net(folder, ENGINE, "cpu"), picture(), **{"end": "both", **wrong})


# What is no picture, and what is said of it.
GREY = np.full((45, 60), 99, np.float32)
WRONG = {
    "grey": (GREY, r" 45x60: .*np.dstack\(\[grey\] \* 3\)"),
    "grey with an axis": (GREY[..., None], r" 45x60x1: .*np\.dstack"),
    "grey with transparency": (np.dstack([GREY] * 2), " 45x60x2: "),
    "RGBA": (np.dstack([GREY] * 4), r" 45x60x4: .*img\[:, :, :3\]"),
    "the colours first": (np.zeros((3, 45, 60)), r" 3x45x60: .*img.transpose\(1, 2, 0\)"),
    "several": (np.zeros((2, 45, 60, 3)), r" 2x45x60x3: .*img\[0\]"),
    "one axis": (np.zeros(60), " 60: "),
    "a number": (np.float32(3), "not float32: "),
    "a number as an array": (np.array(3), " one number: "),
    "Pillow's": (Image.new("RGB", (60, 45)), r'not Image: .*np.float32\(image.convert\("RGB"\)\)'),
    "Pillow's grey": (Image.new("L", (60, 45)), "not Image: "),
    "lists": (np.zeros((4, 4, 3)).tolist(), "not list: "),
    "a path": ("in.jpg", "not str: "),
    "nothing": (None, "not NoneType: "),
    "complex": (np.zeros((45, 60, 3), complex), " complex128: "),
    "objects": (np.full((45, 60, 3), None), " object: "),
    "words": (np.full((45, 60, 3), "a"), " <U1: "),
    **{
        f"with {value}": (np.where(np.arange(3) == 1, np.zeros((45, 60, 3)), value), "numbers that are not finite")
        for value in (np.nan, np.inf, -np.inf, 1e39)
    },
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("what", WRONG)
def test_what_is_no_picture_is_refused_in_a_sentence(folder, what):
    net = load_net(folder, ENGINE, "cpu")
    net.blobs["data"].data[...] = 5
    img, says = WRONG[what]
    for name, function in (
        ("base_img", lambda: deepdream(net, img, end="both", iter_n=1)),
        ("guide_img", lambda: guide_features(net, img, "both")),
        ("the picture", lambda: preprocess(net, img)),
    ):
        with pytest.raises(UsageError, match=rf"^{name} .*{says}") as caught:
            function()
        assert "\n" not in str(caught.value)
        assert (net.blobs["data"].data == 5).all()


@pytest.mark.parametrize("wrong", [np.zeros((45, 60, 3)), np.zeros((45, 60)), np.zeros((1, 3, 4, 5))])
def test_what_deprocess_cannot_turn_back_is_refused(folder, wrong):
    with pytest.raises(UsageError, match=r"takes a \(3, height, width\) array, .* not "):
        deprocess(load_net(folder, ENGINE, "cpu"), wrong)


@pytest.mark.parametrize(
    ("end", "says"),
    [
        ("bot", "did you mean both?"),
        ("BOTH", "did you mean both?"),
        ("qqqqqq", "`dreamify keys` lists the layers"),
        ("", "`dreamify keys` lists the layers"),
        (3, "3"),
        (None, "None"),
    ],
)
def test_a_layer_that_is_not_there_is_refused_with_the_nearest(folder, end, says):
    net = load_net(folder, ENGINE, "cpu")
    for function in (deepdream, guide_features):
        with pytest.raises(UsageError, match=re.escape(says)):
            function(net, picture(), end=end)
    if end:
        with pytest.raises(UsageError, match=re.escape(says)):
            make_step(net, end=end)
