"""Transparency: one rule for everything that is written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.images import transparency
from tests.helpers.tiny import SHORT_FILM, SHORT_ZOOM, tiny_picture

pytestmark = pytest.mark.usefixtures("one_thread")

RGB = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
ALPHA = np.repeat(np.uint8([[0, 0, 100, 200, 255, 255]]), 4, axis=0)
SHORT = ["--iterations", "1", "--octaves", "1", "--seed", "7"]
# The arguments of each verb besides its formats, for a dream of one step on in.png.
VERBS = {
    "dream": (["in.png"], [".png", ".webp", ".tif", ".jpg"], SHORT),
    "again": (["again", "dream.png", "in.png"], [".png", ".jpg"], []),
    "sheet": (["sheet", "in.png"], [".png", ".webp", ".jpg", ".gif"], [*SHORT[:4], "--seeds", "1,2"]),
    "zoom": (["zoom", "in.png"], [".gif", ".webp", ".webm", ".mp4", ""], [*SHORT_ZOOM, "--seed", "7"]),
    "video": (["video", "clip"], [".gif", ".webm", ".mp4", ""], SHORT_FILM),
    "batch": (["batch", "in.png"], [""], [*SHORT, "--workers", "1"]),
}
WHITE = {".jpg": "JPEG", ".mp4": "MP4"}


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "WEBM"])
def test_what_holds_it_gets_it_as_it_is(kind):
    rgb, alpha = transparency.as_held(kind, RGB, ALPHA)
    assert (rgb is RGB, alpha is ALPHA) == (True, True)
    assert transparency.is_held(kind)
    assert transparency.loss(kind, ALPHA) is None


@pytest.mark.parametrize("kind", ["JPEG", "MP4"])
def test_what_cannot_hold_it_gets_it_on_white(kind):
    rgb, alpha = transparency.as_held(kind, RGB, ALPHA)
    share = ALPHA[..., None] / 255
    assert alpha is None
    assert np.abs(rgb - (RGB * share + 255 * (1 - share))).max() <= 1
    assert not transparency.is_held(kind)
    assert transparency.loss(kind, ALPHA).startswith(f"{kind} cannot hold transparency: ")


def test_a_gif_holds_all_or_nothing():
    rgb, alpha = transparency.as_held("GIF", RGB, ALPHA)
    assert alpha[0].tolist() == [0, 0, 0, 255, 255, 255]
    share = ALPHA[:, 3:, None] / 255
    assert np.abs(rgb[:, 3:] - (RGB[:, 3:] * share + 255 * (1 - share))).max() <= 1
    assert "partial transparency: " in transparency.loss("GIF", ALPHA)
    assert transparency.loss("GIF", np.where(ALPHA < 128, 0, 255)) is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "MP4"])
@pytest.mark.parametrize("alpha", [None, np.full((4, 6), 255, np.uint8)])
def test_of_what_is_opaque_nothing_is_lost(kind, alpha):
    rgb, _ = transparency.as_held(kind, RGB, alpha)
    assert (rgb == RGB).all()
    assert transparency.loss(kind, alpha) is transparency.if_any(alpha) is None


def test_split_joined_and_resized():
    rgb, alpha = transparency.split(transparency.joined(RGB, ALPHA))
    assert (rgb == RGB).all()
    assert (alpha == ALPHA).all()
    assert transparency.split(transparency.joined(RGB, None))[1] is None
    assert transparency.resized(ALPHA, 8, 3).shape == (8, 3)
    assert transparency.resized(None, 8, 3) is None


@pytest.fixture
def see_through(folder):
    """in.png, and clip/ of it twice: transparent on the left, half transparent in the middle, opaque on the right."""
    alpha = np.full((28, 40), 255, np.uint8)
    alpha[:, :16], alpha[:, 16:24] = 0, 128
    image = Image.open(tiny_picture(folder / "in.png"))
    image.putalpha(Image.fromarray(alpha))
    image.save("in.png")
    Path("clip").mkdir()
    for number in range(2):
        image.save(f"clip/{number}.png")


def pictures(path):
    """The frames that a verb has written, each (h, w, 4) uint8."""
    if path.suffix in (".mp4", ".webm"):
        from deepdream.video.reader import open_film

        found = [(frame.pixels, frame.alpha) for frame in open_film(str(path)).frames()]
        return [np.dstack([rgb, np.full(rgb.shape[:2], 255) if alpha is None else alpha]) for rgb, alpha in found]
    images = [Image.open(one) for one in (sorted(path.iterdir()) if path.is_dir() else [path])]
    frames = []
    for image in images:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            frames.append(np.asarray(image.convert("RGBA")))
    return frames


CASES = [(verb, suffix) for verb, (_, suffixes, _) in VERBS.items() for suffix in suffixes]


@pytest.mark.parametrize(("verb", "suffix"), CASES)
def test_every_verb_and_format(see_through, net, capsys, here, verb, suffix):
    if verb == "video" or suffix in (".mp4", ".webm"):
        pytest.importorskip("av", reason="films need PyAV: pip install av opencv-python-headless")
    if verb == "video":
        pytest.importorskip("cv2", reason="films need OpenCV: pip install av opencv-python-headless")
    assert main(["in.png", "dream.png", *SHORT, "--model", net]) == 0
    capsys.readouterr()
    before, _, args = VERBS[verb]
    assert main([*before, f"out{suffix}", *args, "--model", net]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "transparen" in line]
    written = pictures(Path(f"out{suffix}"))
    assert len(written) == {"sheet": 2 if suffix == ".gif" else 1, "zoom": 4, "video": 2}.get(verb, 1)
    for number, picture in enumerate(written):
        alpha = picture[..., 3]
        if suffix in WHITE:
            assert (alpha == 255).all()
            if verb != "sheet" and number == 0:
                assert np.abs(picture[4:24, 2:12, :3].astype(int) - 255).max() <= 12
        elif suffix == ".gif":
            assert set(np.unique(alpha)) == {0, 255}
        else:
            lossy = suffix == ".webm"
            assert alpha.min() <= (6 if lossy else 0)
            assert alpha.max() >= (249 if lossy else 255)
            assert (np.abs(alpha.astype(int) - 128) < 10).any()
    if suffix in WHITE:
        assert [line.split(": ")[1] for line in said] == [f"{WHITE[suffix]} cannot hold transparency"]
    elif suffix == ".gif":
        assert [line.split(": ")[1] for line in said] == ["a GIF cannot hold partial transparency"]
    else:
        assert said == []


def test_the_frames_of_a_dream_keep_it_in_every_octave(see_through, net):
    args = ["--iterations", "1", "--octaves", "2", "--frames", "frames", "--model", net]
    assert main(["in.png", "out.png", *args]) == 0
    sizes = set()
    for path in Path("frames").iterdir():
        image = Image.open(path)
        assert image.mode == "RGBA"
        assert image.getchannel("A").getextrema() == (0, 255)
        sizes.add(image.size)
    assert len(sizes) == 2


@pytest.mark.parametrize("verb", ["sheet", "zoom"])
def test_what_is_opaque_is_written_as_if_there_were_no_alpha(folder, net, verb):
    plain = Image.open("in.png")
    plain.save("in.tif")
    plain.putalpha(255)
    plain.save("in.png")
    before, _, args = VERBS[verb]
    for number, source in enumerate(("in.png", "in.tif")):
        assert main([before[0], source, f"{number}.gif", *args, "--model", net]) == 0
    one, other = (pictures(Path(f"{number}.gif")) for number in range(2))
    assert all((a == b).all() for a, b in zip(one, other))
    assert all((frame[..., 3] == 255).all() for frame in one)
