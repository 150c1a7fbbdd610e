"""The checksum of files on disk."""

import hashlib
from pathlib import Path

_BLOCK = 2**20  # bytes


def sha256(*paths: Path) -> str:
    """The SHA-256 of the content of files, one after the other, in hexadecimal. Raises OSError."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            for block in iter(lambda: file.read(_BLOCK), b""):  # used up before the next file
                digest.update(block)
    return digest.hexdigest()
