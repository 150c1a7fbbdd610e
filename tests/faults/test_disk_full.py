"""A disk that is full: a sentence, nothing half-written, and the same command goes on once there is room."""

import io
import os

import pytest
from PIL import Image

from tests.faults import verbs
from tests.helpers import ready

DISK, PAGE = 2**20, 4096  # bytes: the disk's, and what a file system in memory gives out at a time
TRIES = 4  # numbers of free pages, for each verb
GOES_ON = {"models fetch, made": "is made for this run alone", "sheet": "dreams are not saved for later sheets"}


@pytest.mark.parametrize("verb", verbs.COMMANDS)
def test_disk_full(verb, whole, begun, disk, tmp_path, tally):
    left, _ = whole(verb)
    most = sum(-(-len(content) // PAGE) for content in left.values())
    for free in sorted({most * number // TRIES for number in range(TRIES)}):
        folder = begun(tmp_path / str(free))
        disk(folder / "place", DISK)
        filler = folder / "place" / ".filler"
        filler.write_bytes(bytes(DISK - free * PAGE))
        tally.tried("a full disk")
        code, (exit_code, said, _) = ready.run(verbs.perform, verb, folder)
        assert (code, exit_code) in ((0, 1), (0, 0)), said
        assert "No space left on device" in said if exit_code else GOES_ON[verb] in said
        for name, content in verbs.kept(folder).items():
            assert content == left[name], f"{name} is half there"
        assert not [name for name in verbs.hidden(folder) if ".dreamify-" in name or name.endswith(".part")]
        if verb in ("dream", "again"):
            (rescued,) = (folder / "tmp").iterdir()
            assert said.endswith(f"; the dream is in {os.path.realpath(rescued)}\n")
            ((name, content),) = left.items()
            assert Image.open(rescued).tobytes() == Image.open(io.BytesIO(content)).tobytes()
        filler.unlink()
        code, result = ready.run(verbs.perform, verb, folder)
        assert (code, result[0]) == (0, 0), result
        assert verbs.kept(folder) == left
        assert verbs.hidden(folder) == []
        tally.survived("a full disk")
