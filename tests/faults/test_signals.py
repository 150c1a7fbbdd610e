"""Ctrl-C and SIGTERM at any moment of any verb that dreams: what is there is whole, and the same command goes on."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from deepdream.images.picture import read, read_recipe
from tests.faults import verbs
from tests.helpers import ready


@pytest.mark.parametrize("verb", verbs.DREAMS)
def test_before_each_file_operation(verb, whole, begun, tmp_path, tally):
    """SIGTERM and Ctrl-C in turn."""
    left, operations = whole(verb)
    step = 1 if operations < 15 else 3

    def signalled(at):
        folder = begun(tmp_path / str(at))
        number = (signal.SIGTERM, signal.SIGINT)[at % 2]
        tally.tried(f"{number.name} before a file operation")
        code, result = ready.run(verbs.perform, verb, folder, at, number)
        assert code in (0, -signal.SIGTERM), (
            result
        )  # before a dream begins and after it has ended, SIGTERM just ends it
        assert result is None or result[0] in (0, 128 + number), result
        for name, content in verbs.kept(folder).items():
            if content != left[name]:  # a dream so far
                assert "iteration" in read_recipe(str(folder / "place" / name))["moment"]
                assert read(str(folder / "place" / name)).pixels.shape == (20, 24, 3)
        if result and "dreamify: finishing" in result[1] and verb in ("dream", "dream --frames", "again"):
            assert verbs.out(verb, folder).exists()
        code, result = ready.run(verbs.perform, verb, folder)
        assert (code, result[0]) == (0, 0), result
        assert verbs.kept(folder) == left
        assert verbs.hidden(folder) == []
        tally.survived(f"{number.name} before a file operation")

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(signalled, range(1, operations + 1, step)))
