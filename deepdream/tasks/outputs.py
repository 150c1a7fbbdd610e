"""Decides what an output may replace, so that no file of the user is overwritten by accident.

A file that is read is never written. An existing file is replaced only if it is a dream, as shown by its recipe, or if
the user passes --force. For existing files, sequences have rules of their own, see sequence_output.py.
"""

from typing import Callable, Optional

from ..errors import DreamError, UsageError
from ..images import picture
from ..pipeline.request import Request
from ..storage import files, streams


def is_dream(name: str) -> bool:
    """Whether a file is an undamaged picture made by this program."""
    try:
        return bool(picture.read_recipe(name))
    except DreamError:
        return False


def check(request: Request, is_ours: Callable[[str], bool] = is_dream) -> bool:
    """Refuses an OUT that must not be replaced; returns whether a file that may be replaced exists.

    is_ours: whether a file is what this program would write there.
    Raises UsageError if OUT is an input, or is not a dream and --force is not given; DreamError if an address cannot
    be reached.
    """
    target = request.target
    refuse_inputs(target, request)
    if target == "-" or files.is_stream(target):
        if target != "-" and streams.is_disk(files.absolute(target)) and not request.force:
            raise UsageError(f"{target} is a disk: name a file, or overwrite everything on it with --force")
        return False
    if request.force and files.is_address(target):
        return True  # write permission does not imply permission to look
    if not files.exists(target):
        return False
    if not request.force and not is_ours(target):
        raise UsageError(f"{target} exists and is not a dream: choose another OUT, or replace it with --force")
    return True


def refuse_inputs(target: str, request: Request) -> None:
    """Raises UsageError if the target is something that the request reads, under any name."""
    found = input_at(target, request)
    if found is not None:
        name = "standard output" if target == "-" else target
        source = "standard input" if found == "-" else found
        same = "" if name == source else f" ({source})"
        raise UsageError(f"{name} is an input{same}, which is never overwritten: choose another OUT")


def input_at(target: str, request: Request) -> Optional[str]:
    """The source of the request that is the same file as the target; None if there is none."""
    there = files.identity(target, is_output=True)
    if there is None:
        return None
    is_address = files.is_address(target)
    for source in request.sources:
        if files.is_address(source) == is_address and files.identity(source) == there:
            return source
    return None
