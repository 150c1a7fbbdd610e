"""A sequence goes on after whatever ended it, to the same bytes, and is never mixed with another one: with zooms."""

import re
import signal
from pathlib import Path

import numpy as np
import pytest

from deepdream.cli import main
from deepdream.pipeline import prepare as jobs
from deepdream.tasks import sequence
from tests.helpers.tiny import SHORT_ZOOM, forked, frame_names, interrupt, refused, snapshot, tiny_net, tiny_picture

pytestmark = pytest.mark.usefixtures("one_thread")


def cut_short(monkeypatch, after, fault=KeyboardInterrupt):
    """Has the next zoom end in the middle of a frame, as nothing in the program expects it."""
    whole, begun = jobs.dream_steps, []

    def dream_steps(*args):
        begun.append(args)
        steps = whole(*args)
        yield next(steps)
        if len(begun) > after:
            monkeypatch.setattr(jobs, "dream_steps", whole)
            raise fault
        yield from steps

    monkeypatch.setattr(jobs, "dream_steps", dream_steps)


@pytest.mark.parametrize("out", ["out", "out.gif", "out.webp"])
@pytest.mark.parametrize("after", [0, 2])
def test_the_same_command_goes_on_to_the_same_bytes(folder, zoomed, monkeypatch, capsys, out, after):
    """Without a seed, too: it is the one that was drawn at first."""
    cut_short(monkeypatch, after)
    assert zoomed(out, "--rotate", "2") == 130
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("dreamify: interrupted, ")
    assert said.endswith("run the same command to resume\n")
    seed = re.search(r"seed (\d+)", said).group(1)
    assert (out == "out") == Path(out).exists()
    assert zoomed(out, "--rotate", "2") == 0
    assert f"resuming after {after} of 4 frames" in capsys.readouterr().err
    went_on = snapshot(folder)
    assert not any(name.startswith(".") for name in went_on)
    (folder / "whole").mkdir()
    assert zoomed(f"whole/{out}", "--rotate", "2", "--seed", seed) == 0
    whole = {name[len("whole/") :]: data for name, data in snapshot(folder).items() if name.startswith("whole/")}
    assert whole == {name: data for name, data in went_on.items() if name.startswith("out")}


def test_a_frame_that_was_not_counted_and_what_was_half_written(folder, zoomed, monkeypatch):
    """As kill -9 leaves them between a picture and the state, and in the middle of a picture."""
    assert zoomed("whole", "--seed", "7") == 0
    cut_short(monkeypatch, 2)
    assert zoomed("out", "--seed", "7") == 130
    Path("out/0002.png").write_bytes(b"whatever")
    Path("out/.dreamify-0123456789abcdef0123456789abcdef").write_bytes(b"half a pic")
    Path(".out.part").write_bytes(b"half a state")
    assert zoomed("out", "--seed", "7") == 0
    found = snapshot(folder)
    assert [name for name in found if name.startswith((".", "out/."))] == []
    assert all(found[f"out/{name}"] == found[f"whole/{name}"] for name in frame_names(4))


@pytest.mark.parametrize("out", ["out", "out.gif", "out.webp"])
def test_what_is_finished_is_not_dreamt_again(folder, zoomed, capsys, out):
    assert zoomed(out) == 0
    before = snapshot(folder)
    capsys.readouterr()
    assert zoomed(out) == 0
    assert f"all 4 frames are already in {out}" in capsys.readouterr().err
    assert snapshot(folder) == before


@pytest.mark.parametrize("out", ["out.gif", "out.webp"])
def test_an_end_between_the_animation_and_the_clearing_up(folder, zoomed, monkeypatch, out):
    clear = sequence.SequenceOutput.clear
    monkeypatch.setattr(sequence.SequenceOutput, "clear", lambda self: None)
    assert zoomed(out) == 0
    before = snapshot(folder)
    assert f".{out}.zoom" in before
    Path(f".{out}.frames/0000.png").unlink()
    monkeypatch.setattr(sequence.SequenceOutput, "clear", clear)
    assert zoomed(out) == 0
    assert sorted(snapshot(folder)) == sorted(["guide.png", "in.png", out])
    assert Path(out).read_bytes() == before[out]


OTHERS = [
    (["--frames", "5"], "zoom_frames 4, and this is one with 5"),
    (["--rate", "0.1"], "zoom_rate 0.05, and this is one with 0.1"),
    (["--shift", "0,1"], "zoom_shift 0,0, and this is one with 0,1"),
    (["--seed", "8"], "seed 7, and this is one with 8"),
    (["--layer", "conv1"], "layer inception_4c/output, and this is one with conv1"),
    (["--guide", "guide.png"], "objective l2, and this is one with guide"),
]


@pytest.mark.parametrize(("args", "words"), OTHERS)
@pytest.mark.parametrize("out", ["out", "out.gif"])
def test_another_zoom_is_not_mixed_with_one_that_was_begun(folder, net, zoomed, capsys, monkeypatch, out, args, words):
    cut_short(monkeypatch, 1)
    assert zoomed(out, "--seed", "7") == 130
    line = refused(capsys, folder, ["zoom", "in.png", out, *SHORT_ZOOM, "--model", net, *args], code=2)
    assert words in line
    frames = folder / (out if out == "out" else f".{out}.frames")
    assert line.endswith(f": to start over remove {folder}/.{out}.zoom and {frames}, or choose another OUT")


@pytest.mark.parametrize(("args", "words"), OTHERS[:4])
@pytest.mark.parametrize("out", ["out", "out.gif"])
def test_another_zoom_does_not_replace_one_that_is_finished(folder, net, zoomed, capsys, out, args, words):
    assert zoomed(out, "--seed", "7") == 0
    line = refused(capsys, folder, ["zoom", "in.png", out, *SHORT_ZOOM, "--model", net, *args], code=2)
    assert line == f"dreamify: {out} is a zoom with {words}: choose another OUT, or replace it with --force"


def test_another_picture_or_net_is_not_mixed_with_one_that_was_begun(folder, net, zoomed, capsys, monkeypatch):
    cut_short(monkeypatch, 1)
    assert zoomed("out") == 130
    other = ["zoom", "guide.png", "out", *SHORT_ZOOM, "--model", net]
    assert "out was begun as a zoom with input_sha256" in refused(capsys, folder, other, code=2)
    tiny_net(folder / "tiny", seed=1)
    other = ["zoom", "in.png", "out", *SHORT_ZOOM, "--model", "./tiny"]
    assert "out was begun as a zoom with numbers_sha256" in refused(capsys, folder, other, code=2)


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text", "pickle", "shape"])
def test_a_damaged_state(folder, net, zoomed, capsys, monkeypatch, damage):
    cut_short(monkeypatch, 1)
    assert zoomed("out") == 130
    state = Path(".out.zoom")
    data = state.read_bytes()
    at = len(data) // 2
    if damage in ("pickle", "shape"):
        odd = np.array([{}], object) if damage == "pickle" else np.zeros((2, 2))
        with state.open("wb") as file:
            np.savez(file, done=1, dream=odd, recipe="{}")
    else:
        flipped = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
        state.write_bytes({"cut": data[:at], "flipped": flipped, "empty": b"", "text": b"a state"}[damage])
    line = refused(capsys, folder, ["zoom", "in.png", "out", *SHORT_ZOOM, "--model", net])
    assert f".out.zoom, the checkpoint of a zoom, is damaged: to start over remove {folder}/.out.zoom and" in line


def test_a_frame_that_has_been_taken_away(folder, net, zoomed, capsys, monkeypatch):
    cut_short(monkeypatch, 2)
    assert zoomed("out") == 130
    Path("out/0001.png").unlink()
    line = refused(capsys, folder, ["zoom", "in.png", "out", *SHORT_ZOOM, "--model", net])
    assert f"0001.png is missing from {folder}/out: put it back, or" in line


def test_a_disk_that_is_full(folder, net, zoomed, capsys, monkeypatch):
    """After the first frame, for its state: what is kept is the state before it."""
    assert zoomed("whole", "--seed", "7") == 0
    keep = sequence.SequenceOutput.keep

    def full(self, state):
        if state.done == 1:
            monkeypatch.setattr("numpy.savez", savez_full)
        keep(self, state)

    def savez_full(file, **_):
        file.write(b"PK")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sequence.SequenceOutput, "keep", full)
        savez = np.savez
        assert zoomed("out", "--seed", "7") == 1
        monkeypatch.setattr("numpy.savez", savez)
    assert "cannot be written (No space left on device)" in capsys.readouterr().err
    assert sorted(path.name for path in folder.iterdir()) == [".out.zoom", "guide.png", "in.png", "out", "whole"]
    assert zoomed("out", "--seed", "7") == 0
    found = snapshot(folder)
    assert all(found[f"out/{name}"] == found[f"whole/{name}"] for name in frame_names(4))


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are different here")
def test_killed_and_interrupted_in_a_process_of_its_own(folder, net, ctrl_c):
    """kill -9 after two frames, then Ctrl-C after four; the rest in peace. (test_video.py has a film.)"""
    tiny_picture(folder / "in.png", 200, 150)
    many = ["--frames", "6", "--iterations", "20", "--octaves", "2", "--seed", "7", "--threads", "1", "--model", net]
    frames = folder / "out"
    process = forked("zoom", "in.png", "out", *many, cwd=folder)
    try:
        interrupt(process, lambda: (frames / "0001.png").exists(), number=signal.SIGKILL)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        process = forked("zoom", "in.png", "out", *many, cwd=folder)
        interrupt(process, lambda: (frames / "0003.png").exists())
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert process.returncode == 130
    done = re.search(rb"stopped after (\d) of 6 frames: .* same command .*\n$", errors).group(1)
    assert int(done) in (3, 4, 5)
    assert b"\r" not in errors  # the bar is for terminals
    assert main(["zoom", "in.png", "out", *many]) == 0
    (folder / "whole").mkdir()
    assert main(["zoom", "in.png", "whole/out", *many]) == 0
    found = snapshot(folder)
    assert not any(name.startswith((".", "out/.")) for name in found)
    whole = {name[len("whole/") :]: data for name, data in found.items() if name.startswith("whole/")}
    assert whole == {name: data for name, data in found.items() if name.startswith("out")}
