"""What a dream can be asked to go for on the command line: that it matters, that it is repeated, what is refused."""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.images.picture import read_recipe
from tests.helpers.nets import input_layer, layer
from tests.helpers.tiny import refused, tiny_net, tiny_picture

pytestmark = pytest.mark.usefixtures("one_thread")

# Two branches that are joined, the notebook's default layer among them, and a classifier of Places205's size.
TEXT = (
    input_layer((1, 3, 16, 16))
    + layer("conv1", "Convolution", "data", param="convolution_param { num_output: 4 kernel_size: 3 pad: 1 }")
    + layer("relu1", "ReLU", "conv1", "conv1")
    + layer("inception_4c/output", "Convolution", "conv1", param="convolution_param { num_output: 3 kernel_size: 1 }")
    + layer("relu2", "ReLU", "inception_4c/output", "inception_4c/output")
    + layer("joined", "Concat", "conv1 inception_4c/output")
    + layer("pool", "Pooling", "joined", param="pooling_param { pool: AVE kernel_size: 9 stride: 2 }")
    + layer("fc", "InnerProduct", "pool", param="inner_product_param { num_output: 205 }")
    + layer("prob", "Softmax", "fc")
)
SHORT = ["--iterations", "2", "--octaves", "2", "--seed", "7"]


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    return tiny_net(tmp_path_factory.mktemp("models") / "joined", TEXT)


@pytest.fixture
def folder(folder):
    half = np.zeros((28, 40), np.uint8)
    half[:, 20:] = 255
    Image.fromarray(half).save(folder / "mask.png")
    return folder


def dreamt(net, *args, out="out.png"):
    assert main(["in.png", out, *SHORT, "--model", net, *args]) == 0
    return np.asarray(Image.open(out).convert("RGB")).astype(int)


GOALS = {
    "channel": ["--channel", "joined:5"],
    "channels": ["--channel", "joined:1,5"],
    "class": ["--class", "abbey"],
    "layers": ["--layers", "conv1:1,inception_4c/output:-0.5"],
    "tv": ["--tv", "0.02"],
    "decay": ["--decay", "0.01"],
    "blur": ["--blur", "1.5"],
    "mask": ["--mask", "mask.png"],
    "all priors, a guide and a mask": [
        *("--tv", "0.01", "--decay", "0.001", "--blur", "0.5", "--guide", "guide.png", "--mask", "mask.png")
    ],
}


@pytest.mark.parametrize("name", GOALS)
def test_each_matters_and_is_repeated_from_the_picture(folder, net, name):
    found = dreamt(net, *GOALS[name])
    assert abs(found - dreamt(net, out="plain.png")).mean() > 0.1
    files = [word for word in GOALS[name] if word.startswith(("--guide", "--mask")) or word.endswith(".png")]
    assert main(["again", "out.png", "in.png", "new.png", "--model", net, *files]) == 0
    assert Path("new.png").read_bytes() == Path("out.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("channels", {"objective": "channel", "channel": "joined:1,5"}),
        ("class", {"objective": "class", "class": "0", "class_name": "abbey"}),
        ("layers", {"objective": "layers", "layers": "conv1:1,inception_4c/output:-0.5"}),
        ("tv", {"objective": "l2", "layer": "inception_4c/output", "tv": 0.02}),
    ],
)
def test_the_recipe_says_it_and_nothing_that_did_not_matter(folder, net, name, says):
    dreamt(net, *GOALS[name])
    recipe = read_recipe("out.png")
    said = {"objective", "layer", "channel", "class", "class_name", "layers", "tv", "decay", "blur"}
    assert {key: recipe[key] for key in said.intersection(recipe)} == says


def test_a_number_is_as_good_as_a_name(folder, net):
    for name in ("abbey", "0"):
        dreamt(net, "--class", name, out=f"{name}.png")
    assert Path("abbey.png").read_bytes() == Path("0.png").read_bytes()


@pytest.mark.parametrize("form", ["grey", "colour", "alpha"])
def test_a_mask_keeps_what_is_black_or_transparent(folder, net, form):
    mask = Image.open("mask.png")
    if form == "colour":
        mask = mask.convert("RGB")
    elif form == "alpha":
        mask = Image.merge("LA", (Image.new("L", mask.size, 255), mask))
    mask.save("other.png")
    before = np.asarray(Image.open("in.png").convert("RGB")).astype(int)
    change = abs(dreamt(net, "--mask", "other.png") - before)
    assert (change[:, :20] == 0).all()
    assert change[:, 20:].mean() > 1
    assert read_recipe("out.png")["mask_sha256"] == hashlib.sha256(Path("other.png").read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        (["--channel", "joined:7"], "layer joined has no channel 7: its channels are 0 to 6", 2),
        (["--channel", "joined"], "channel must be LAYER:N", 2),
        (["--class", "abey"], "there is no class 'abey' in this net: did you mean 0 abbey", 2),
        (["--class", "xyzzyq"], "there is no class 'xyzzyq' in this net: give its name or its number, 0 to 204", 2),
        (["--class", "abbey", "--octaves", "9"], "at most 2 octaves work (--octaves 2) for a picture of 40x28", 1),
        (["--layers", "conv1:x"], "layers must be LAYER:WEIGHT", 2),
        (["conv1", "--class", "abbey"], "--class names its own layers: leave out the layer conv1", 2),
        (["--layer", "conv1", "--layers", "conv1:1"], "--layers names its own layers", 2),
        (["--guide", "guide.png", "--channel", "conv1:1"], "--guide and --channel cannot be combined", 2),
        (["--tv", "-1"], "tv must be a number from 0 to 1000000, not -1.0", 2),
        (["--blur", "nan"], "blur must be a number from 0 to 100, not nan", 2),
        (["--mask", "guide.png"], "the mask is 32x32 and the picture 40x28: ", 1),
        (["--mask", "black.png"], "the mask is entirely black, so nothing would be dreamt", 1),
        (["--mask", "none.png"], "there is no file none.png", 1),
        (["--mask", "-", "--guide", "-"], "only one of picture, guide and mask can be standard input", 2),
    ],
)
def test_what_is_refused(folder, net, capsys, args, words, code):
    Image.new("L", (40, 28)).save("black.png")
    line = refused(capsys, folder, ["in.png", "out.png", *args, "--model", net], code)
    assert words in line


def test_a_net_without_classes(folder, capsys, tmp_path_factory):
    other = tiny_net(tmp_path_factory.mktemp("model"))
    line = refused(capsys, folder, ["in.png", "out.png", "--class", "1", "--model", other], 2)
    assert re.search("Softmax.* no classes: .*--channel LAYER:N", line)


def test_again_wants_the_mask_if_there_was_one(folder, net, capsys):
    dreamt(net, "--mask", "mask.png")
    start = ["again", "out.png", "in.png", "new.png", "--model", net]
    assert "that dream had a mask: give it with --mask" in refused(capsys, folder, start, 2)
    tiny_picture(folder / "other.png", 40, 28)
    line = refused(capsys, folder, [*start, "--mask", "other.png"])
    assert "the mask is not the one used for that dream: its SHA-256 is" in line
    dreamt(net)
    assert "that dream had no mask: leave --mask out" in refused(capsys, folder, [*start, "--mask", "mask.png"], 2)


@pytest.mark.parametrize(("field", "what"), [("mean: 90", "mean"), ("scale: 0.5", "scale")])
def test_again_wants_the_mean_and_the_scale_of_the_users_own_net(folder, capsys, tmp_path_factory, field, what):
    """They are in a file beside the net, which may change while the net does not."""
    own = Path(tiny_net(tmp_path_factory.mktemp("model")))
    dreamt(str(own))
    assert main(["again", "out.png", "in.png", "new.png", "--model", str(own)]) == 0
    (own / "readme.md").write_text(f"---\n{field}\n---\n")
    line = refused(capsys, folder, ["again", "out.png", "in.png", "new2.png", "--model", str(own)])
    assert f"the model's {what} is not the one used for that dream: it is" in line


def test_a_mask_is_shrunk_with_its_picture(folder, net):
    change = abs(
        dreamt(net, "--mask", "mask.png", "--max-size", "30") - dreamt(net, "--iterations", "0", "--max-size", "30")
    )
    assert change.shape == (21, 30, 3)
    assert (change[:, :13] == 0).all()
    assert change[:, 17:].mean() > 1


def test_a_zoom_goes_for_the_same(folder, net):
    dreamt(net, *GOALS["channel"])
    args = ["--iterations", "2", "--octaves", "2", "--seed", "7", "--frames", "2", "--model", net]
    assert main(["zoom", "in.png", "frames", *args, *GOALS["channel"]]) == 0
    assert Image.open("frames/0000.png").tobytes() == Image.open("out.png").tobytes()
    assert read_recipe("frames/0001.png")["channel"] == "joined:5"


# A layer whose channels are the pixels' numbers: 3360 of in.png, 1680 of its half, 3072 of guide.png, 768 in the net.
FLAT = input_layer((1, 3, 16, 16)) + layer("flat", "Flatten", "data")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--layer", "flat", "--guide", "guide.png"], "768 to 3360 .* a guide needs the same number in every octave"),
        (["--layer", "flat", "--guide", "in.png"], "840 to 3360 .* a guide needs the same number in every octave"),
        (["--layer", "flat", "--guide", "guide.png", "--octaves", "1"], "768 to 3360 .* a guide needs"),
        (["--channel", "flat:767", "--octaves", "3"], "210 to 3360 .* channel 767 "),
    ],
)
def test_a_layer_with_other_channels_at_other_sizes_is_refused(folder, tmp_path, capsys, args, says):
    other = tiny_net(tmp_path / "other", FLAT)
    tiny_picture(folder / "guide.png", 16, 16)
    start = ["in.png", "out.png", "--seed", "1", "--octaves", "2", "--scale", "2", "--model", other, *args]
    line = refused(capsys, folder, start)
    assert re.search(f"layer flat has {says}.*: .*earlier layer$", line)


def test_a_layer_with_other_channels_at_other_sizes_is_dreamt_on_where_they_do_not_matter(folder, tmp_path):
    other = tiny_net(tmp_path / "other", FLAT)
    for args in (["--layer", "flat", "--guide", "in.png", "--octaves", "1"], ["--channel", "flat:209"]):
        dreamt(other, *args)
