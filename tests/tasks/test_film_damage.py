"""Films that are damaged, or whose frames have been lost: what is kept, and what is said."""

import re
from pathlib import Path

import pytest

from tests.helpers.shared import SHARED, needs_cases

pytest.importorskip("cv2", reason="films need OpenCV: pip install av opencv-python-headless")
films = pytest.importorskip("tests.video.clips", reason="films need PyAV: pip install av opencv-python-headless")

H, W = 28, 40
pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_frames_before_a_damage_are_kept(folder, filmed, capsys):
    frames = [films.texture(number, H, W) for number in range(12)]
    films.clip("in.mp4", frames, step=films.Fraction(1, 10), muxer={"movflags": "faststart"})
    data = Path("in.mp4").read_bytes()
    Path("in.mp4").write_bytes(data[: int(len(data) * 0.75)])
    assert filmed("in.mp4", "out.mp4", "--iterations", "0") == 1
    *_, said, fault = capsys.readouterr().err.splitlines()
    count = len(films.decoded("out.mp4"))
    assert 3 < count < 12
    assert said == f"dreamify: the video of {count} frames is in out.mp4"
    assert re.fullmatch(rf"dreamify: in\.mp4 is damaged at [\d.]+ s, after {count} frames \(.*\): .*again", fault)


@pytest.mark.parametrize("out", ["out", "out.mp4", "out.gif"])
def test_a_damaged_film_is_damaged_every_time(folder, filmed, capsys, out):
    frames = [films.texture(number, H, W) for number in range(12)]
    path = Path(films.clip("in.mp4", frames, step=films.Fraction(1, 10), muxer={"movflags": "faststart"}))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.75)])
    said = []
    for _ in range(3):
        assert filmed("in.mp4", out, "--iterations", "0") == 1
        said.append(capsys.readouterr().err.splitlines()[-2:])
    count = int(re.search("video of ([0-9]+) frames", said[0][0]).group(1))
    assert said[1] == said[2] == [f"dreamify: all {count} frames are already in {out}", said[0][1]]
    assert "in.mp4 is damaged at" in said[0][1]


@needs_cases
def test_the_damaged_case_twice(folder, filmed, capsys):
    source = str(SHARED / "cases" / "faults" / "damaged-then-complete.mov")
    for beginning in ("the video of 3 frames is in", "all 3 frames are already in"):
        assert filmed(source, "out", "--iterations", "0") == 1
        *_, said, fault = capsys.readouterr().err.splitlines()
        assert said.startswith(f"dreamify: {beginning} out")
        assert "is damaged at 0.25 s, after 3 frames" in fault


def test_a_finished_folder_that_has_lost_a_frame(frame_folder, filmed, capsys, folder):
    assert filmed(frame_folder, "out", "--iterations", "0") == 0
    Path("out/000003.png").unlink()
    capsys.readouterr()
    assert filmed(frame_folder, "out", "--iterations", "0") == 2
    words = "out holds 3 of the 4 frames: put the missing ones back, or choose another OUT"
    assert capsys.readouterr().err.splitlines()[-1] == f"dreamify: {words}"


def test_the_sound_of_a_damaged_film_ends_with_its_pictures(folder, filmed):
    sound = ("aac", films.beep(2))
    frames = [films.texture(n % 20, H, W) for n in range(50)]
    path = Path(films.clip("in.mp4", frames, sound=sound, options={"g": "5", "bf": "0"}))
    with films.av.open(str(path)) as container:
        packets = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
    data = bytearray(path.read_bytes())
    data[packets[20].pos : packets[20].pos + packets[20].size] = b"\xff" * packets[20].size
    path.write_bytes(data)
    assert filmed("in.mp4", "out.mp4", "--iterations", "0") == 1
    assert len(films.decoded("out.mp4")) == 20
    assert films.heard("out.mp4")[1] == pytest.approx(20 / 25, abs=0.06)
