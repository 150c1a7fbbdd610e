"""Films: what each frame is dreamt from, going on after an end, and what a film keeps of the one it is made from."""

import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deepdream
from deepdream import picture, sequence, sequence_files, video
from deepdream.cli import main
from deepdream.films.reader import open_film
from deepdream.settings import VideoSettings
from tests.tiny import command, interrupt, refused, snapshot, tiny_picture

pytest.importorskip("cv2", reason="films need OpenCV: pip install av opencv-python-headless")
films = pytest.importorskip("tests.films.clips", reason="films need PyAV: pip install av opencv-python-headless")

SHORT = ["--iterations", "2", "--octaves", "2", "--seed", "7", "--step", "9"]
H, W = 28, 40
pytestmark = pytest.mark.usefixtures("one_thread")


def source_frames(count=4):
    """A textured picture that moves by (2, 1) pixels from frame to frame, right and down."""
    large = films.texture(0, H + count, W + 2 * count)
    return [np.ascontiguousarray(large[count - n : count - n + H, 2 * (count - n) :][:, :W]) for n in range(count)]


@pytest.fixture
def clip(folder):
    """in.mp4, with sound, of source_frames(), 10 a second."""
    sound = ("aac", films.beep(0.4))
    return films.clip("in.mp4", source_frames(), step=films.Fraction(1, 10), options=films.LOSSLESS, sound=sound)


@pytest.fixture
def frame_folder(folder):
    """A folder with source_frames(), as pictures."""
    Path("clip").mkdir()
    for number, frame in enumerate(source_frames()):
        Image.fromarray(frame).save(f"clip/{number}.png")
    return "clip"


@pytest.fixture
def dreamt(folder, net):
    """Dreams a film; returns the exit code."""
    return lambda source, out, *args: main(["video", source, out, *SHORT, "--model", net, *args])


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def names(count):
    return [f"{number:06}.png" for number in range(count)]


def decoded(path):
    with films.av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize("blend", [0, 0.5, 0.75])
def test_without_flow_it_is_a_blend_with_the_dream_before_as_in_2015(frame_folder, net, dreamt, blend):
    """Its loop written down plainly; the jitter of a frame is that of the seed and its number."""
    assert dreamt(frame_folder, "out", "--flow", "off", "--blend", str(blend)) == 0
    tiny, dream = deepdream.load_net(net), None
    assert sorted(path.name for path in Path("out").iterdir()) == names(4)
    for number, frame in enumerate(np.float32(source_frames())):
        start = frame if dream is None else (1 - blend) * frame + blend * dream
        dream = deepdream.deepdream(tiny, np.float32(start), 2, 2, seed=7 + number, step_size=9)
        off = np.abs(np.float32(pixels(f"out/{number:06}.png")) - np.uint8(np.clip(dream, 0, 255)))
        assert off.max() <= (0 if blend in (0, 0.5) else 1)  # these are exact in float32


def test_a_frame_alone_is_the_dream_of_its_picture(frame_folder, net, dreamt):
    assert dreamt(frame_folder, "out", "--blend", "0") == 0
    seed = ["--seed", "9"]  # 7, and the frame's number
    assert main(["clip/2.png", "plain.png", *SHORT[:4], *SHORT[6:], *seed, "--model", net]) == 0
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
    start = video.starting_picture(source, before, last, VideoSettings(blend=blend))
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
    assert (video.starting_picture(source, before, last, VideoSettings()) == source).all()
    assert (video.starting_picture(before, before, last, VideoSettings()) != before).any()
    off = video.starting_picture(source, before, last, VideoSettings(flow="off"))
    assert np.abs(off - (np.float32(source) + 50) / 2).max() < 1e-4


@pytest.mark.parametrize("out", ["out.mp4", "out.webm", "out.gif", "out"])
def test_every_kind_of_output_has_all_frames_in_their_time(frame_folder, net, dreamt, out, capsys):
    assert dreamt(frame_folder, "plain", "--fps", "5") == 0
    wanted = [pixels(f"plain/{name}") for name in names(4)]
    assert dreamt(frame_folder, out, "--fps", "5") == 0
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


def test_the_sound_is_kept_and_a_part_is_a_part(clip, dreamt):
    assert dreamt(clip, "out.mp4") == 0
    before, after = (films.sound_packets(name) for name in (clip, "out.mp4"))
    assert [data for _, data in after] == [data for _, data in before]
    assert dreamt(clip, "part.mp4", "--start", "0:00.1", "--end", ".35", "--every", "2") == 0
    with films.av.open("part.mp4") as container:
        assert [round(float(frame.time), 2) for frame in container.decode(video=0)] == [0, 0.2]
    assert 0.2 < films.heard("part.mp4")[1] < 0.33
    assert dreamt("out.mp4", "again.webm", "--iterations", "0") == 0  # what was made is a film, too
    assert len(decoded("again.webm")) == 4


def cut_short(monkeypatch, after):
    """Has the next film end in the middle of a frame, as nothing in the program expects it."""
    whole, begun = sequence.dream_steps, []

    def dream_steps(*args):
        begun.append(args)
        if len(begun) > after:
            monkeypatch.setattr(sequence, "dream_steps", whole)
            raise KeyboardInterrupt
        yield from whole(*args)

    monkeypatch.setattr(sequence, "dream_steps", dream_steps)


@pytest.mark.parametrize("out", ["out", "out.mp4"])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_the_same_command_goes_on_to_the_same_bytes(clip, dreamt, monkeypatch, capsys, out, after):
    cut_short(monkeypatch, after)
    assert dreamt(clip, out) == 130
    assert (out == "out") == Path(out).exists()
    assert dreamt(clip, out) == 0
    assert f"going on after {after} of 4 frames" in capsys.readouterr().err
    assert not any(path.name.startswith(".") for path in Path().iterdir())
    Path("whole").mkdir()
    assert dreamt(clip, f"whole/{out}") == 0
    found = snapshot(Path())
    whole = {name[len("whole/") :]: data for name, data in found.items() if name.startswith("whole/")}
    assert whole == {name: data for name, data in found.items() if name.startswith("out")}
    assert dreamt(clip, out) == 0
    assert f"all 4 frames are in {out} already" in capsys.readouterr().err


def test_an_end_while_the_film_is_written(clip, dreamt, monkeypatch, capsys):
    def write(path, *_):
        path.write_bytes(b"half a film")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sequence.writer, "write", write)
        assert dreamt(clip, "out.mp4") == 130
    assert sorted(path.name for path in Path().iterdir()) == [
        *(".out.mp4.frames", ".out.mp4.video", "guide.png", "in.mp4", "in.png")
    ]
    assert dreamt(clip, "out.mp4") == 0
    assert "going on after 4 of 4 frames" in capsys.readouterr().err
    assert len(decoded("out.mp4")) == 4


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are different here")
def test_killed_in_a_process_of_its_own(folder, net, dreamt):
    films.clip("in.mp4", [films.texture(n) for n in range(5)], step=films.Fraction(1, 10))
    many = ["--iterations", "15", "--threads", "1"]
    process = command("video", "in.mp4", "out.mp4", *SHORT, *many, "--model", net, cwd=folder)
    try:
        interrupt(process, lambda: Path(".out.mp4.frames/000001.png").exists(), number=signal.SIGKILL)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert not Path("out.mp4").exists()
    assert dreamt("in.mp4", "out.mp4", *many) == 0
    assert dreamt("in.mp4", "whole.mp4", *many) == 0
    assert Path("out.mp4").read_bytes() == Path("whole.mp4").read_bytes()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--blend", "0.9"], "video_blend 0.5, and this is one with 0.9"),
        (["--end", "0.3"], "video_end None, and this is one with 0.3"),
        (["--seed", "8"], "seed 7, and this is one with 8"),
    ],
)
def test_another_film_is_not_mixed_with_one_that_was_begun(clip, net, dreamt, capsys, monkeypatch, folder, args, words):
    cut_short(monkeypatch, 1)
    assert dreamt(clip, "out.mp4") == 130
    line = refused(capsys, folder, ["video", clip, "out.mp4", *SHORT, "--model", net, *args], code=2)
    assert f"out.mp4 was begun as a video with {words}: to begin anew remove" in line


def test_the_frames_before_a_damage_are_kept(folder, dreamt, capsys):
    frames = [films.texture(number, H, W) for number in range(12)]
    films.clip("in.mp4", frames, step=films.Fraction(1, 10), muxer={"movflags": "faststart"})
    data = Path("in.mp4").read_bytes()
    Path("in.mp4").write_bytes(data[: int(len(data) * 0.75)])
    assert dreamt("in.mp4", "out.mp4", "--iterations", "0") == 1
    *_, said, fault = capsys.readouterr().err.splitlines()
    count = len(decoded("out.mp4"))
    assert 3 < count < 12
    assert said == f"dreamify: the video of {count} frames is in out.mp4"
    assert re.fullmatch(rf"dreamify: in.mp4 is damaged at [\d.]+ s, after {count} frames \(.*\): get it anew", fault)


@pytest.mark.parametrize(
    ("size", "out", "words"),
    [
        ((27, 41), "out.mp4", "the film will be 42x28, its last row and column twice: H.264 wants even sides"),
        ((28, 40), "out.gif", "out.gif will be silent: MP4 and WebM have sound"),
        ((28, 40), "out", "out will be silent: MP4 and WebM have sound"),
    ],
)
def test_what_cannot_be_kept_is_said(folder, dreamt, capsys, size, out, words):
    sound = ("aac", films.beep(0.2))
    films.clip("in.mkv", [films.texture(0, *size)] * 2, pix_fmt="yuv444p", sound=sound)
    assert dreamt("in.mkv", out, "--iterations", "0") == 0
    assert f"dreamify: {words}\n" in capsys.readouterr().err


def test_a_gif_cannot_be_faster_than_browsers_show_it(frame_folder, dreamt, capsys):
    assert dreamt(frame_folder, "out.gif", "--iterations", "0", "--fps", "60") == 0
    words = "a GIF shows 50 frames a second at most, so this one is slower: --every 2 would help"
    assert words in capsys.readouterr().err
    assert Image.open("out.gif").info["duration"] == 20


def test_where_pixels_are_not_square(folder, dreamt, capsys):
    films.clip("in.mp4", [films.texture(0, H, W)], sample_aspect_ratio=films.Fraction(4, 3))
    for out, is_said in (("out.mp4", False), ("out.gif", True)):
        assert dreamt("in.mp4", out, "--iterations", "0") == 0
        words = f"pixels are square in {out}, and in the film they are not: MP4 would keep that"
        assert (words in capsys.readouterr().err) == is_said


def test_the_sound_of_a_damaged_film_ends_with_its_pictures(folder, dreamt):
    sound = ("aac", films.beep(2))
    frames = [films.texture(n % 20, H, W) for n in range(50)]
    path = Path(films.clip("in.mp4", frames, sound=sound, options={"g": "5", "bf": "0"}))
    with films.av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
    data = bytearray(path.read_bytes())
    data[packets[20].pos : packets[20].pos + packets[20].size] = b"\xff" * packets[20].size
    path.write_bytes(data)
    assert dreamt("in.mp4", "out.mp4", "--iterations", "0") == 1
    assert len(decoded("out.mp4")) == 20
    assert films.heard("out.mp4")[1] == pytest.approx(20 / 25, abs=0.06)


def test_two_runs_to_one_place(clip, net, dreamt, capsys, monkeypatch, folder):
    cut_short(monkeypatch, 1)
    assert dreamt(clip, "out.mp4") == 130
    place = sequence_files.Place("out.mp4", video._KIND)
    place.claim()
    line = refused(capsys, folder, ["video", clip, "out.mp4", *SHORT, "--model", net])
    assert line == "dreamify: another run is writing to out.mp4: wait for it, or choose another OUT"
    place.close()
    assert dreamt(clip, "out.mp4") == 0


def test_what_a_file_manager_leaves_in_the_folder_is_no_matter(clip, dreamt, monkeypatch):
    cut_short(monkeypatch, 2)
    assert dreamt(clip, "out") == 130
    for name in (".DS_Store", "Thumbs.db"):
        Path("out", name).write_bytes(b"theirs")
    assert dreamt(clip, "out") == 0
    assert dreamt(clip, "out") == 0
    assert sorted(path.name for path in Path("out").iterdir()) == sorted([".DS_Store", "Thumbs.db", *names(4)])


@pytest.mark.parametrize("missing", ["av", "cv2"])
def test_without_the_packages(frame_folder, clip, net, dreamt, capsys, monkeypatch, folder, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    args = ["video", clip if missing == "av" else frame_folder, "out.mp4" if missing == "av" else "out", *SHORT]
    line = refused(capsys, folder, [*args, "--model", net])
    assert "pip install av opencv-python-headless" in line
    assert dreamt(frame_folder, "out", "--flow", "off") == 0  # which needs neither


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["in.mp4", "out.avi"],
            "out.avi is nothing that a video can be written to: end its name in .mp4, .webm or .gif",
        ),
        (["in.mp4", "-"], "- is nothing that a video can be written to"),
        (["-", "out.mp4"], "a film cannot come from standard input: name a file"),
        (["in.mp4", "out.mp4", "--blend", "1.5"], "blend must be a number from 0 to 1, not 1.5"),
        (["in.mp4", "out.mp4", "--flow", "lk"], "argument --flow: invalid choice: 'lk'"),
        (["in.mp4", "out.mp4", "--start", "1:2:3:4"], "--start: '1:2:3:4' is not a time such as 12.5, 1:30 or 1:02:30"),
        (["in.mp4", "out.mp4", "--start", "2", "--end", "1"], "end must be after start, not 1.0 after 2"),
        (["in.mp4", "out.mp4", "--start", "2"], "in.mp4 has no frame from 2 s to its end: it is 0.40 s long"),
        (["in.mp4", "in.mp4"], "in.mp4 is both IN and OUT: choose another OUT"),
        (
            ["in.mp4", "out.mp4", "--fps", "10"],
            "--fps is for folders of frames, and in.mp4 has its own rate: leave it out",
        ),
        (["in.mp4", "out.mp4", "--fps", "1e-5"], "fps must be a number from 0.1 to 1000, not 1e-05"),
        (["in.mp4", "out.mp4", "--every", "0"], "every must be a whole number, 1 or more, not 0"),
    ],
)
def test_wrong_use(clip, net, capsys, folder, args, words):
    assert words in refused(capsys, folder, ["video", *args, "--model", net], code=2)


def test_a_film_cannot_be_repeated_from_itself(clip, net, dreamt, capsys, folder):
    assert dreamt(clip, "out.mp4", "--iterations", "0") == 0
    line = refused(capsys, folder, ["again", "out.mp4", "in.png", "new.png", "--model", net])
    assert line == "dreamify: that is of a video, which cannot be repeated from it: use dreamify video"


def test_a_mask_and_a_guide_are_for_every_frame(frame_folder, net, dreamt, folder):
    mask = np.zeros((H, W), np.uint8)
    mask[:, 20:] = 255
    Image.fromarray(mask).save("mask.png")
    assert dreamt(frame_folder, "out", "--mask", "mask.png", "--guide", "guide.png", "--blend", "0") == 0
    for number, frame in enumerate(source_frames()):
        out = pixels(f"out/{number:06}.png")
        assert (out[:, :20] == frame[:, :20]).all()
        assert (out[:, 20:] != frame[:, 20:]).any()


def test_no_picture_is_needed_besides(folder, dreamt):
    tiny_picture(Path("one.png"))
    films.clip("one.mp4", [films.texture(0, H, W)])
    assert dreamt("one.mp4", "out.mp4") == 0
    assert len(decoded("out.mp4")) == 1
