"""One dream from file to file: what is written, what the recipe says, and what stays untouched where it fails."""

import hashlib
import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deepdream
from deepdream import ascent
from deepdream.caffe_format.sizes import octave_sizes
from deepdream.caffe_format.topology import read_topology
from deepdream.caffe_format.weights import read_weights
from deepdream.cli import main
from deepdream.dream import dream_steps, make_step
from deepdream.images import picture
from deepdream.settings import DreamSettings
from tests.helpers.tiny import LEAST, TEXT, refused, snapshot, tiny_net, tiny_picture

torch = pytest.importorskip("torch")
LAYER = "inception_4c/output"
SHORT = ["--iterations", "3", "--octaves", "3", "--seed", "7"]
SIZE = (40, 28)
SIZES = [(21, 14), (29, 20), SIZE]  # of SHORT's octaves, width x height
pytestmark = pytest.mark.usefixtures("one_thread")


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def numbers(net):
    """The SHA-256 of all parameters, in the order of the prototxt."""
    weights = read_weights(Path(net) / "net.caffemodel", read_topology(Path(net) / "deploy.prototxt"))
    assert list(weights) == ["conv1", "inception_4c/output", "fc"]
    return hashlib.sha256(b"".join(array.tobytes() for arrays in weights.values() for array in arrays)).hexdigest()


def test_the_recipe(folder, net):
    assert main(["in.png", "out.png", *SHORT, "--guide", "guide.png", "--max-size", "39", "--model", net]) == 0
    assert picture.read_recipe("out.png") == {
        "program": "dreamify",
        "version": deepdream.__version__,
        "engine": "torch",
        "engine_version": torch.__version__.split("+")[0],
        "device": "cpu",
        "precision": "float32",
        "threads": torch.get_num_threads(),
        "model": "tiny",
        "model_sha256": hashlib.sha256((Path(net) / "net.caffemodel").read_bytes()).hexdigest(),
        "numbers_sha256": numbers(net),
        "prototxt_sha256": hashlib.sha256((Path(net) / "deploy.prototxt").read_bytes()).hexdigest(),
        "model_mean": [104.0, 116.0, 122.0],
        "model_scale": 1.0,
        "layer": LAYER,
        "iterations": 3,
        "octaves": 3,
        "scale": 1.4,
        "step": 1.5,
        "jitter": 32,
        "clip": True,
        "seed": 7,
        "max_size": 39,
        "objective": "guide",
        "input_sha256": hashlib.sha256(Path("in.png").read_bytes()).hexdigest(),
        "guide_sha256": hashlib.sha256(Path("guide.png").read_bytes()).hexdigest(),
    }


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tif"])
def test_neither_path_nor_time_is_in_the_file(folder, net, monkeypatch, extension):
    """A dream of the same picture under another name, in another folder, on another day is the same file."""
    assert main(["in.png", f"out.{extension}", *SHORT, "--model", net]) == 0
    (folder / "elsewhere").mkdir()
    source = Path("in.png").rename("elsewhere/other name.png").resolve()
    monkeypatch.chdir(folder / "elsewhere")
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert main([str(source), f"other.{extension}", *SHORT, "--model", net]) == 0
    assert Path(f"other.{extension}").read_bytes() == (folder / f"out.{extension}").read_bytes()


def test_the_seed_is_drawn_and_printed_and_repeats_the_file(capsys, folder, net):
    few = ["--iterations", "2", "--octaves", "2", "--model", net]
    assert main(["in.png", "out.png", *few]) == 0
    assert main(["in.png", "other.png", *few]) == 0
    first, second = re.findall(r"layer inception_4c/output, seed (\d+)\n", capsys.readouterr().err)
    assert first != second
    assert picture.read_recipe("out.png")["seed"] == int(first)
    assert main(["in.png", "new.png", "--seed", first, *few]) == 0
    assert Path("new.png").read_bytes() == Path("out.png").read_bytes()
    assert Path("other.png").read_bytes() != Path("out.png").read_bytes()


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("guided", [True, False])
def test_the_picture_is_what_the_python_interface_dreams(folder, net, clip, guided):
    args = ["--guide", "guide.png"] * guided + ["--no-clip"] * (not clip)
    assert main(["in.png", "out.png", *SHORT, *args, "--step", "20", "--model", net]) == 0
    tiny = deepdream.load_net(net, blobs="needed")
    guide = deepdream.guide_features(tiny, picture.read("guide.png").pixels, LAYER)
    objective = deepdream.objective_guide(guide) if guided else deepdream.objective_L2
    base = picture.read("in.png").pixels
    raw = deepdream.deepdream(tiny, base, 3, 3, clip=clip, objective=objective, seed=7, step_size=20)
    assert (raw.max() > 256) == (not clip)  # so that the difference shows
    shown = raw if clip else raw * (255 / np.percentile(raw.astype(np.float64), 99.98))
    assert (pixels("out.png") == np.uint8(np.clip(shown, 0, 255))).all()


def test_no_iterations_leave_the_picture_as_it_is(folder, net):
    assert main(["in.png", "out.png", "--iterations", "0", "--model", net]) == 0
    assert (pixels("out.png") == pixels("in.png")).all()
    assert picture.read_recipe("out.png")["iterations"] == 0


@pytest.mark.parametrize("extension", ["png", "jpg", "webp", "tif"])
@pytest.mark.parametrize("size", [SIZE, (33, 61)])
def test_the_size_is_the_inputs(folder, net, extension, size):
    tiny_picture(folder / "in.png", *size)
    assert main(["in.png", f"out.{extension}", *SHORT, "--model", net]) == 0
    assert Image.open(f"out.{extension}").size == size


def test_alpha_is_kept_or_flattened_on_white(folder, net):
    tiny_picture(folder / "in.png", *SIZE, "RGBA")
    alpha = np.asarray(Image.open("in.png"))[..., 3:]
    for target in ("out.png", "out.jpg"):
        assert main(["in.png", target, *SHORT, "--model", net]) == 0
    result = np.asarray(Image.open("out.png"))
    assert (result[..., 3:] == alpha).all()
    assert Image.open("out.jpg").mode == "RGB"
    flat = result[..., :3] * (alpha / 255.0) + 255 - alpha
    assert np.abs(flat - pixels("out.jpg")).mean() < 4


def test_the_largest_size(folder, net):
    assert main(["in.png", "out.png", *SHORT, "--max-size", "30", "--model", net]) == 0
    assert Image.open("out.png").size == (30, 21)
    assert main(["in.png", "out.png", *SHORT, "--max-size", "40", "--model", net]) == 0
    assert Image.open("out.png").size == SIZE


@pytest.mark.parametrize("more", [[], ["--no-clip", "--step", "20"], ["--guide", "guide.png"]])
def test_frames(folder, net, more):
    assert main(["in.png", "out.png", *SHORT, *more, "--frames", "frames", "--model", net]) == 0
    names = sorted(snapshot(folder / "frames"))
    assert names == [f"octave{o:02}-iteration{i:04}.png" for o in (1, 2, 3) for i in (1, 2, 3)]
    frames = [folder / "frames" / name for name in names]
    assert [Image.open(frame).size for frame in frames] == [size for size in SIZES for _ in range(3)]
    assert (pixels(frames[-1]) == pixels("out.png")).all()
    assert len({pixels(frame).tobytes() for frame in frames}) == 9
    recipe = picture.read_recipe("out.png")
    assert picture.read_recipe(str(frames[3])) == {**recipe, "moment": "octave 2 of 3, iteration 1 of 3"}
    assert main(["in.png", "plain.png", *SHORT, *more, "--model", net]) == 0
    assert Path("plain.png").read_bytes() == Path("out.png").read_bytes()


@pytest.mark.parametrize("frames", ["in.png", "missing/frames"])
def test_a_folder_for_frames_that_cannot_be_made(capsys, folder, net, frames):
    line = refused(capsys, folder, ["in.png", "out.png", "--frames", frames, "--model", net])
    assert f"the folder {frames} cannot be made" in line


def test_the_greatest_number_of_octaves(capsys, folder, net):
    args = ["in.png", "out.png", LAYER, "1"]
    line = refused(capsys, folder, [*args, "9", "--model", net])
    named = int(re.search(r"--octaves (\d+)\)", line).group(1))
    assert min(octave_sizes(SIZE[::-1], named, 1.4)[-1]) >= LEAST
    refused(capsys, folder, [*args, str(named + 1), "--model", net])
    assert main([*args, str(named), "--model", net]) == 0


def test_one_pixel(capsys, folder, net):
    tiny_picture(folder / "in.png", 1, 1)
    line = refused(capsys, folder, ["in.png", "out.png", "--frames", "frames", "--model", net])
    assert f"a picture of 1x1 does not suit layer {LAYER}, which needs at least 9x9" in line


@pytest.mark.parametrize("size", [(LEAST, LEAST), (32, 32), (33, 50), (300, 40)])
def test_a_guide_of_any_size(folder, net, size):
    tiny_picture(folder / "guide.png", *size)
    assert main(["in.png", "out.png", *SHORT, "--guide", "guide.png", "--model", net]) == 0


def test_a_guide_smaller_than_the_layer(capsys, folder, net):
    tiny_picture(folder / "guide.png", LEAST, LEAST - 1)
    line = refused(capsys, folder, ["in.png", "out.png", "--guide", "guide.png", "--model", net])
    assert f"a guide of 9x8 does not suit layer {LAYER}, which needs at least 9x9" in line


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda weights: weights * 0, "zero"),
        (lambda weights: weights - 1e9 * (weights.ndim == 1), "zero"),  # biases that leave nothing behind the ReLU
        (lambda weights: weights * np.float32(1e38), "not finite"),
        (lambda weights: weights * np.float32(np.nan), "not finite"),
    ],
)
def test_a_gradient_that_leads_nowhere(capsys, folder, tmp_path_factory, monkeypatch, change, fault):
    monkeypatch.setattr("tests.helpers.nets.random_weights", changed_weights(change))
    model = tiny_net(tmp_path_factory.mktemp("model"), TEXT)
    args = ["in.png", "out.png", *SHORT, "--frames", "frames", "--model", model]
    (folder / "frames").mkdir()
    line = refused(capsys, folder, args)
    assert f"the gradient is {fault} on this picture: try another layer" in line


def changed_weights(change):
    from tests.helpers.nets import random_weights

    def weights(topology, seed):
        return {name: [change(array) for array in arrays] for name, arrays in random_weights(topology, seed).items()}

    return weights


def test_float64_is_the_same_file_for_any_number_of_threads(folder, net):
    for number in "12":
        args = ["--precision", "float64", "--threads", number]
        assert main(["in.png", f"{number}.png", *SHORT, *args, "--model", net]) == 0
        assert torch.get_num_threads() == int(number)
    assert Path("1.png").read_bytes() == Path("2.png").read_bytes()
    assert "threads" not in picture.read_recipe("1.png")


def interrupted_at(step, times, monkeypatch):
    """Ctrl-C, so many times, while this step (from 1) is made."""
    ascend, made = ascent.ascend, []

    def interrupted_step(*args):
        made.append(1)
        for _ in range(times if len(made) == step else 0):
            signal.raise_signal(signal.SIGINT)
        ascend(*args)

    monkeypatch.setattr(ascent, "ascend", interrupted_step)


@pytest.mark.parametrize(("step", "moment"), [(1, (1, 1)), (5, (2, 2)), (8, (3, 2))])
def test_ctrl_c_leaves_the_picture_so_far(ctrl_c, capsys, folder, net, monkeypatch, step, moment):
    tiny = deepdream.load_net(net, blobs="needed")
    settings = DreamSettings(iter_n=3, octave_n=3, seed=7)
    steps = dream_steps(tiny, picture.read("in.png").pixels, settings, lambda _, rng: make_step(tiny, rng=rng))
    wanted = [next(steps).whole() for _ in range(step)][-1]
    before = signal.getsignal(signal.SIGINT)
    interrupted_at(step, 1, monkeypatch)
    assert main(["in.png", "out.png", *SHORT, "--frames", "frames", "--model", net]) == 130
    assert signal.getsignal(signal.SIGINT) is before
    assert (pixels("out.png") == np.uint8(np.clip(wanted, 0, 255))).all()
    assert len(snapshot(folder / "frames")) == step
    text = "octave {} of 3, iteration {} of 3".format(*moment)
    assert picture.read_recipe("out.png")["moment"] == text
    assert json.dumps(picture.read_recipe("out.png"))
    *_, said, last = capsys.readouterr().err.splitlines()
    assert said.startswith("dreamify: finishing this step; Ctrl-C again")
    assert last == f"dreamify: stopped at {text}: the dream so far is in out.png"


def test_ctrl_c_after_the_dream_is_what_it_was_before(ctrl_c, folder, net):
    assert main(["in.png", "out.png", *SHORT, "--model", net]) == 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_twice_leaves_nothing(ctrl_c, capsys, folder, net, monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    interrupted_at(5, 2, monkeypatch)
    line = refused(capsys, folder, ["in.png", "out.png", *SHORT, "--model", net], 130)
    assert line == "dreamify: interrupted, nothing written"
    assert signal.getsignal(signal.SIGINT) is before
