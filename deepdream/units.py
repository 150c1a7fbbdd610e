"""Conversion of sizes and times from and to text."""

import math
import re

_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def byte_size(text: str) -> int:
    """Parses 3.5G, 512M or a number of bytes; raises ValueError for anything else."""
    unit = _UNITS.get(text[-1:].upper())
    size = float(text[:-1]) * unit if unit else float(text)
    if not math.isfinite(size):
        raise ValueError(text)
    return int(size)


def seconds(text: str) -> float:
    """Parses 12.5, 1:30 or 1:02:30 to seconds; raises ValueError for anything else."""
    match = re.fullmatch(r"(?:(?:(\d+):)?(\d+):)?(\d*\.?\d+)", text, re.ASCII)
    if not match:
        raise ValueError(text)
    hours, minutes, rest = match.groups()
    return 3600 * float(hours or 0) + 60 * float(minutes or 0) + float(rest)


def byte_text(size: int) -> str:
    """Formats a number of bytes in the notation of byte_size, rounded up."""
    unit = next((unit for unit in "TG" if size >= _UNITS[unit]), "M")
    return f"{math.ceil(size * 10 / _UNITS[unit]) / 10:g}{unit}"
