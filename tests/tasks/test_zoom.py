"""The endless zoom: its numbers are the notebook's, and what it is written to holds its frames and nothing else."""

import re
from pathlib import Path

import numpy as np
import pytest
import scipy.ndimage as nd
from PIL import Image

import deepdream
from deepdream.cli import main
from deepdream.images import picture
from deepdream.settings import ZoomSettings
from deepdream.tasks import zoom
from tests.helpers import dream2015
from tests.helpers.shared import SHARED
from tests.helpers.tiny import SHORT_ZOOM, frame_names, refused, tiny_picture

LAYER = "inception_4c/output"
pytestmark = pytest.mark.usefixtures("one_thread")


def as_in_2015(frame, rate):
    """affine_transform(frame, [1 - s, 1 - s, 1], [h * s / 2, w * s / 2, 0], order=1), as SciPy had it before 0.18."""
    h, w = frame.shape[:2]
    zoom = 1 - rate
    return nd.affine_transform(frame, np.diag([zoom, zoom, 1]), [zoom * h * rate / 2, zoom * w * rate / 2, 0], order=1)


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_the_frames_are_the_notebooks(folder, net, zoomed, rate, clip):
    """Its loop written down plainly: float32 from frame to frame, each saved before it is zoomed."""
    args = ["--rate", str(rate), "--seed", "7", "--step", "9"] + ["--no-clip"] * (not clip)
    assert zoomed("out", *args) == 0
    tiny = deepdream.load_net(net)
    frame = np.float32(Image.open("in.png"))
    for number, name in enumerate(frame_names(4)):
        frame = dream2015.deepdream(tiny, frame, 2, 2, 1.4, LAYER, clip, dream2015.objective_L2, 7 + number, 9)
        shown = frame if clip else frame * (255 / np.percentile(frame.astype(np.float64), 99.98))
        assert (pixels(f"out/{name}") == np.uint8(np.clip(shown, 0, 255))).all()
        frame = as_in_2015(frame, rate)
    assert sorted(path.name for path in Path("out").iterdir()) == frame_names(4)


@pytest.mark.parametrize("args", [["--seed", "4294967295"], ["--seed", "3", "--guide", "guide.png", "--no-clip"]])
def test_each_frame_is_a_plain_dream_of_its_own_seed(folder, net, zoomed, args):
    assert zoomed("out", *args, "--rate", "0") == 0
    assert main(["in.png", "plain.png", *SHORT_ZOOM[:4], *args, "--model", net]) == 0
    assert (pixels("out/0000.png") == pixels("plain.png")).all()
    if args[1] == "4294967295":  # the greatest: the next frame's is 0
        tiny = deepdream.load_net(net, blobs="needed")
        first = deepdream.deepdream(tiny, np.float32(Image.open("in.png")), 2, 2, seed=2**32 - 1)
        second = deepdream.deepdream(tiny, first, 2, 2, seed=0)
        assert (pixels("out/0001.png") == picture.to_uint8(second)).all()


def test_the_recipe_of_a_frame_is_the_dreams_and_the_zooms(folder, net, zoomed):
    args = ["--seed", "5", "--guide", "guide.png"]
    assert zoomed("out", *args, "--rotate", "1.5", "--shift=-2,0.5") == 0
    assert main(["in.png", "plain.png", *SHORT_ZOOM[:4], *args, "--model", net]) == 0
    own = {
        "zoom_frames": 4,
        "zoom_rate": 0.05,
        "zoom_rotate": 1.5,
        "zoom_shift": "-2,0.5",
        "zoom_fps": 10.0,
        "frame": 3,
    }
    assert picture.read_recipe("out/0003.png") == {**picture.read_recipe("plain.png"), **own, "frame": 3}


RNG = np.random.RandomState(0)
FRAME = nd.gaussian_filter(RNG.rand(31, 31, 3) * 255, (2, 2, 0)).astype(np.float32)


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.7])
def test_without_turn_and_shift_it_is_the_notebooks_transform(rate):
    """Pixel o comes from (1 - rate) * (o + h * rate / 2), weighed between its four neighbours."""
    frame = FRAME[:20]
    wanted = np.zeros_like(frame)
    for row, column in np.ndindex(20, 31):
        i, j = (1 - rate) * (row + 20 * rate / 2), (1 - rate) * (column + 31 * rate / 2)
        for a, b in np.ndindex(2, 2):
            near = min(int(i) + a, 19), min(int(j) + b, 30)
            wanted[row, column] += frame[near] * abs(1 - a - i % 1) * abs(1 - b - j % 1)
    found = zoom.next_frame(frame, ZoomSettings(rate=rate))
    assert np.abs(found - wanted).max() < 1e-3
    assert found.dtype == np.float32


@pytest.mark.skipif(not (SHARED / "images").is_dir(), reason="needs Google's pictures in ../shared/images")
def test_googles_published_zoom_is_about_the_same_point():
    """Frame 29 has been zoomed 29 times; what is left of the sky in it is where our zoom brings it."""
    images = [Image.open(SHARED / "images" / name) for name in ("sky1024px.jpg", "google2015-zoom_frame29.jpg")]
    sky, google = (np.float32(image.convert("L").resize((512, 288))) for image in images)
    sky = np.dstack([sky] * 3)
    about_the_middle = nd.affine_transform(
        sky[..., 0], np.eye(2) * 0.95**29, (1 - 0.95**29) * np.array([144, 256]), order=1
    )
    for _ in range(29):
        sky = zoom.next_frame(sky)
    ours, middle = (
        np.corrcoef(*(nd.gaussian_filter(x, 15).ravel() for x in (zoomed, google)))[0, 1]
        for zoomed in (sky[..., 0], about_the_middle)
    )
    assert ours > middle + 0.1


@pytest.mark.parametrize("quarters", [1, 2, -1])
def test_it_turns_counter_clockwise_about_the_middle(quarters):
    found = zoom.next_frame(FRAME, ZoomSettings(rate=0, rotate=90 * quarters))
    assert np.abs(found - np.rot90(FRAME, quarters)).max() < 1e-3


def test_what_is_seen_moves_right_and_down_and_mirrors_at_the_edge():
    found = zoom.next_frame(FRAME, ZoomSettings(rate=0, shift="3,2"))
    assert np.abs(found[2:, 3:] - FRAME[:-2, :-3]).max() < 1e-3
    assert np.abs(found[:2, 3:] - FRAME[1::-1, :-3]).max() < 1e-3
    assert np.abs(found[2:, :3] - FRAME[:-2, 2::-1]).max() < 1e-3
    left = zoom.next_frame(FRAME, ZoomSettings(rate=0, shift="-3,0"))
    assert np.abs(left[:, :-3] - FRAME[:, 3:]).max() < 1e-3


def test_a_negative_rate_shows_more_of_the_picture():
    found = zoom.next_frame(FRAME, ZoomSettings(rate=-0.5))
    padded = np.pad(FRAME, ((31, 31), (31, 31), (0, 0)), "symmetric")
    rows = 31 + 15 + 1.5 * (np.arange(31) - 15)
    wanted = nd.map_coordinates(padded[..., 1], np.meshgrid(rows, rows, indexing="ij"), order=1)
    assert np.abs(found[..., 1] - wanted).max() < 1e-3
    assert found.min() > 0  # no black border


@pytest.mark.parametrize("out", ["out.gif", "out.webp"])
def test_an_animation_has_the_frames_of_the_folder(folder, zoomed, capsys, out):
    assert zoomed("out", "--seed", "7", "--step", "9") == 0
    assert zoomed(out, "--seed", "7", "--step", "9") == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(["guide.png", "in.png", "out", out])
    image = Image.open(out)
    assert image.n_frames == 4
    assert image.info["loop"] == 0
    for number, name in enumerate(frame_names(4)):
        image.seek(number)
        image.load()
        assert image.info["duration"] == 100
        off = np.float32(image.convert("RGB")) - pixels(f"out/{name}")
        if out == "out.gif":  # 256 colours, dithered: right from a little way off
            assert np.abs(off).mean() < 8
            off = nd.gaussian_filter(off, (1.5, 1.5, 0))
        assert np.abs(off).mean() <= (3 if out == "out.gif" else 0)
    recipe = picture.read_recipe("out/0000.png")
    del recipe["frame"]
    assert picture.read_recipe(out) == recipe
    capsys.readouterr()
    assert main(["info", out]) == 0
    assert re.search("^zoom_rate +0.05$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("out", "words", "code"),
    [
        ("out.avi", "a zoom cannot be written to out.avi: end its name in .gif, .webp, .mp4 or .webm", 2),
        ("missing/out", "/missing does not exist: create it, or write somewhere else", 1),
        ("missing/out.gif", "/missing does not exist: create it, or write somewhere else", 1),
        ("file", "file is a file: name a folder, or a file in .gif, .webp, .mp4 or .webm", 2),
        ("full", "full holds files that are not frames of one zoom: choose another OUT", 2),
        ("frames", "frames holds files that are not frames of one zoom: choose another OUT", 2),
        (".", ". holds files that are not frames of one zoom: choose another OUT", 2),
        ("other.gif", "other.gif exists and was not made by dreamify zoom: choose another OUT", 2),
        ("broken.webp", "broken.webp exists and was not made by dreamify zoom: choose another OUT", 2),
    ],
)
def test_what_a_zoom_cannot_be_written_to(folder, net, capsys, out, words, code):
    (folder / "full").mkdir()
    (folder / "full" / "notes.txt").write_text("mine")
    (folder / "frames").mkdir()
    tiny_picture(folder / "frames" / "0000.png")
    Image.open("in.png").convert("P").save("other.gif", comment=b"mine")
    Path("broken.webp").write_bytes(b"RIFF")
    Path("file").write_text("mine")
    assert words in refused(capsys, folder, ["zoom", "in.png", out, *SHORT_ZOOM, "--model", net], code=code)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--frames", "0"], "frames must be a whole number from 1 to 9999, not 0"),
        (["--frames", "frames/"], "--frames: 'frames/' is not a whole number"),
        (["--rate", "1"], "rate must be a number above -1 and at most 0.99, not 1.0"),
        (["--rate", "-1"], "rate must be a number above -1 and at most 0.99, not -1.0"),
        (["--rotate", "nan"], "rotate must be a number from -360 to 360, not nan"),
        (["--shift", "3"], "such as 2,-1.5, each from -1000000 to 1000000, not '3'"),
        (["--shift", "3,x"], "shift must be two numbers"),
        (["--shift", "1,2,3"], "shift must be two numbers"),
        (["--shift", "inf,0"], "shift must be two numbers"),
        (["conv1"], "unrecognized arguments: conv1"),
    ],
)
def test_wrong_use(folder, net, capsys, args, words):
    assert words in refused(capsys, folder, ["zoom", "in.png", "out", "--model", net, *args], code=2)


def test_an_existing_empty_folder_and_one_with_a_dot_in_its_name(folder, zoomed):
    Path("empty").mkdir()
    Path("v1.5").mkdir()
    for out in ("empty", "v1.5", "v2.0/"):
        assert zoomed(out) == 0
        assert sorted(path.name for path in Path(out).iterdir()) == frame_names(4)


def test_without_iterations_it_only_zooms_and_alpha_along(folder, zoomed):
    tiny_picture(folder / "in.png", mode="RGBA")
    assert zoomed("out", "--iterations", "0") == 0
    stored = np.asarray(Image.open("in.png"))
    assert (np.asarray(Image.open("out/0000.png")) == stored).all()
    zooming = np.float32(stored)
    for number in range(1, 4):
        zooming = zoom.next_frame(zooming)
        found = np.asarray(Image.open(f"out/{number:04}.png")).astype(int)
        assert np.abs(found - zooming).max() <= 1
    assert (pixels("out/0003.png") != pixels("out/0000.png")).any()


def test_an_interrupted_zoom_goes_on_with_its_alpha(folder, zoomed, zoomed_in_part):
    tiny_picture(folder / "in.png", mode="RGBA")
    assert zoomed("whole.gif", "--seed", "7") == 0
    assert zoomed_in_part("out.gif", "--seed", "7") == 130
    assert zoomed("out.gif", "--seed", "7") == 0
    assert Path("out.gif").read_bytes() == Path("whole.gif").read_bytes()


@pytest.mark.parametrize("out", ["out/0001.png", "out.gif"])
def test_a_zoom_cannot_be_repeated_from_a_picture(folder, net, zoomed, capsys, out):
    assert zoomed(out.split("/")[0]) == 0
    line = refused(capsys, folder, ["again", out, "in.png", "new.png", "--model", net])
    assert "of a zoom, which cannot be repeated" in line
    assert line.endswith(": use dreamify zoom")
