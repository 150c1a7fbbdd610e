"""The classes of a net: their names, and how to find one by name or number.

class_names/*.txt hold one class a line, in the order of the net's output, synonyms separated by commas:

    imagenet     the 1,000 of ILSVRC 2012 as in Caffe's synset_words.txt, by WordNet id, without the id
    places205    MIT's categoryIndex_places205.csv
    places365    MIT's categories_places365.txt

MIT's paths are written as words in MIT's spelling: /a/apartment_building/outdoor is "apartment building outdoor".
"""

import difflib
import re
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from ..errors import UsageError, shown

_COUNTS = {"imagenet": 1000, "places205": 205, "places365": 365}
_MOST_GUESSES = 5


def names(listing: str) -> List[str]:
    """The names of the classes in a shipped list, in order.

    listing: imagenet, places205 or places365. Raises UsageError for any other.
    """
    if listing not in _COUNTS:
        raise UsageError(f"there is no list of classes {listing!r}: use {_alternatives(list(_COUNTS))}")
    file = Path(__file__).with_name("class_names") / f"{listing}.txt"
    return file.read_text(encoding="utf-8").splitlines()


def listing_for(count: int) -> Optional[str]:
    """The shipped list with `count` classes, for a net that does not name its own. None if there is none."""
    return next((listing for listing, length in _COUNTS.items() if length == count), None)


def find(wanted: str, names: Sequence[str], count: int) -> int:
    """The number of a class.

    wanted: a number from 0, or a name. Case, spaces, hyphens, underscores and slashes are ignored. A class with exactly
        this name takes precedence over classes that have it among their synonyms.
    names: the names of the classes, as in a shipped list. Empty if they are unknown.
    count: how many classes the net has.

    Raises UsageError for a number out of range, a name that is unknown (with the nearest ones) or ambiguous (with the
    candidates), and for any name if the classes have no names.
    """
    wanted, numbers = wanted.strip(), f"0 to {count - 1}"
    if re.fullmatch(r"-?\d{1,18}", wanted, re.ASCII):
        if 0 <= int(wanted) < count:
            return int(wanted)
        raise UsageError(f"there is no class {wanted} in this net: its classes are {numbers}")
    if not names:
        raise UsageError(f"the names of this net's classes are unknown: give a number, {numbers}")
    words, lines = _words(wanted), names[:count]
    synonyms = [(number, part.strip()) for number, line in enumerate(lines) for part in line.split(",") if part.strip()]
    found = [number for number, line in enumerate(lines) if _same(line, words)]
    found = found or sorted({number for number, synonym in synonyms if _same(synonym, words)})
    if len(found) == 1:
        return found[0]
    if found:
        several = _alternatives([f"{number} {lines[number].split(',')[0].strip()}" for number in found])
        raise UsageError(f"{len(found)} classes of this net are called {shown(wanted)}: give the number, {several}")
    near = _alternatives([f"{number} {synonym}" for number, synonym in _nearest(words, synonyms)])
    guess = f"did you mean {near}?" if near else f"give its name or its number, {numbers}"
    raise UsageError(f"there is no class {shown(wanted)} in this net: {guess}")


@lru_cache(maxsize=4096)
def _words(name: str) -> str:
    return " ".join(re.split(r"[\s_/-]+", name.casefold())).strip()


def _same(name: str, words: str) -> bool:
    return bool(words) and _words(name).replace(" ", "") == words.replace(" ", "")


def _nearest(words: str, synonyms: Sequence[Tuple[int, str]]) -> List[Tuple[int, str]]:
    """At most five classes, each with the synonym closest to these words."""
    if not words:
        return []
    spelled = [(_words(synonym), number, synonym) for number, synonym in synonyms]
    alike = [entry for entry in spelled if f" {words} " in f" {entry[0]} "]
    alike += [entry for entry in spelled if words.replace(" ", "") in entry[0].replace(" ", "")]
    if not alike:  # perhaps a typing error; next to the matches above, these would mislead
        close = difflib.get_close_matches(words, [entry[0] for entry in spelled], _MOST_GUESSES)
        alike = [entry for match in close for entry in spelled if entry[0] == match]
    nearest: Dict[int, str] = {}  # in order, each class with its first match
    for _, number, synonym in alike:
        nearest.setdefault(number, synonym)
    return list(nearest.items())[:_MOST_GUESSES]


def _alternatives(texts: Sequence[str]) -> str:
    return " or ".join(filter(None, [", ".join(texts[:-1]), *texts[-1:]]))
