"""Detects truncated films, and films that FFmpeg does not read, from the lengths that the parts of a file state.

In most formats, FFmpeg reads a truncated file as if it ended there, without any error. But the outermost layer of a
container states its own length.
"""

import os
from pathlib import Path
from typing import BinaryIO, Optional, Set, Tuple

_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"moof", b"styp", b"sidx", b"mfra", b"uuid", b"meta"}
_PARTS = {b"moov", b"mdat", b"moof"}  # boxes that hold the film itself
_FLV = b"FLV\x01"
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")  # the header of a WMV film
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def is_cut_short(path: str) -> bool:
    """Whether an MP4, QuickTime, Matroska, WebM, AVI or GIF file is truncated; False for other formats."""
    with Path(path).open("rb") as file:
        file_size = file.seek(0, os.SEEK_END)
        file.seek(0)
        opening = file.read(12)
        file.seek(0)
        if opening[:4] == _EBML:
            promised = _matroska(file, file_size)
        elif opening[:4] == b"RIFF":
            promised = _riff(file)
        elif opening[:3] == b"GIF":
            promised = _gif(file)
        else:
            promised = _boxes(file, file_size)
    return promised > file_size


def unread_films(path: str) -> int:
    """The number of films that follow the first one in an MP4, QuickTime, FLV or WMV file; 0 for other formats.

    Simple concatenation makes such a file, and FFmpeg reads only its first film.
    """
    with Path(path).open("rb") as file:
        file_size = file.seek(0, os.SEEK_END)
        file.seek(0)
        opening = file.read(16)
        if opening == _ASF:
            films = _count_asf(file, file_size)
        elif opening[:4] == _FLV:
            films = _count_flv(file, file_size)
        elif opening[4:8] in _BOXES:
            films = _count_boxes(file, file_size)
        else:
            return 0
    return max(0, films - 1)


def _count_boxes(file: BinaryIO, file_size: int) -> int:
    """The number of movie boxes that lie completely in the file."""
    end, films = 0, 0
    while end < file_size:
        kind, size = _box(file, end)
        if kind not in _BOXES or size < 8:
            break
        end += size
        films += kind == b"moov" and end <= file_size
    return films


def _count_flv(file: BinaryIO, file_size: int) -> int:
    end, films = 0, 0
    while end < file_size:
        file.seek(end)
        header = file.read(11)
        if header[:4] == _FLV:
            films += 1
            end += int.from_bytes(header[5:9], "big") + 4
        elif header[:1] in (b"\x08", b"\x09", b"\x12"):  # sound, picture or metadata, and its size after it
            end += 11 + int.from_bytes(header[1:4], "big") + 4
        else:
            break
    return films


def _count_asf(file: BinaryIO, file_size: int) -> int:
    end, films = 0, 0
    while end < file_size:
        file.seek(end)
        header = file.read(24)
        size = int.from_bytes(header[16:], "little")
        if size < 24:
            break
        films += header[:16] == _ASF
        end += size
    return films


def _boxes(file: BinaryIO, file_size: int) -> int:
    """Where the last box of an ISO base media file ends; unknown data after the known boxes does not count.

    file_size: size of the file in bytes; the search stops there.
    """
    end = 0
    seen: Set[bytes] = set()
    while end < file_size:
        kind, size = _box(file, end)
        if kind not in _BOXES or size < 8:  # size 0 means up to the end of the file, wherever that is
            break
        if end + size > file_size and seen >= {b"moov", b"mdat"} and kind not in _PARTS:
            break  # the film is complete, and this comes after it
        end += size
        seen.add(kind)
    return end


def _box(file: BinaryIO, place: int) -> Tuple[bytes, int]:
    """The kind and the size in bytes of the box at that place."""
    file.seek(place)
    header = file.read(16)
    size = int.from_bytes(header[:4], "big")
    return header[4:8], int.from_bytes(header[8:], "big") if size == 1 else size


def _riff(file: BinaryIO) -> int:
    """Where the last RIFF chunk ends; an AVI larger than 1 GB has several."""
    end = 0
    while True:
        file.seek(end)
        header = file.read(8)
        if header[:4] != b"RIFF" or len(header) < 8:
            return end
        end += 8 + int.from_bytes(header[4:], "little")


def _gif(file: BinaryIO) -> int:
    """Where the last block of a GIF ends. A GIF should end with a trailer, but not every program writes one."""
    header = file.read(13)
    file.seek(_palette(header[10:11]), os.SEEK_CUR)
    while True:
        kind = file.read(1)
        if kind == b"!":  # an extension: a label and sub-blocks
            file.seek(1, os.SEEK_CUR)
        elif kind == b",":  # a picture: its position and size, a palette, the code size and sub-blocks
            file.seek(_palette(file.read(9)[8:]) + 1, os.SEEK_CUR)
        else:
            # Either a trailer or the end of a file without one. Anything else means that the file is damaged.
            return file.tell() if kind in (b";", b"") else file.seek(0, os.SEEK_END) + 1
        length = 1
        while length:
            size = file.read(1)
            if not size:
                return file.tell() + 1
            length = size[0]
            file.seek(length, os.SEEK_CUR)


def _palette(flags: bytes) -> int:
    """The size in bytes of the palette that follows in a GIF; 0 if these flags say that none does."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def _matroska(file: BinaryIO, file_size: int) -> int:
    """Where the segment ends; 0 if it states no length, as in a live recording.

    file_size: size of the file in bytes. If the header claims to be longer, this is where the header would end.
    """
    file.seek(4)
    header = _ebml_size(file) or 0
    if file.tell() + header > file_size:
        return file.tell() + header
    file.seek(header, os.SEEK_CUR)
    if file.read(4) != _SEGMENT:
        return 0
    size = _ebml_size(file)
    return 0 if size is None else file.tell() + size


def _ebml_size(file: BinaryIO) -> Optional[int]:
    """The size of an EBML element, or None if unknown. It is stored in 1 to 8 bytes, as leading zero bits tell."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    bits = 7 * length
    value = int.from_bytes(first + file.read(length - 1), "big") & ((1 << bits) - 1)
    return None if value == (1 << bits) - 1 else value
