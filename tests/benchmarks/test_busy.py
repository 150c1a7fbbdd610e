"""The benchmark beside busy processes: its table, its limit, and its page; not the times."""

import os
import time

import psutil
import pytest

pytest.importorskip("torch")

from benchmarks import busy
from benchmarks.page import Seconds

needs_posix = pytest.mark.skipif(os.name != "posix", reason="there are no process groups")


def test_the_medians_are_told_and_what_took_too_long():
    assert busy.told([Seconds(3, 5)], 30) == "3.0 s, 5.0 s"
    assert busy.told([Seconds(3, 5), Seconds(1, 2), Seconds(9, 4)], 30) == "3.0 s, 4.0 s"
    assert busy.told([Seconds(3, 5), None, Seconds(1, 2)], 30) == "3.0 s, 3.5 s"  # the median is that of 1, 3 and more
    assert busy.told([None], 30) == busy.told([Seconds(3, 5), None], 30) == "more than 30 s"


def test_the_table_has_a_row_for_each_work_and_setting():
    taken = {("a dream", "as it is"): ["1 s", "2 s"], ("a dream", "PyTorch's default"): ["3 s", "more than 4 s"]}
    assert busy.table(taken, [0, 7]).splitlines() == [
        "|  | quiet | beside 7 |",
        "| --- | --- | --- |",
        "| a dream, as it is | 1 s | 2 s |",
        "| a dream, PyTorch's default | 3 s | more than 4 s |",
    ]


def test_the_settings_are_told_apart_whatever_is_set_here(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")
    assert not {"GOMP_SPINCOUNT", "OMP_WAIT_POLICY"} & set(busy.environment(busy.OURS))
    assert busy.environment(busy.THEIRS)["GOMP_SPINCOUNT"] == "300000"


@needs_posix
def test_what_takes_too_long_is_ended_with_its_workers(tmp_path):
    worker = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(99)"
    program = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"
    began = time.monotonic()
    assert busy.whole(["run", "-c", program], busy.environment(busy.OURS))(2) is None
    assert time.monotonic() - began < 30
    pid = int((tmp_path / "pid").read_text())
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() - began < 30, "the worker goes on"
        time.sleep(0.05)
    taken = busy.whole(["run", "-c", "sum(range(10**7))"], busy.environment(busy.OURS))(60)
    assert taken.wall > 0.05
    assert taken.processor > 0.05
    with pytest.raises(RuntimeError, match="has failed with 3"):
        busy.whole(["run", "-c", "raise SystemExit(3)"], busy.environment(busy.OURS))(60)


@needs_posix
def test_others_are_busy_as_long_as_asked_for():
    before = set(psutil.Process().children())
    with busy.busy(2):
        assert len(set(psutil.Process().children()) - before) == 2
    assert set(psutil.Process().children()) <= before
