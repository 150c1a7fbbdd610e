"""caffe_pb2: a class for each message of Caffe's files.

The classes are made of the notation of caffe_format/schema.py and fields.py, in a DescriptorPool of their own, so that
any protobuf release will do and a real Caffe in the same process is not in the way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf.internal import enum_type_wrapper

from ...caffe_format import schema
from .fields import ENUMS, FIELDS


def _whole(name: str) -> str:
    """All fields of a message: those of the schema that fields.py does not declare in another way, and its own."""
    own = [field for field in FIELDS.get(name, "").split("; ") if field]
    names = {_name(field) for field in own}
    others = (field for field in schema.MESSAGES.get(name, "").split("; ") if field)
    return "; ".join([*(field for field in others if _name(field) not in names), *own])


def _name(field: str) -> str:
    return field.partition(" = ")[0].split()[-2]


_NAMES = [*schema.MESSAGES, *(name for name in FIELDS if name not in schema.MESSAGES)]
_SCHEMA = schema.Schema("caffe", {name: _whole(name) for name in _NAMES}, {**schema.ENUMS, **ENUMS})

globals().update({name: _SCHEMA.message(name) for name in _NAMES})
Phase = enum_type_wrapper.EnumTypeWrapper(_SCHEMA.enum("Phase"))
TRAIN, TEST = 0, 1

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...  # type checkers do not see the classes


__all__ = ["TEST", "TRAIN", "Phase", *_NAMES]
