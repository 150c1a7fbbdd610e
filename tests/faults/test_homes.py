"""A home that is not there, cannot be entered or is nobody's: the cache is a convenience, and never a condition."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from deepdream.modelzoo import zoo
from tests.faults import verbs
from tests.helpers import ready

COMMANDS = [
    ["in.png", "out/dream.png", *verbs.SHORT],
    ["sheet", "in.png", "out/sheet.png", *verbs.SHORT[:4], *verbs.SHORT[6:], "--seeds", "1,2"],
    ["zoom", "in.png", "out/zoom", *verbs.SHORT, "--frames", "1"],
    ["keys", "--model", "tiny"],
    ["info", "dream.png"],
    ["models"],
]
HOMES = {
    "absent": "absent",
    "a file": "in.png",
    "not to be entered": "closed",
    "a relative path": "./home",
    "not said, and nobody knows the user": None,
}


def call_all(folder, home):
    """Every verb in this process, which is its alone, as a user for whom permissions count: what each came to."""
    os.chdir(folder)
    for name in ("XDG_CACHE_HOME", "DREAMIFY_MODELS", "HOME"):
        os.environ.pop(name, None)
    if home:
        os.environ["HOME"] = home if home.startswith(".") else f"{folder}/{home}"
    zoo._project_models = lambda: Path(folder, "models")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setuid(12345)
    return [ready.dreamify(command) for command in COMMANDS]


@pytest.mark.parametrize("home", HOMES)
def test_every_verb(home, begun, tally):
    place = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    try:
        place.chmod(0o755)
        folder = begun(place / "folder")
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        (folder / "closed").mkdir()
        (folder / "closed").chmod(0)
        before = {path.name for path in folder.iterdir()}
        tally.tried("a home that is none")
        code, results = ready.run(call_all, folder, HOMES[home])
        assert code == 0
        assert [result[0] for result in results] == [0] * len(COMMANDS), results
        assert [path.name for path in sorted((folder / "out").iterdir())] == ["dream.png", "sheet.png", "zoom"]
        assert {path.name for path in folder.iterdir()} - before <= {"home"}
        tally.survived("a home that is none")
    finally:
        shutil.rmtree(str(place))
