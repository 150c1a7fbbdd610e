"""Turns the messages of the command line into the page's own: they name its controls, and not options."""

import re

from ..errors import printable

# What only the owner of the page can do is left out.
_OWNERS = re.compile(r"raise --memory, use fewer --workers, or |, or use --engine torch, which can work in tiles")
_NAMES = {"max-size": "longest side", "add --model": "choose the model"}
# What somebody at the command line could do, and what a visitor can.
_INSTEAD = {
    ", or write to a folder or a .gif instead": "",
    "fix this and run the same command to resume": "try again later",
    "fix this, or write somewhere else": "try again later",
    "write to a folder instead": "choose another format",
    "write them to a folder instead": "choose another format",
}
_OPTION = re.compile(r"\badd --model|--(?=[a-z])|\bmax-size\b")


def for_page(words: str) -> str:
    """A message as the page says it. What a visitor typed is in it as well, and stays printable."""
    named = re.sub("--max-size", "max-size", _OWNERS.sub("", printable(words)))
    for theirs, ours in _INSTEAD.items():
        named = named.replace(theirs, ours)
    return _OPTION.sub(lambda found: _NAMES.get(found.group(), ""), named)
