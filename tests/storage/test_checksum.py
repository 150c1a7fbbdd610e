import hashlib

import pytest

from deepdream.storage.checksum import sha256


def test_it_is_that_of_the_content_however_long(tmp_path):
    parts = [b"one", b"", b"x" * (2**21 + 3)]
    paths = [tmp_path / str(number) for number in range(3)]
    for path, part in zip(paths, parts):
        path.write_bytes(part)
    assert sha256(*paths) == hashlib.sha256(b"".join(parts)).hexdigest()
    assert sha256(paths[0]) == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"


def test_the_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "here").touch()
    with pytest.raises(OSError, match="absent"):
        sha256(tmp_path / "here", tmp_path / "absent")
