"""The form of settings: their options, help and ranges, and the check of every value.

Uses only the standard library, so that `dreamify.py --help` starts fast.
"""

from dataclasses import Field, dataclass, field, fields, replace
from numbers import Integral, Rational, Real
from typing import Any, Dict, Mapping, Optional, Tuple, TypeVar

from .errors import UsageError, shown
from .keyframes import number_path, parsed
from .units import byte_size, byte_text, seconds

Self = TypeVar("Self", bound="Settings")

# A description of each kind of setting, for messages.
KINDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    number_path: "a number",
    byte_size: "a size such as 3.5G or 512M",
    seconds: "a time such as 12.5, 1:30 or 1:02:30",
}

# The default maximum of each kind. Unless a setting has a minimum, its negative is the minimum. These limits are far
# beyond any practical use, but small enough not to overflow in any computation.
MAXIMA = {int: 10**6, float: 10**6, number_path: 10**6, byte_size: 2**50, seconds: 10**8}


def setting(
    default: Any,
    option: str,
    help: str,
    kind: Any = str,
    minimum: Optional[float] = None,
    maximum: Optional[float] = None,
    above: Optional[float] = None,
    choices: Tuple[str, ...] = (),
) -> Any:
    if kind in MAXIMA:
        maximum = MAXIMA[kind] if maximum is None else maximum
        minimum = -maximum if minimum is None and above is None else minimum
    limits = {"kind": kind, "minimum": minimum, "maximum": maximum, "above": above, "choices": choices}
    return field(default=default, metadata={"option": option, "help": help, **limits})


@dataclass(frozen=True)
class Settings:
    """Settings that reject values out of range, whether they come from a command line, a program or a recipe."""

    def __post_init__(self) -> None:
        for option, setting in self.options().items():
            value, name = getattr(self, setting.name), option.replace("_", "-")
            if setting.metadata["kind"] is number_path and isinstance(value, str):
                _check_path(name, value, setting.metadata)
            elif not (value is None and setting.default is None) and not _allowed(value, setting.metadata):
                raise UsageError(f"{name} must be {_range(setting.metadata)}, not {shown(value)}")

    @classmethod
    def options(cls) -> "Dict[str, Field[Any]]":
        """{name on the command line and in recipes: field}."""
        return {setting.metadata["option"]: setting for setting in fields(cls)}

    @classmethod
    def option(cls, name: str) -> str:
        """The name of a field on the command line and in recipes."""
        return str(cls.__dataclass_fields__[name].metadata["option"])

    def by_option(self) -> Dict[str, Any]:
        """{name on the command line and in recipes: value}."""
        return {option: getattr(self, setting.name) for option, setting in self.options().items()}

    def with_options(self: Self, values: Mapping[str, Any]) -> Self:
        """These settings, with those values that belong to one of them. Raises UsageError for a value out of range.

        values: {name on the command line and in recipes: value}.
        """
        return replace(self, **{each.name: values[name] for name, each in self.options().items() if name in values})


def _check_path(name: str, text: str, limits: Any) -> None:
    """Raises UsageError unless each number of a path is in the range of the setting."""
    for frame, number in parsed(text, name):
        try:
            is_allowed = _allowed(float(number), limits)
        except ValueError:
            is_allowed = False
        if not is_allowed:
            raise UsageError(f"{name} must be {_range(limits)}, not {shown(number)} at frame {frame}")


def _allowed(value: Any, limits: Any) -> bool:
    kind = limits["kind"]
    if kind in (str, bool):
        return isinstance(value, kind) and (not limits["choices"] or value in limits["choices"])
    number = Real if kind in (float, number_path, seconds) else Integral
    if isinstance(value, bool) or not isinstance(value, number):
        return False
    exact = value if isinstance(value, Rational) else float(value)  # an integer may be too large for a float
    is_above = exact > limits["above"] if limits["minimum"] is None else exact >= limits["minimum"]
    return bool(is_above and exact <= limits["maximum"])


def _range(limits: Any) -> str:
    """Describes the allowed values of a setting."""
    kind = limits["kind"]
    if limits["choices"]:
        return "one of " + ", ".join(limits["choices"])
    if kind not in MAXIMA:
        return KINDS[kind]
    maximum = byte_text(limits["maximum"]) if kind is byte_size else limits["maximum"]
    if limits["minimum"] is None:
        return f"{KINDS[kind]} above {limits['above']} and at most {maximum}"
    return f"{KINDS[kind]} from {limits['minimum']} to {maximum}"
