"""kill -9 at any moment of any verb: what is there is whole, and the same command goes on to the same bytes."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest

from tests.faults import verbs
from tests.helpers import ready

ROUNDS = 2  # kills of each verb at a time of no choice


def check(verb, folder, whole):
    """That what is there is whole, and that the command goes on to what there is where nothing happens."""
    for name, content in verbs.kept(folder).items():
        assert content in (whole[name], verbs.OLD), f"{name} is half there"
    code, result = ready.run(verbs.perform, verb, folder)
    assert (code, result and result[0]) == (0, 0), result
    assert verbs.kept(folder) == whole
    assert verbs.hidden(folder) == []


@pytest.mark.parametrize("verb", verbs.COMMANDS)
def test_before_each_file_operation(verb, whole, begun, tmp_path, tally):
    """Killed as soon as it is about to change something where it writes: the first time, the second, and so on."""
    left, operations = whole(verb)
    assert operations > 2

    def killed(number):
        folder = begun(tmp_path / str(number))
        if verb in verbs.REPLACED and number % 2:
            verbs.out(verb, folder).write_bytes(verbs.OLD)
        tally.tried(f"kill -9 before each file operation of {verb}")
        assert ready.run(verbs.perform, verb, folder, number) == (-signal.SIGKILL, None)
        check(verb, folder, left)
        tally.survived(f"kill -9 before each file operation of {verb}")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(killed, range(1, operations + 1)))


@pytest.mark.parametrize("verb", verbs.COMMANDS)
def test_in_the_middle_of_a_file(verb, whole, begun, tmp_path, tally):
    """Killed by the system at a byte of the first file that is longer; then of the longest one."""
    left, _ = whole(verb)
    for longest in (1, max(map(len, left.values())) - 1):
        folder = begun(tmp_path / str(longest))
        tally.tried("kill in the middle of writing a file")
        assert ready.run(verbs.perform, verb, folder, 0, 0, longest)[0] == -signal.SIGXFSZ
        check(verb, folder, left)
        tally.survived("kill in the middle of writing a file")


@pytest.mark.parametrize("verb", verbs.COMMANDS)
def test_at_any_time(verb, whole, begun, tmp_path, tally):
    left, _ = whole(verb)
    begin = time.monotonic()
    ready.run(verbs.perform, verb, begun(tmp_path / "timed"))
    most = time.monotonic() - begin
    for number in range(ROUNDS):
        folder = begun(tmp_path / str(number))
        tally.tried("kill -9 at any time")
        code, _ = ready.run(verbs.perform, verb, folder, kill_after=Random(f"{verb} {number}").uniform(0, most))
        assert code in (0, -signal.SIGKILL)
        check(verb, folder, left)
        tally.survived("kill -9 at any time")
