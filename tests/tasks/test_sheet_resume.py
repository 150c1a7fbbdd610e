"""A sheet that is cut short, in whatever way, costs no dream that was done."""

import re
import signal

import pytest

from deepdream.cli import main
from deepdream.pipeline import prepare as jobs
from deepdream.storage import atomic
from deepdream.tasks.sheet_cache import Cells
from tests.helpers.tiny import forked, interrupt, snapshot, tiny_picture

SHORT = ["--iterations", "2", "--octaves", "2"]
pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")


@pytest.mark.parametrize("out", ["out.png", "out.gif"])
def test_a_disk_that_is_full_costs_no_dream(folder, sheeted, steps, monkeypatch, capsys, out):
    atomic_write = atomic.write

    def write(path, data, new=False):
        if path.name == out:
            raise OSError(28, "No space left on device")
        atomic_write(path, data, new)

    before = snapshot(folder)
    with monkeypatch.context() as patch:
        patch.setattr(atomic, "write", write)
        assert sheeted(out, *SHORT, "--seeds", "1,2") == 1
    assert f"{out} cannot be written (No space left on device)" in capsys.readouterr().err
    assert snapshot(folder) == before
    del steps[:]
    assert sheeted(out, *SHORT, "--seeds", "1,2") == 0
    assert steps == []


def interrupted_at(monkeypatch, number, times):
    """Ctrl-C, so many times, after this step (from 1)."""
    whole, done = jobs.dream_steps, []

    def dream_steps(*args):
        for step in whole(*args):
            done.append(step)
            for _ in range(times if len(done) == number else 0):
                signal.raise_signal(signal.SIGINT)
            yield step

    monkeypatch.setattr(jobs, "dream_steps", dream_steps)
    return done


@pytest.mark.parametrize("out", ["out.png", "out.gif"])
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize(("number", "done"), [(1, 0), (6, 1), (8, 2)])
def test_ctrl_c_keeps_what_is_done(folder, sheeted, ctrl_c, monkeypatch, capsys, out, times, number, done):
    """Of three dreams of four steps; the second time in the middle of a step."""
    before = snapshot(folder)
    done -= times == 2 and number == 8
    with monkeypatch.context() as patch:
        interrupted_at(patch, number, times)
        assert sheeted(out, *SHORT, "--seeds", "1,2,3") == 130
    assert capsys.readouterr().err.endswith(
        f"dreamify: stopped after {done} of 3 dreams: run the same command to resume\n"
    )
    assert snapshot(folder) == before
    with monkeypatch.context() as patch:
        steps = interrupted_at(patch, 0, 0)
        assert sheeted(out, *SHORT, "--seeds", "1,2,3") == 0
    assert len(steps) == 4 * (3 - done)
    assert (f", {done} of them already done" in capsys.readouterr().err) == bool(done)


def test_ctrl_c_in_the_last_step_of_all_comes_too_late(folder, sheeted, ctrl_c, monkeypatch):
    interrupted_at(monkeypatch, 8, 1)
    assert sheeted("out.png", *SHORT, "--seeds", "1,2") == 0


def test_ctrl_c_without_a_cache(folder, sheeted, ctrl_c, monkeypatch, capsys, own_cache):
    own_cache.mkdir(parents=True)
    (own_cache / "cells").write_text("mine")
    interrupted_at(monkeypatch, 5, 1)
    assert sheeted("out.png", *SHORT, "--seeds", "1,2") == 130
    assert capsys.readouterr().err.endswith("dreamify: stopped after 1 of 2 dreams: none could be saved\n")


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="signals are different here")
def test_killed_and_ended_in_a_process_of_its_own(folder, net, ctrl_c, capsys):
    """kill -9 after a dream, then SIGTERM after three; the rest in peace."""
    tiny_picture(folder / "in.png", 200, 150)
    args = ["--iterations", "20", "--octaves", "2", "--seeds", "1,2,3,4,5", "--threads", "1", "--model", net]
    before, kept = snapshot(folder), Cells().folder

    def there(count):
        return kept.is_dir() and sum(path.suffix == ".png" for path in kept.iterdir()) >= count

    process = forked("sheet", "in.png", "out.gif", *args, cwd=folder)
    try:
        interrupt(process, lambda: there(1), number=signal.SIGKILL)
        process.communicate(timeout=60)
        process = forked("sheet", "in.png", "out.gif", *args, cwd=folder)
        interrupt(process, lambda: there(3), number=signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate(timeout=60)
    assert process.returncode == 143
    assert b"\r" not in errors  # the bar is for terminals
    done = re.search(rb"stopped after (\d) of 5 dreams: run the same command to resume\n$", errors).group(1).decode()
    assert done in "34"
    assert snapshot(folder) == before
    assert main(["sheet", "in.png", "out.gif", *args]) == 0
    assert f"5 dreams of 200x150, {done} of them already done: seed 1, 2, 3, 4, 5\n" in capsys.readouterr().err
    assert sorted(set(snapshot(folder)) - set(before)) == ["out.gif"]
