"""What can go wrong for the person at the terminal, as exceptions that carry one sentence each."""


class DreamError(Exception):
    """Work that failed. The message is one sentence: what is wrong, and the way out."""

    exit_code = 1


class UsageError(DreamError):
    """Wrong use of the program: a value out of range, an unknown layer, options that exclude each other."""

    exit_code = 2
