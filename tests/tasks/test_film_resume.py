"""A film goes on after whatever ended it, to the same bytes, and is never mixed with another one."""

import signal
from pathlib import Path

import pytest

from deepdream.pipeline import prepare as jobs
from deepdream.pipeline.request import Request
from deepdream.tasks import film, sequence, sequence_output
from tests.helpers.tiny import SHORT_FILM, forked, frame_names, interrupt, refused, snapshot

pytest.importorskip("cv2", reason="films need OpenCV: pip install av opencv-python-headless")
films = pytest.importorskip("tests.video.clips", reason="films need PyAV: pip install av opencv-python-headless")
pytestmark = pytest.mark.usefixtures("one_thread")


def cut_short(monkeypatch, after):
    """Has the next film end in the middle of a frame, as nothing in the program expects it."""
    whole, begun = jobs.dream_steps, []

    def dream_steps(*args):
        begun.append(args)
        if len(begun) > after:
            monkeypatch.setattr(jobs, "dream_steps", whole)
            raise KeyboardInterrupt
        yield from whole(*args)

    monkeypatch.setattr(jobs, "dream_steps", dream_steps)


@pytest.mark.parametrize("out", ["out", "out.mp4"])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_the_same_command_goes_on_to_the_same_bytes(clip, filmed, monkeypatch, capsys, out, after):
    cut_short(monkeypatch, after)
    assert filmed(clip, out) == 130
    assert (out == "out") == Path(out).exists()
    assert filmed(clip, out) == 0
    assert f"resuming after {after} of 4 frames" in capsys.readouterr().err
    assert not any(path.name.startswith(".") for path in Path().iterdir())
    Path("whole").mkdir()
    assert filmed(clip, f"whole/{out}") == 0
    found = snapshot(Path())
    whole = {name[len("whole/") :]: data for name, data in found.items() if name.startswith("whole/")}
    assert whole == {name: data for name, data in found.items() if name.startswith("out")}
    assert filmed(clip, out) == 0
    assert f"all 4 frames are already in {out}" in capsys.readouterr().err


def test_an_end_while_the_film_is_written(clip, filmed, monkeypatch, capsys):
    def write(path, *_):
        path.write_bytes(b"half a film")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sequence, "write", write)
        assert filmed(clip, "out.mp4") == 130
    assert sorted(path.name for path in Path().iterdir()) == [
        *(".out.mp4.frames", ".out.mp4.video", "guide.png", "in.mp4", "in.png")
    ]
    assert filmed(clip, "out.mp4") == 0
    assert "resuming after 4 of 4 frames" in capsys.readouterr().err
    assert len(films.decoded("out.mp4")) == 4


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are different here")
def test_killed_in_a_process_of_its_own(folder, net, filmed):
    films.clip("in.mp4", [films.texture(n) for n in range(5)], step=films.Fraction(1, 10))
    many = ["--iterations", "15", "--threads", "1"]
    process = forked("video", "in.mp4", "out.mp4", *SHORT_FILM, *many, "--model", net, cwd=folder)
    try:
        interrupt(process, lambda: Path(".out.mp4.frames/000001.png").exists(), number=signal.SIGKILL)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert not Path("out.mp4").exists()
    assert filmed("in.mp4", "out.mp4", *many) == 0
    assert filmed("in.mp4", "whole.mp4", *many) == 0
    assert Path("out.mp4").read_bytes() == Path("whole.mp4").read_bytes()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--blend", "0.9"], "video_blend 0.5, and this is one with 0.9"),
        (["--end", "0.3"], "video_end None, and this is one with 0.3"),
        (["--seed", "8"], "seed 7, and this is one with 8"),
    ],
)
def test_another_film_is_not_mixed_with_one_that_was_begun(clip, net, filmed, capsys, monkeypatch, folder, args, words):
    cut_short(monkeypatch, 1)
    assert filmed(clip, "out.mp4") == 130
    line = refused(capsys, folder, ["video", clip, "out.mp4", *SHORT_FILM, "--model", net, *args], code=2)
    assert f"out.mp4 was begun as a video with {words}: to start over remove" in line


def test_two_runs_to_one_place(clip, net, filmed, capsys, monkeypatch, folder):
    cut_short(monkeypatch, 1)
    assert filmed(clip, "out.mp4") == 130
    place = sequence_output.SequenceOutput("out.mp4", film._KIND, Request("in.mp4", "out.mp4"))
    place.lock()
    line = refused(capsys, folder, ["video", clip, "out.mp4", *SHORT_FILM, "--model", net])
    assert line == "dreamify: another run is writing to out.mp4: wait for it, or choose another OUT"
    place.close()
    assert filmed(clip, "out.mp4") == 0


def test_what_a_file_manager_leaves_in_the_folder_is_no_matter(clip, filmed, monkeypatch):
    cut_short(monkeypatch, 2)
    assert filmed(clip, "out") == 130
    for name in (".DS_Store", "Thumbs.db"):
        Path("out", name).write_bytes(b"theirs")
    assert filmed(clip, "out") == 0
    assert filmed(clip, "out") == 0
    assert sorted(path.name for path in Path("out").iterdir()) == sorted([".DS_Store", "Thumbs.db", *frame_names(4, 6)])
