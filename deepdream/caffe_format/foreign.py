"""Says what a file is that lies in the place of a .caffemodel or a .prototxt."""

from typing import Optional

_KINDS = (
    (b"version https://git-lfs", "is a Git LFS pointer and not the file itself: run `git lfs pull` in its repository"),
    (b"PK\x03\x04", "is a ZIP archive or a PyTorch file: unpack it, or convert it to a .caffemodel"),
    (b"\x1f\x8b", "is a gzip archive: unpack it"),
    (b"BZh", "is a bzip2 archive: unpack it"),
    (b"\xfd7zXZ\x00", "is an xz archive: unpack it"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it"),
    (b"Rar!\x1a\x07", "is a RAR archive: unpack it"),
    (b"\x80\x02", "is a pickled PyTorch file (.pth): convert it to a .caffemodel"),
    (b"\x89PNG", "is a picture"),
    (b"\x93NUMPY", "is a NumPy array"),
)
_SPACE = b"\xef\xbb\xbf \t\r\n"  # and the byte order mark
_TAR = (257, b"ustar")
HDF5 = b"\x89HDF\r\n\x1a\n"


def is_prototxt(head: bytes) -> bool:
    """Whether a file begins as a net in text form does."""
    return _is_text(head) and head.lstrip(_SPACE).startswith((b"name:", b"layer ", b"layer{", b"layers", b"input:"))


def _is_text(head: bytes) -> bool:
    return not any(byte < 9 for byte in head)


def what_it_is(head: bytes) -> Optional[str]:
    """What the first 512 bytes of a file say it is, and what to do about that; None if they say nothing."""
    text = head.lstrip(_SPACE) if _is_text(head) else b""
    if text[:100].lower().startswith((b"<!doctype html", b"<html", b"<?xml", b"<head")):
        return "is a web page and not the file itself: download it again from the address that the page leads to"
    if head[_TAR[0] : _TAR[0] + len(_TAR[1])] == _TAR[1]:
        return "is a tar archive: unpack it"
    return next((what for mark, what in _KINDS if head.startswith(mark)), None)
