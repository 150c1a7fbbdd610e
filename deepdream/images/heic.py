"""HEIC, the pictures of telephones: read where the package pillow-heif is installed."""

from functools import lru_cache
from pathlib import Path

_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")


def is_one(data: bytes) -> bool:
    """Whether a file is a HEIC picture. An AVIF, which Pillow reads itself, is none."""
    if data[4:8] != b"ftyp":
        return False
    size = int.from_bytes(data[:4], "big")
    return data[8:12] in _BRANDS and b"avif" not in data[8 : min(size, 64)]


def is_named_so(path: Path) -> bool:
    return path.suffix.lower() in (".heic", ".heif", ".hif")


@lru_cache(maxsize=None)
def is_readable() -> bool:
    """Whether such pictures can be read here; teaches Pillow to do so."""
    try:
        from pillow_heif import register_heif_opener
    except (ImportError, OSError):  # not installed, or without its library
        return False
    register_heif_opener()
    return True
