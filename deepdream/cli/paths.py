"""Paths as they are typed: ~, a list of pictures in a file, and an OUT that was left out or is a folder."""

import os
import re
from typing import List, Optional, Tuple

from ..errors import UsageError

FILMS = (".mp4", ".webm", ".mov", ".mkv", ".avi", ".m4v")


def path(text: str) -> str:
    """An argparse type: a path with a leading ~ expanded, as the shell does not in --guide=~/x.jpg; ./~ stays."""
    return os.path.expanduser(text)  # noqa: PTH111  # Path.expanduser would also expand ./~


def exists(name: Optional[str]) -> bool:
    """Whether a word is the name of a file or a folder, even of a link to nowhere."""
    return bool(name) and os.path.lexists(str(name))


def extension(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122  # Path would take a // out of an address


def listed(sources: List[str]) -> List[str]:
    """The sources, with what the file has in place of each @FILE: a path a line, without comments and blank lines.

    Raises UsageError for a list that is empty or not text, DreamError for one that cannot be read.
    """
    named: List[str] = []
    for source in sources:
        is_list = source.startswith("@") and not exists(source)
        named += _lines(path(source[1:])) if is_list else [path(source)]
    return named


def _lines(name: str) -> List[str]:
    from ..storage import files

    if not name:
        raise UsageError("@ names no list: type @list.txt, a file with one path a line")
    data, name = files.read(name)
    try:
        text = data.decode("utf-8-sig")
    except ValueError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"the list {name} is not text in UTF-8: save it as UTF-8, with one path a line")
    lines = [line.strip() for line in re.split("\r\n|\r|\n", text)]
    found = [path(line) for line in lines if line and not line.startswith("#")]
    if not found:
        raise UsageError(f"the list {name} names no pictures: write one path a line into it")
    return found


def out_for(source: str, target: Optional[str]) -> Tuple[str, bool]:
    """The OUT of one dream, and whether it is a name that nobody typed; says so if it is.

    target: as typed; None to write beside the picture, an existing folder to write into it.
    Raises UsageError if the picture has no name to make another one of.
    """
    from ..console import say
    from ..tasks import free_names

    if not source:
        raise UsageError("IN is empty: name a file")
    if target is None:
        chosen = free_names.free(free_names.beside(source))
        say(f"no OUT was named: the dream goes to {chosen}")
        return chosen, True
    if os.path.isdir(target):  # noqa: PTH112  # Path.is_dir raises PermissionError
        chosen = free_names.free(free_names.within(target, source))
        say(f"{target} is a folder: the dream goes to {chosen}")
        return chosen, True
    return target, False
