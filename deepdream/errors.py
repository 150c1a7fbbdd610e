"""What can go wrong for the person at the terminal, as exceptions that carry one sentence each."""

import reprlib

_LONGEST = 1000  # characters of a line
_LONGEST_VALUE = 60  # characters of a value that a message quotes


class DreamError(Exception):
    """Work that failed. The message is one sentence: what is wrong, and the way out."""

    exit_code = 1


class UsageError(DreamError):
    """Wrong use of the program: a value out of range, an unknown layer, options that exclude each other."""

    exit_code = 2


class NobodyReads(DreamError):
    """Whoever read the output has gone, having seen enough: nothing is wrong, and there is nothing more to do."""

    exit_code = 0


def printable(text: str) -> str:
    """A message as a terminal can show it: what is quoted in it may come from anyone's file, and of any length.

    What a terminal would act on is escaped, but for the ends of lines; of a long line the middle is left out.
    """
    plain = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    half = _LONGEST // 2
    return "\n".join(
        line if len(line) <= _LONGEST else f"{line[:half]} ... {line[-half:]}" for line in plain.split("\n")
    )


def shown(value: object) -> str:
    """A value as messages quote it: in Python's notation, and without its middle where that is long."""
    short = reprlib.Repr()
    short.maxstring = short.maxlong = short.maxother = _LONGEST_VALUE
    try:
        return short.repr(value).replace("\n", " ")
    except ValueError:  # Python writes no whole number of more than 4300 digits
        return "a number of thousands of digits"
