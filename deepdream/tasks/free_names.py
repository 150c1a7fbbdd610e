"""Names for a dream where none was typed. Such a name never replaces anything: it is always a free one."""

import os
from pathlib import Path

from ..errors import UsageError
from ..images import noise, picture
from ..storage import files

_LONGEST = 255  # bytes of a name, on most file systems


def beside(source: str) -> str:
    """The dream's name beside its picture: in-dream.jpg for in.jpg, in .png if the format cannot be written.

    Raises UsageError for what has no folder of its own.
    """
    if noise.size_of(source):
        return "noise-dream.png"
    if source == "-":
        raise UsageError("standard input has no name to make OUT of: name OUT, or - for standard output")
    if files.is_address(source):
        raise UsageError(f"beside the address {source} nothing is written unasked: name OUT")
    if files.is_stream(source):
        raise UsageError(f"{source} is a pipe or a device, beside which nothing is written: name OUT")
    if os.path.isdir(source):  # noqa: PTH112  # Path.is_dir raises PermissionError
        raise UsageError(f"{source} is a folder: name a picture in it, or dream all of them with dreamify batch")
    place = files.absolute(source) if source.startswith("file://") else source
    return str(Path(place).with_name(_named(place, "-dream")))


def within(folder: str, source: str) -> str:
    """The dream's name in a folder: that of its picture; in the picture's own folder, as beside it.

    Raises UsageError for standard input, which has no name.
    """
    if source == "-":
        raise UsageError(
            f"standard input has no name: name a file in {folder}, such as {files.join(folder, 'out.png')}"
        )
    if noise.size_of(source):
        return files.join(folder, "noise.png")
    is_own = not files.is_address(source) and files.real(folder) == os.path.dirname(files.real(source))  # noqa: PTH120
    return files.join(folder, _named(source, "-dream" if is_own else ""))


def free(target: str) -> str:
    """The name, or else the first of NAME-2, NAME-3 ... that no file has."""
    path, number = Path(target), 1
    while os.path.lexists(target):
        number += 1
        target = str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
    return target


def _named(source: str, ending: str) -> str:
    path = Path(source)
    extension = path.suffix if path.suffix.lower() in picture.extensions() else ".png"
    name = path.stem + ending + extension
    if len(os.fsencode(name)) > _LONGEST - len("-999"):
        raise UsageError(f"the name of {source} is too long to make another one of it: name OUT")
    return name
