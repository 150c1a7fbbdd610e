"""Zooms on a path: the rate, the rotation, the shift and the layer change on the way."""

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
from tests.helpers.tiny import refused

LAYER = "inception_4c/output"
FRAME = nd.gaussian_filter(np.random.RandomState(0).rand(31, 31, 3) * 255, (2, 2, 0)).astype(np.float32)
pytestmark = pytest.mark.usefixtures("one_thread")


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_path_that_stays_is_the_number():
    for plain, path in (({"rate": 0.2}, {"rate": "0:0.2,9:0.2"}), ({"rotate": 7.0}, {"rotate": "3:7"})):
        wanted = zoom.next_frame(FRAME, ZoomSettings(**plain))
        assert zoom.next_frame(FRAME, ZoomSettings(**path), 5).tobytes() == wanted.tobytes()


def test_on_a_path_each_frame_has_its_own_numbers_about_one_point():
    """Where a path turns anywhere, all its frames are about the middle, as those that turn."""
    settings = ZoomSettings(rate="0:0,2:-0.2", rotate="0:0,4:8", shift="0:0,0,2:3,-4")
    for number, rate, rotate, shift in ((1, -0.1, 2.0, "1.5,-2"), (2, -0.2, 4.0, "3,-4"), (9, -0.2, 8.0, "3,-4")):
        wanted = zoom.next_frame(FRAME, ZoomSettings(rate=rate, rotate=rotate, shift=shift))
        np.testing.assert_allclose(zoom.next_frame(FRAME, settings, number), wanted, atol=1e-3)
    np.testing.assert_allclose(zoom.next_frame(FRAME, settings, 0), FRAME, atol=1e-3)


PATHS = ["--rate", "0:.1,3:0", "--rotate", "1:0,3:3", "--shift", "0:2,0,2:0,-1", "--layer", f"0:conv1,2:{LAYER}"]


def test_a_path_goes_on_to_the_same_bytes_and_is_in_the_recipe(net, zoomed, zoomed_in_part, capsys):
    assert zoomed("whole.gif", *PATHS, "--seed", "7") == 0
    assert zoomed_in_part("out.gif", *PATHS, "--seed", "7") == 130
    assert zoomed("out.gif", *PATHS, "--seed", "7") == 0
    assert Path("out.gif").read_bytes() == Path("whole.gif").read_bytes()
    recipe = picture.read_recipe("out.gif")
    found = [recipe[key] for key in ("layer", "zoom_rate", "zoom_rotate", "zoom_shift", "zoom_fade")]
    assert found == [f"0:conv1,2:{LAYER}", "0:0.1,3:0.0", "1:0.0,3:3.0", "0:2,0,2:0,-1", 2]
    capsys.readouterr()
    assert main(["info", "out.gif"]) == 0
    typed = capsys.readouterr().out.splitlines()[-1].split()
    assert typed[typed.index("--layer") + 1] == f"0:conv1,2:{LAYER}"
    typed = [{"IN": "in.png", "OUT.gif": "new.gif", "MODEL": net}.get(word, word) for word in typed[1:]]
    assert main(typed) == 0
    assert Path("new.gif").read_bytes() == Path("out.gif").read_bytes()


def test_each_layer_of_a_path_dreams_alone_but_where_they_mix(folder, net, zoomed):
    """Without a zoom: a frame is the dream of the one before; the mixed step is the sum of both at one size."""
    args = ["--rate", "0", "--iterations", "1", "--octaves", "1", "--jitter", "0", "--no-clip", "--frames", "3"]
    assert zoomed("out", *args, "--layer", "0:conv1,1:4c", "--fade", "1", "--seed", "7") == 0
    tiny, frame = deepdream.load_net(net, blobs="needed"), np.float32(Image.open("in.png"))
    for number, ends in enumerate((["conv1"], ["conv1", LAYER], [LAYER])):
        x = deepdream.preprocess(tiny, frame)
        total = 0
        for end in ends:
            tiny.blobs["data"].reshape(1, *x.shape)
            tiny.blobs["data"].data[0] = x
            tiny.forward(end=end)
            tiny.blobs[end].diff[:] = tiny.blobs[end].data
            tiny.backward(start=end)
            gradient = tiny.blobs["data"].diff[0].copy()
            total = total + gradient / abs(gradient).mean()
        frame = deepdream.deprocess(tiny, x + 1.5 * total / abs(total).mean())
        assert np.abs(picture.to_uint8(frame, clip=False).astype(int) - pixels(f"out/{number:04}.png")).max() <= 1


@pytest.mark.parametrize(
    ("path", "fade", "words"),
    [
        ("0:conv1,3:4c", 3, "3 frames"),
        ("0:conv1,1:4c,20:conv1", 1, "one frame"),
        ("0:conv1,9:4c", 9, "9 frames"),
        ("0:conv1,10:4c", 10, None),
        ("0:conv1", 10, None),
    ],
)
def test_a_fade_that_nobody_typed_gives_way_and_says_so(folder, zoomed, capsys, path, fade, words):
    assert zoomed("out", "--layer", path) == 0
    assert picture.read_recipe("out/0000.png")["zoom_fade"] == fade
    said = [line for line in capsys.readouterr().err.splitlines() if "instead of 10" in line]
    line = f"dreamify: a layer gives way to the next over {words} instead of 10, as the next one comes sooner"
    assert said == ([line] if words else [])
    assert zoomed("typed", "--layer", path, "--fade", str(fade)) == 0
    assert zoomed("out", "--layer", path) == 0  # it is there already
    assert "instead of" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--layer", "0:conv1,5:4c,3:conv1"], "the frames of layer must rise, and 3 comes after 5"),
        (["--layer", "0:conv1,5:nothing"], "there is no layer 'nothing' in this net"),
        (["--layer", "0:conv1,5:4c", "--fade", "6"], "fade must be at most 5, the frames from one layer to the next"),
        (["--layer", "0:conv1,5:4c", "--guide", "guide.png"], "a guide is compared with one layer"),
        (["--fade", "3"], "--fade mixes the layers of a path, such as --layer 0:3b,60:4c: leave it out"),
        (["--rate", "0:0.1,50:0.01,20:0"], "the frames of rate must rise, and 20 comes after 50"),
        (["--layer", "99999:conv1"], "layer must be FRAME:VALUE,FRAME:VALUE, with frames from 0 to 9998"),
    ],
)
def test_a_path_that_leads_nowhere(folder, net, capsys, args, words):
    assert words in refused(capsys, folder, ["zoom", "in.png", "out", "--model", net, *args], code=2)


@pytest.mark.parametrize("verb", [[], ["video"], ["batch"]])
def test_a_path_of_layers_is_for_a_zoom(folder, net, frame_folder, capsys, verb):
    source = frame_folder if verb == ["video"] else "in.png"
    command = [
        *verb,
        source,
        "out.png" if not verb else "out",
        "--layer",
        "0:conv1,5:4c",
        "--model",
        net,
        "--seed",
        "1",
    ]
    line = refused(capsys, folder, command, code=2)
    assert "layers that change from frame to frame are for dreamify zoom" in line
