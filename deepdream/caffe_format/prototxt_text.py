"""Parses a prototxt and finds the fields that the schema lacks, with the layers that they belong to.

protobuf itself either stops at such a field or drops it without a word.
"""

from __future__ import annotations

import copy
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple

from google.protobuf import text_format

from ..errors import shown
from . import schema
from .known_fields import has_effect, nearest

if TYPE_CHECKING:
    from .message import Message

# Comments, strings, punctuation, anything else. Comments may hold bytes of any encoding.
_TOKEN = re.compile(r"""#[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|[{}<>\[\]:;,]|[^\s{}<>\[\]:;,"'#]+|\S""")
MAX_BYTES = 2**22  # of a prototxt: ten times the longest known
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OPEN, _CLOSE, _SEPARATORS = "{<", "}>", ";,"


class Faults(NamedTuple):
    """What is wrong with the fields of a net: of the net itself, and of the layers at a place in the text."""

    net: list[str]
    layers: dict[tuple[str, int], list[str]]  # ("layer" or "layers", its number in the text): faults


class _Token(NamedTuple):
    text: str
    start: int
    end: int


class _Level(NamedTuple):
    """A message that is being read: its descriptor (None inside an unknown one), its name, and where that began."""

    descriptor: Any
    name: str
    start: int


def parse(data: bytes) -> tuple[Message, Faults]:
    """Parses a net for the TEST phase at level 0, as pycaffe does; where a field is given twice, the last one counts.

    Raises text_format.ParseError, or UnicodeDecodeError for text that is not UTF-8 outside of comments.
    """
    return copy.deepcopy(_parsed(data))  # who reads a net may change it


@lru_cache(maxsize=2)  # a dream reads its net three times
def _parsed(data: bytes) -> tuple[Message, Faults]:
    text = data[len(_BYTE_ORDER_MARK) :] if data.startswith(_BYTE_ORDER_MARK) else data
    scan = _Scan(text.decode("latin-1"))
    cleaned = bytes(scan.cleaned, "latin-1").decode("utf-8")
    net = schema.NetParameter()
    text_format.Merge(cleaned, net)
    net.state.ClearField("phase")  # the program that reads it decides, and the default is TEST
    net.state.ClearField("level")
    return net, scan.faults


class _Scan:
    """Reads a text once. `cleaned` has spaces in place of comments and of fields that the schema lacks."""

    def __init__(self, text: str):
        self._text = text
        self._blank: list[tuple[int, int]] = []
        self.faults = Faults([], {})
        self._counts = {"layer": -1, "layers": -1}
        self._levels = [_Level(schema.NetParameter().DESCRIPTOR, "", 0)]
        self._read(list(self._tokens()))
        parts, end = [], 0
        for first, last in sorted(self._blank):
            if last > end:
                first = max(first, end)
                parts += [text[end:first], re.sub(r"[^\n]", " ", text[first:last])]
                end = last
        self.cleaned = "".join([*parts, text[end:]])

    def _tokens(self) -> Iterator[_Token]:
        for match in _TOKEN.finditer(self._text):
            if match.group().startswith("#"):
                self._blank.append(match.span())
            else:
                yield _Token(match.group(), *match.span())

    def _read(self, tokens: list[_Token]) -> None:
        i = 0
        while i < len(tokens):
            token = tokens[i]
            if token.text in _CLOSE:
                if len(self._levels) == 1:
                    return  # one too many: protobuf will say where
                self._close(token)
                i += 1
            elif token.text in _SEPARATORS:
                i += 1
            else:
                i = self._field(tokens, i)

    def _field(self, tokens: list[_Token], i: int) -> int:
        """Reads a field's name and, unless it is a message, its value; returns the place behind it."""
        name, start = tokens[i].text, tokens[i].start
        i += 1
        if i < len(tokens) and tokens[i].text == ":":
            i += 1
        descriptor = self._levels[-1].descriptor
        field = descriptor.fields_by_name.get(name) if descriptor else None
        if i < len(tokens) and tokens[i].text in _OPEN:
            if len(self._levels) == 1 and name in self._counts:
                self._counts[name] += 1
            if descriptor and not field:
                self._unknown(name)
            self._levels.append(_Level(field.message_type if field else None, name, start))
            return i + 1
        first, end = i, start + len(name)
        if i < len(tokens) and tokens[i].text == "[":
            while i < len(tokens) and tokens[i].text != "]":
                i += 1
            i += 1
        else:
            i += 1
            while i < len(tokens) and tokens[i].text[0] in "\"'" and tokens[i - 1].text[0] in "\"'":
                i += 1  # strings that follow each other are one
        end = tokens[min(i, len(tokens)) - 1].end
        if descriptor and not field:
            self._unknown(name)
            self._blank.append((start, end))
        elif field and field.enum_type and first < len(tokens):
            self._check_label(name, tokens[first].text, field.enum_type, (start, end))
        return i

    def _close(self, token: _Token) -> None:
        level = self._levels.pop()
        if level.descriptor is None and self._levels[-1].descriptor is not None:
            self._blank.append((level.start, token.end))

    def _check_label(self, name: str, label: str, enum: Any, span: tuple[int, int]) -> None:
        if re.fullmatch(r"[A-Za-z_]\w*", label) and label not in enum.values_by_name:
            if enum.full_name.endswith(".V1LayerParameter.LayerType"):
                self._fault(f"is of type {label}, which is not supported")
            else:
                labels = ", ".join(sorted(enum.values_by_name))
                self._fault(f"has {self._path()}{name}: {label}, which is not one of {labels}")
            self._blank.append(span)

    def _unknown(self, name: str) -> None:
        if has_effect(name):
            known = self._levels[-1].descriptor.fields_by_name
            text = name if re.fullmatch(r"\w{1,60}", name) else shown(name)
            self._fault(f"has an unknown field {self._path()}{text}{nearest(name, known)}")

    def _path(self) -> str:
        """The messages inside the layer that the current field lies in, such as "pooling_param."."""
        return "".join(level.name + "." for level in self._levels[2:])

    def _fault(self, text: str) -> None:
        if len(self._levels) > 1 and self._levels[1].name in self._counts:
            kind = self._levels[1].name
            self.faults.layers.setdefault((kind, self._counts[kind]), []).append(text)
        else:
            self.faults.net.append(text)
