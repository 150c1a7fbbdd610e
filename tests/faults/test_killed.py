"""kill -9 at any moment of any verb: what is there is whole, and the same command goes on to the same bytes."""

import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import ready
from tests.faults import verbs

RANDOM = 3  # kills of each verb at a time of no choice


def needed(verb):
    if verb in verbs.FILMS:
        pytest.importorskip("av", reason="films need PyAV")
        pytest.importorskip("cv2", reason="films need OpenCV")


def check(verb, folder, whole):
    """That what is there is whole, and that the command goes on to what there is where nothing happens."""
    before = verbs.kept(folder)
    for name, content in before.items():
        assert content in (whole[name], verbs.OLD), f"{name} is half there"
    code, result = ready.run(verbs.perform, verb, folder)
    assert (code, result and result[0]) == (0, 0), result
    assert verbs.kept(folder) == whole
    assert verbs.hidden(folder) == []


@pytest.mark.parametrize("verb", verbs.COMMANDS)
def test_before_each_file_operation(verb, whole, begun, tmp_path, survived):
    """Killed as soon as it is about to do something to a file where it writes, the first, the second, and so on."""
    needed(verb)
    left, operations = whole(verb)
    assert operations > 2

    def killed(number):
        folder = begun(tmp_path / str(number))
        if verb in verbs.REPLACED and number % 2:
            verbs.replace(verb, folder)
        assert ready.run(verbs.perform, verb, folder, number) == (-signal.SIGKILL, None)
        check(verb, folder, left)
        survived(f"kill -9 before a file operation of {verb}")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(killed, range(1, operations + 1)))


@pytest.mark.parametrize("verb", verbs.COMMANDS)
def test_in_the_middle_of_a_file(verb, whole, begun, tmp_path, survived):
    """Killed by the system at a byte of the first file that is longer; then of the longest one."""
    needed(verb)
    left, _ = whole(verb)
    for longest in (1, max(map(len, left.values())) - 1):
        folder = begun(tmp_path / str(longest))
        assert ready.run(verbs.perform, verb, folder, 0, longest)[0] == -signal.SIGXFSZ
        check(verb, folder, left)
        survived("kill in the middle of writing a file")
