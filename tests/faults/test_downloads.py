"""Downloads that go wrong, by the command; what each mirror does is in test_mirrors.py."""

import signal
import threading
import time

import pytest

from tests.faults import verbs
from tests.helpers import ready


@pytest.mark.parametrize("fault", ["cut short", "wrong bytes", "stalled"])
def test_a_mirror_that_fails(fault, mirror, whole, begun, tmp_path, tally):
    left, _ = whole("models fetch")
    folder = begun(tmp_path / "folder")
    tally.tried("a download that goes wrong")
    mirror.fault = fault
    try:
        code, (exit_code, said, _) = ready.run(verbs.perform, "models fetch", folder)
    finally:
        mirror.fault = None
    assert (code, exit_code) == (0, 1)
    assert "dreamify: fetched could not be downloaded, these addresses failed:\n" in said
    assert "try again, or find the files elsewhere and run `dreamify models add fetched FILE`" in said
    assert set(verbs.kept(folder)) <= {"fetched/deploy.prototxt"}
    assert verbs.hidden(folder) == []
    code, result = ready.run(verbs.perform, "models fetch", folder)
    assert (code, result[0]) == (0, 0)
    assert verbs.kept(folder) == left
    tally.survived("a download that goes wrong")


@pytest.mark.parametrize("killed", [False, True])
def test_two_processes_at_once(killed, mirror, whole, begun, tmp_path, tally):
    """Both are in the middle of the weights; then one is killed, or neither."""
    left, _ = whole("models fetch")
    folder = begun(tmp_path / "folder")
    tally.tried("two downloads of one model")
    mirror.half_sent, mirror.go_on, mirror.fault = threading.Semaphore(0), threading.Event(), "wait"
    try:
        processes = [ready.CONTEXT.Process(target=verbs.end_with, args=("models fetch", folder)) for _ in range(2)]
        for process in processes:
            process.start()
        for _ in range(2):
            assert mirror.half_sent.acquire(timeout=30)
        hidden = [name for name in verbs.hidden(folder) if "/" not in name.partition(".dreamify-")[2]]
        assert len(hidden) == 2  # neither takes the other's for a leftover
        if killed:
            processes[0].kill()
        time.sleep(0.05)
    finally:
        mirror.fault = None
        mirror.go_on.set()
        for process in processes:
            process.join(60)
    assert [process.exitcode for process in processes] == [-signal.SIGKILL if killed else 0, 0]
    assert verbs.kept(folder) == left
    assert ready.run(verbs.perform, "models fetch", folder)[1][0] == 0
    assert verbs.hidden(folder) == []
    tally.survived("two downloads of one model")
