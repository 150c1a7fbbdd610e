"""A folder that cannot be written: a sentence before anything is dreamt (a batch has one for each picture)."""

import pytest

from tests.faults import verbs
from tests.helpers import ready
from tests.helpers.tiny import snapshot


@pytest.mark.parametrize("verb", verbs.COMMANDS)
def test_read_only(verb, whole, begun, disk, tmp_path, tally):
    """On a file system that is mounted to be read only, so that root cannot write there either."""
    left, _ = whole(verb)
    folder = begun(tmp_path / "folder")
    change = disk(folder / "place", 2**20)
    if verb in verbs.REPLACED:
        verbs.out(verb, folder).write_bytes(verbs.OLD)
    before = snapshot(folder / "place")
    change("ro")
    tally.tried("a read-only folder")
    code, (exit_code, said, _) = ready.run(verbs.perform, verb, folder)
    if verb == "models fetch, made":
        assert (code, exit_code) == (0, 0)
        assert "is made for this run alone: set DREAMIFY_MODELS" in said
    else:
        assert (code, exit_code) == (0, 1)
        assert "Read-only file system" in said or "set DREAMIFY_MODELS" in said
        assert "computing" not in said or verb not in verbs.REPLACED  # one picture's is told before the net is loaded
    assert snapshot(folder / "place") == before
    change("rw")
    code, result = ready.run(verbs.perform, verb, folder)
    assert (code, result[0]) == (0, 0), result
    assert verbs.kept(folder) == left
    tally.survived("a read-only folder")
