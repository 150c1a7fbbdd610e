"""The type of protobuf's messages. Imported by type checkers only."""

from typing import Any, Callable, List, Protocol, Tuple  # novermin


class FieldDescriptor(Protocol):
    """What protobuf knows of a field."""

    name: str


class Message(Protocol):
    """A message of schema.py, or of Caffe's own schema.

    Its fields are attributes: numbers, strings, bytes, messages, or lists of one of these. protobuf makes the classes
    at run time, so type checkers do not know the fields.
    """

    def HasField(self, field_name: str) -> bool:
        """Whether an optional field is set. Raises ValueError for a repeated field and for one that does not exist."""

    def ClearField(self, field_name: str) -> None:
        """Resets a field to its default."""

    def ListFields(self) -> List[Tuple[FieldDescriptor, Any]]:
        """The fields that are set, with their values."""

    def CopyFrom(self, other: "Message") -> None:
        """Makes this message equal to another of the same class."""

    def ParseFromString(self, serialized: bytes) -> int:
        """Reads the wire format. Raises DecodeError if it is damaged."""

    def __getattr__(self, field: str) -> Any: ...

    def __setattr__(self, field: str, value: Any) -> None: ...


MessageClass = Callable[..., Message]  # called with the fields that are not at their default
