"""Reads protobuf's wire format without copying: the fields of a message, each with its place in the file."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Union

Buffer = Union[bytes, memoryview]


class WireError(ValueError):
    """The bytes are not a message."""


class Field(NamedTuple):
    """A field: its number, and either its value or, for bytes, strings and messages, where they start and end."""

    number: int
    value: int
    start: int
    end: int  # 0 for a number


def fields(buffer: Buffer, start: int, end: int) -> Iterator[Field]:
    """Yields the fields of the message in buffer[start:end]. Raises WireError if it is damaged."""
    while start < end:
        tag, start = _varint(buffer, start, end)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise WireError
        if kind == 0:
            value, start = _varint(buffer, start, end)
            yield Field(number, value, 0, 0)
            continue
        if kind == 2:
            size, start = _varint(buffer, start, end)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise WireError
        if size > end - start:
            raise WireError
        yield Field(number, 0, start, start + size)
        start += size


def varints(buffer: Buffer, start: int, end: int) -> Iterator[int]:
    """Yields the numbers of a packed field."""
    while start < end:
        value, start = _varint(buffer, start, end)
        yield value


def _varint(buffer: Buffer, start: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while start < end and shift < 70:
        byte = buffer[start]
        start += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return (value - 2**64 if value >= 2**63 else value), start
        shift += 7
    raise WireError
