"""What an output may be written over: nothing of the user's.

A file that is read is never written. A file that is there is replaced only where it is a dream, as the recipe in it
says, or where the user has said so (--force). Sequences have their own rules for the latter, see sequence_files.py.
"""

from typing import Optional

from ..errors import DreamError, UsageError
from ..images import picture
from ..pipeline.request import Request
from ..storage import files, streams


def check(request: Request) -> bool:
    """Refuses an OUT that must not be replaced; returns whether there is one that may be.

    Raises UsageError for an input, and for what is not a dream, unless it is to be replaced; DreamError where an
    address cannot be asked.
    """
    target = request.target
    refuse_inputs(target, request)
    if target == "-" or files.is_stream(target):
        if target != "-" and streams.is_disk(files.absolute(target)) and not request.force:
            raise UsageError(f"{target} is a disk: name a file, or write over all that is on it with --force")
        return False
    if request.force and files.is_address(target):
        return True  # who may write there may not be allowed to look
    if not files.exists(target):
        return False
    if not request.force and not is_dream(target):
        raise UsageError(f"{target} is there and is no dream: choose another OUT, or replace it with --force")
    return True


def refuse_inputs(target: str, request: Request) -> None:
    """Raises UsageError where something that the request reads would be written, whatever it is called."""
    found = input_at(target, request)
    if found is not None:
        name = "standard output" if target == "-" else target
        source = "standard input" if found == "-" else found
        same = "" if name == source else f" ({source})"
        raise UsageError(f"{name} is an input{same}, which is never written over: choose another OUT")


def input_at(target: str, request: Request) -> Optional[str]:
    """What the request reads from the file that a target names; None where it is no input."""
    there = files.identity(target, is_output=True)
    if there is None:
        return None
    is_address = files.is_address(target)
    for source in request.sources:
        if files.is_address(source) == is_address and files.identity(source) == there:
            return source
    return None


def is_dream(name: str) -> bool:
    """Whether a file is a picture that this program has made; one that is damaged is not."""
    try:
        return bool(picture.read_recipe(name))
    except DreamError:
        return False
