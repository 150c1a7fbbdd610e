"""Reads what the data layer of a training net does to its pictures."""

from __future__ import annotations

from pathlib import Path

from google.protobuf import text_format

from .prototxt_text import MAX_BYTES, parse
from .upgrade import data_transform


def data_transformation(prototxt: Path) -> tuple[tuple[float, float, float] | None, float]:
    """The mean of blue, green and red, and the scale behind it, that the data layer of a training net gives.

    None and 1 if it gives none, or if the file is no net.
    """
    if prototxt.stat().st_size > MAX_BYTES:
        return None, 1.0
    try:
        net, faults = parse(prototxt.read_bytes())
    except (text_format.ParseError, UnicodeDecodeError, RecursionError, OSError):
        return None, 1.0
    transform = data_transform(net, faults)
    if transform is None:
        return None, 1.0
    means = list(transform.mean_value)
    if len(means) not in (1, 3):
        return None, transform.scale
    blue, green, red = means if len(means) == 3 else means * 3
    return (blue, green, red), transform.scale
