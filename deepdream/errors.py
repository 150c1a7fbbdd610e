"""Exceptions that are reported to the user, each with a message of one sentence."""

import reprlib

_LONGEST = 1000  # characters of a line
_LONGEST_VALUE = 60  # characters of a value that a message quotes


class DreamError(Exception):
    """Work that failed. The message is one sentence that says what is wrong and what to do."""

    exit_code = 1


class UsageError(DreamError):
    """Incorrect use of the program: a value out of range, an unknown layer, options that cannot be combined."""

    exit_code = 2


class NobodyReads(DreamError):
    """The reader of the output has closed it. Nothing is wrong, and there is nothing left to do."""

    exit_code = 0


def printable(text: str) -> str:
    """Makes a message safe to print on a terminal. It may quote text of any length from an untrusted file.

    Escapes all unprintable characters except newlines, and omits the middle of long lines.
    """
    plain = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    half = _LONGEST // 2
    return "\n".join(
        line if len(line) <= _LONGEST else f"{line[:half]} ... {line[-half:]}" for line in plain.split("\n")
    )


def shown(value: object) -> str:
    """Formats a value for a message: its repr, with the middle omitted if it is long."""
    short = reprlib.Repr()
    short.maxstring = short.maxlong = short.maxother = _LONGEST_VALUE
    try:
        return short.repr(value).replace("\n", " ")
    except ValueError:  # Python refuses to format an integer of more than 4300 digits
        return "a number with thousands of digits"
