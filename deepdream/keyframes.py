"""Settings that change on the way of a sequence: FRAME:VALUE,FRAME:VALUE, such as 0:0.05,50:0.01.

Uses only the standard library, so that `dreamify.py --help` starts fast.
"""

import math
import re
from typing import Iterable, Sequence, Tuple, Union

from .errors import UsageError, shown

Path = Sequence[Tuple[int, str]]  # frames, counted from 0 and rising, each with the value that is reached there
NumberPath = Sequence[Tuple[int, float]]
PairPath = Sequence[Tuple[int, Tuple[float, float]]]

LAST = 9998  # frame; a zoom has at most 9999


def number_path(text: str) -> Union[float, str]:
    """A number, or the text of a path. Raises ValueError for other text."""
    return text if is_path(text) else float(text)


def is_path(text: str) -> bool:
    return bool(re.match("[0-9]+:", text))


def parsed(text: str, name: str) -> Path:
    """The frames and values of a path, between which there may be spaces. name: of the setting.

    Raises UsageError if it is none, or if its frames do not rise.
    """
    parts = [part.partition(":") for part in re.split(r",\s*(?=[0-9]+:)", text)]
    if not is_path(text) or any(
        len(frame) > len(str(LAST)) or int(frame) > LAST or not value for frame, _, value in parts
    ):
        example = {"layer": "0:3b,60:4c", "shift": "0:2,0,50:-2,0"}.get(name, "0:0.05,50:0.01")
        raise UsageError(
            f"{name} must be FRAME:VALUE,FRAME:VALUE, with frames from 0 to {LAST}, such as {example}, "
            f"not {shown(text)}"
        )
    frames = [int(frame) for frame, _, _ in parts]
    for before, after in zip(frames, frames[1:]):
        if after <= before:
            raise UsageError(f"the frames of {name} must rise, and {after} comes after {before}")
    return [(frame, value) for frame, (_, _, value) in zip(frames, parts)]


def numbers(value: Union[float, str], name: str) -> NumberPath:
    """The numbers of a path; a plain number counts as one that does not change. Raises what parsed raises."""
    if isinstance(value, str):
        return [(frame, float(number)) for frame, number in parsed(value, name)]
    return [(0, value)]


def pairs(text: str, name: str, maximum: float) -> PairPath:
    """The pairs of a path, 0:2,0,50:-2,0; a plain pair counts as one that does not change.

    Raises what parsed raises, and UsageError for what is not two numbers from -maximum to maximum.
    """
    path = parsed(text, name) if is_path(text) else [(0, text)]
    found = []
    for frame, value in path:
        try:
            x, y = map(float, value.split(","))
        except ValueError:
            x = y = math.nan
        if not (abs(x) <= maximum and abs(y) <= maximum):
            raise UsageError(
                f"{name} must be two numbers separated by a comma, such as 2,-1.5, each from {-maximum} to {maximum}, "
                f"not {shown(value)}"
            )
        found.append((frame, (x, y)))
    return found


def text_of(path: Iterable[Tuple[int, object]]) -> str:
    return ",".join(f"{frame}:{value}" for frame, value in path)


def value_at(path: NumberPath, frame: int) -> float:
    """The number at a frame: between two frames of the path it changes by the same amount from frame to frame."""
    first, value = path[0]
    if frame <= first:
        return value
    for (start, before), (end, after) in zip(path, path[1:]):
        if frame <= end:
            return before + (after - before) * (frame - start) / (end - start)
    return path[-1][1]


def shares_at(path: Path, frame: int, fade: int) -> Sequence[float]:
    """The share of each value of a path at a frame: 1 for one of them, or two shares that change over `fade` frames.

    The fade to a value begins at its frame. fade: at most the frames between two values.
    """
    reached = max((i for i, (start, _) in enumerate(path) if start <= frame), default=0)
    new = min(1.0, (frame - path[reached][0] + 1) / (fade + 1)) if reached else 1.0
    return [new if i == reached else 1 - new if i == reached - 1 else 0.0 for i in range(len(path))]
