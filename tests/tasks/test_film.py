"""Films: what each frame is dreamt from, and what a film keeps of the one that it is made from."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deepdream
from deepdream.cli import main
from deepdream.images import animation, picture
from deepdream.settings import VideoSettings
from deepdream.tasks import film
from deepdream.video.reader import open_film
from tests.helpers.shared import SHARED, needs_cases
from tests.helpers.tiny import SHORT_FILM, frame_names, refused, snapshot, tiny_picture

pytest.importorskip("cv2", reason="films need OpenCV: pip install av opencv-python-headless")
films = pytest.importorskip("tests.video.clips", reason="films need PyAV: pip install av opencv-python-headless")

H, W = 28, 40
pytestmark = pytest.mark.usefixtures("one_thread")


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize("blend", [0, 0.5, 0.75])
def test_without_flow_it_is_a_blend_with_the_dream_before_as_in_2015(frame_folder, net, filmed, blend):
    """Its loop written down plainly; the jitter of a frame is that of the seed and its number."""
    assert filmed(frame_folder, "out", "--flow", "off", "--blend", str(blend)) == 0
    tiny, dream = deepdream.load_net(net), None
    assert sorted(path.name for path in Path("out").iterdir()) == frame_names(4, 6)
    for number, frame in enumerate(np.float32(films.moving_frames())):
        start = frame if dream is None else (1 - blend) * frame + blend * dream
        dream = deepdream.deepdream(tiny, np.float32(start), 2, 2, seed=7 + number, step_size=9)
        off = np.abs(np.float32(pixels(f"out/{number:06}.png")) - np.uint8(np.clip(dream, 0, 255)))
        assert off.max() <= (0 if blend in (0, 0.5) else 1)  # these are exact in float32


def test_a_frame_alone_is_the_dream_of_its_picture(frame_folder, net, filmed):
    assert filmed(frame_folder, "out", "--blend", "0") == 0
    seed = ["--seed", "9"]  # 7, and the frame's number
    assert main(["clip/2.png", "plain.png", *SHORT_FILM[:4], *SHORT_FILM[6:], *seed, "--model", net]) == 0
    assert (pixels("out/000002.png") == pixels("plain.png")).all()
    own = {"video_blend": 0.0, "video_flow": "dis", "video_start": None, "video_end": None, "video_every": 1}
    recipe = picture.read_recipe("out/000002.png")
    plain = picture.read_recipe("plain.png")
    assert recipe == {**plain, **own, "seed": 7, "input_sha256": recipe["input_sha256"], "video_fps": 25.0, "frame": 2}


def moved(right, down):
    """Two frames of 96 x 72: the second shows the first's things further right and down."""
    large = films.texture(0, 72 + down, 96 + right)
    return (np.ascontiguousarray(frame) for frame in (large[down:, right:], large[:72, :96]))


@pytest.mark.parametrize("blend", [0.5, 0.9])
def test_the_dream_before_is_carried_along_and_what_comes_into_view_is_the_frames_own(blend):
    right, down = 5, 3
    before, source = moved(right, down)
    y, x = np.mgrid[0:72, 0:96]
    last = np.float32(np.stack([128 + 90 * np.sin(x / 6), 128 + 90 * np.cos(y / 5), x + y], -1))
    start = film.starting_picture(source, before, last, VideoSettings(blend=blend))
    carried = np.roll(last, (down, right), (0, 1))
    wanted = (1 - blend) * source + blend * carried
    inside = np.zeros((72, 96), bool)
    inside[down + 4 : -4, right + 4 : -4] = True
    assert np.median(np.abs(start - wanted)[inside]) < 1
    assert np.abs(start - wanted)[inside].mean() < 2
    assert np.abs(start - source)[inside].mean() > 10
    assert (start[: down - 1] == source[: down - 1]).all()
    assert (start[:, : right - 1] == source[:, : right - 1]).all()


def test_another_scene_is_dreamt_from_itself_alone():
    blocks = np.random.RandomState(1).randint(0, 256, (12, 16, 3)).astype(np.uint8)
    before, source = films.texture(0), np.repeat(np.repeat(blocks, 8, 0), 8, 1)
    last = np.full(source.shape, 50, np.float32)
    assert (film.starting_picture(source, before, last, VideoSettings()) == source).all()
    assert (film.starting_picture(before, before, last, VideoSettings()) != before).any()
    off = film.starting_picture(source, before, last, VideoSettings(flow="off"))
    assert np.abs(off - (np.float32(source) + 50) / 2).max() < 1e-4


@pytest.mark.parametrize("out", ["out.mp4", "out.webm", "out.gif", "out"])
def test_every_kind_of_output_has_all_frames_in_their_time(frame_folder, net, filmed, out, capsys):
    assert filmed(frame_folder, "plain", "--fps", "5") == 0
    wanted = [pixels(f"plain/{name}") for name in frame_names(4, 6)]
    assert filmed(frame_folder, out, "--fps", "5") == 0
    assert capsys.readouterr().err.endswith(f"dreamify: the video of 4 frames is in {out}\n")
    assert sorted(path.name for path in Path().iterdir()) == sorted(["clip", "guide.png", "in.png", "plain", out])
    if out == "out":
        assert snapshot(Path("out")) == snapshot(Path("plain"))
        return
    frames = list(open_film(out).frames())
    assert [round(float(frame.time), 3) for frame in frames] == [0, 0.2, 0.4, 0.6]
    # Of colours, films keep half the resolution, and a GIF keeps 256.
    grey, others = (
        [np.float32(Image.fromarray(rgb).convert("L")) for rgb in images]
        for images in ([frame.pixels for frame in frames], wanted)
    )
    off = np.array([[np.abs(one - other).mean() for other in others] for one in grey])
    assert (off.argmin(axis=1) == range(4)).all()
    assert np.diag(off).max() < 6 < (off + 99 * np.eye(4)).min() / 2
    assert main(["info", out]) == 0
    printed = capsys.readouterr().out
    assert re.search("^video_flow +dis$", printed, re.MULTILINE)
    assert re.search("^layer +inception_4c/output$", printed, re.MULTILINE)


def test_the_sound_is_kept_and_a_part_is_a_part(clip, filmed):
    assert filmed(clip, "out.mp4") == 0
    before, after = (films.sound_packets(name) for name in (clip, "out.mp4"))
    assert [data for _, data in after] == [data for _, data in before]
    assert filmed(clip, "part.mp4", "--start", "0:00.1", "--end", ".35", "--every", "2") == 0
    with films.av.open("part.mp4") as container:
        assert [round(float(frame.time), 2) for frame in container.decode(video=0)] == [0, 0.2]
    assert 0.2 < films.heard("part.mp4")[1] < 0.33
    assert filmed("out.mp4", "again.webm", "--iterations", "0") == 0  # what was made is a film, too
    assert len(films.decoded("again.webm")) == 4


@pytest.mark.parametrize(
    ("size", "out", "words"),
    [
        ((27, 41), "out.mp4", "the film will be 42x28, with its last row and column repeated: "),
        ((28, 40), "out.gif", "out.gif will be silent: "),
        ((28, 40), "out", "out will be silent: "),
    ],
)
def test_what_cannot_be_kept_is_said(folder, filmed, capsys, size, out, words):
    sound = ("aac", films.beep(0.2))
    films.clip("in.mkv", [films.texture(0, *size)] * 2, pix_fmt="yuv444p", sound=sound)
    assert filmed("in.mkv", out, "--iterations", "0") == 0
    assert f"dreamify: {words}" in capsys.readouterr().err


def test_a_film_does_not_become_one_of_its_own_frames(frame_folder, folder, net, capsys):
    command = ["video", frame_folder, f"./{frame_folder}/9.gif", "--flow", "off", "--model", net]
    assert "would be one of the frames in clip: choose another OUT" in refused(capsys, folder, command, code=2)


def test_a_gif_cannot_be_faster_than_browsers_show_it(frame_folder, filmed, capsys):
    assert filmed(frame_folder, "out.gif", "--iterations", "0", "--fps", "60") == 0
    words = "a GIF shows at most 50 frames per second, so this one plays slower: use --every 2"
    assert words in capsys.readouterr().err
    assert Image.open("out.gif").info["duration"] == 20


def test_where_pixels_are_not_square(folder, filmed, capsys):
    films.clip("in.mp4", [films.texture(0, H, W)], sample_aspect_ratio=films.Fraction(4, 3))
    for out, is_said in (("out.mp4", False), ("out.gif", True)):
        assert filmed("in.mp4", out, "--iterations", "0") == 0
        words = f"{out} will have square pixels, unlike the film: use MP4"
        assert (words in capsys.readouterr().err) == is_said


def test_webm_heeds_max_size_where_pixels_are_not_square(folder, filmed):
    films.clip("in.mp4", [films.texture(0, 60, 80)], sample_aspect_ratio=films.Fraction(4, 3))
    assert filmed("in.mp4", "out.webm", "--iterations", "0", "--max-size", "64") == 0
    (frame,) = films.decoded("out.webm")
    assert frame.shape == (36, 64, 3)


def test_what_is_shown_otherwise_than_it_is_stored_is_said_once(folder, filmed, capsys):
    data = Path(films.clip("part.ts", [films.texture(0, 28, 40)] * 8)).read_bytes()
    films.clip("part.ts", [films.texture(0, 40, 40)] * 8, options={"x264-params": "bff=1"})
    Path("in.ts").write_bytes(data + Path("part.ts").read_bytes())
    assert filmed("in.ts", "out", "--iterations", "0") == 0
    printed = capsys.readouterr().err
    for words in (
        r"in\.ts .*\b2 recordings.*joined",
        r"in\.ts .*0\.32 s from 40x28 to 40x40.*scaled",
        r"in\.ts .*interlaced.*bwdif",
    ):
        assert len(re.findall(words, printed)) == 1, printed
    assert len(list(Path("out").iterdir())) == 16


def test_transparency_with_workers(frame_folder, filmed, here):
    for number in range(4):
        image = Image.open(f"clip/{number}.png")
        image.putalpha(60 * number)
        image.save(f"clip/{number}.png")
    assert filmed(frame_folder, "out", "--blend", "0", "--workers", "1") == 0
    found = [Image.open(f"out/{name}").getchannel("A").getextrema() for name in frame_names(4, 6)]
    assert found == [(60 * number, 60 * number) for number in range(4)]


@pytest.mark.parametrize("plays", [0, 1, 3])
def test_a_gif_of_a_gif_is_shown_as_often(folder, filmed, plays):
    with Path("in.gif").open("wb") as file:
        animation.write(file, "GIF", films.moving_frames(), [100] * 4, {}, plays)
    assert filmed("in.gif", "out.gif", "--iterations", "0") == 0
    assert Image.open("out.gif").info.get("loop") == Image.open("in.gif").info.get("loop")


CASES = [
    ("live2.webm", 6, 0.24),
    ("off5.mkv", 6, 0.24),
    ("reschange.ts", 12, 0.48),
    ("slides.mp4", 3, 1.4),
    ("trans.gif", 5, 0.7),
    ("trans.webp", 5, 0.7),
    ("twice.ts", 12, 0.48),
]


@needs_cases
@pytest.mark.parametrize("out", ["out.mp4", "out.webm"])
@pytest.mark.parametrize(("name", "count", "seconds"), CASES)
def test_films_as_people_have_them(folder, filmed, name, count, seconds, out):
    source = str(SHARED / "cases" / "films" / name)
    assert filmed(source, out, "--iterations", "0", "--max-size", "80") == 0
    frames = list(open_film(out).frames())
    assert len(frames) == count
    if films.av.library_versions["libavformat"][0] >= 62 or out == "out.webm":
        last = frames[-1]
        assert float(last.time + last.duration - frames[0].time) == pytest.approx(seconds, abs=0.002)


@pytest.mark.parametrize("missing", ["av", "cv2"])
def test_without_the_packages(frame_folder, clip, net, filmed, capsys, monkeypatch, folder, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    args = ["video", clip if missing == "av" else frame_folder, "out.mp4" if missing == "av" else "out", *SHORT_FILM]
    line = refused(capsys, folder, [*args, "--model", net])
    assert "pip install av opencv-python-headless" in line
    assert filmed(frame_folder, "out", "--flow", "off") == 0  # which needs neither


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["in.mp4", "out.avi"],
            "a video cannot be written to out.avi: end its name in .mp4, .webm or .gif",
        ),
        (["-", "out.mp4"], "a film is read from this machine's disk, not from standard input: name a file or a folder"),
        (
            ["foo://b/in.mp4", "out.mp4"],
            "a film is read from this machine's disk, not from foo://b/in.mp4: name a file",
        ),
        (["in.mp4", "out.mp4", "--blend", "1.5"], "blend must be a number from 0 to 1, not 1.5"),
        (["in.mp4", "out.mp4", "--flow", "lk"], "flow must be one of dis, off, not 'lk'"),
        (["in.mp4", "out.mp4", "--start", "1:2:3:4"], "--start: '1:2:3:4' is not a time such as 12.5, 1:30 or 1:02:30"),
        (["in.mp4", "out.mp4", "--start", "2", "--end", "1"], "end must be after start, not 1.0 after 2"),
        (["in.mp4", "out.mp4", "--start", "2"], "in.mp4 has no frame from 2 s to its end: it is 0.40 s long"),
        (["in.mp4", "in.mp4"], "in.mp4 is an input, which is never over"),
        (
            ["in.mp4", "out.mp4", "--fps", "10"],
            "--fps is for folders of frames, and in.mp4 has its own rate: leave it out",
        ),
        (["in.mp4", "out.mp4", "--fps", "1e-5"], "fps must be a number from 0.1 to 1000, not 1e-05"),
        (["in.mp4", "out.mp4", "--every", "0"], "every must be a whole number from 1 to 1000000, not 0"),
    ],
)
def test_wrong_use(clip, net, capsys, folder, args, words):
    assert words in refused(capsys, folder, ["video", *args, "--model", net], code=2)


def test_a_film_cannot_be_repeated_from_itself(clip, net, filmed, capsys, folder):
    assert filmed(clip, "out.mp4", "--iterations", "0") == 0
    line = refused(capsys, folder, ["again", "out.mp4", "in.png", "new.png", "--model", net])
    assert "of a video, which cannot be repeated" in line
    assert line.endswith(": use dreamify video")


def test_a_mask_and_a_guide_are_for_every_frame(frame_folder, net, filmed, folder):
    mask = np.zeros((H, W), np.uint8)
    mask[:, 20:] = 255
    Image.fromarray(mask).save("mask.png")
    assert filmed(frame_folder, "out", "--mask", "mask.png", "--guide", "guide.png", "--blend", "0") == 0
    for number, frame in enumerate(films.moving_frames()):
        out = pixels(f"out/{number:06}.png")
        assert (out[:, :20] == frame[:, :20]).all()
        assert (out[:, 20:] != frame[:, 20:]).any()


def test_no_picture_is_needed_besides(folder, filmed):
    tiny_picture(Path("one.png"))
    films.clip("one.mp4", [films.texture(0, H, W)])
    assert filmed("one.mp4", "out.mp4") == 0
    assert len(films.decoded("out.mp4")) == 1
