"""Computes the octave sizes of a dream and checks that the net can work on them."""

from typing import List, Sequence

from ..arrays import Size
from ..errors import DreamError
from .layer_spec import ShapeError
from .topology import Topology

_MAX_TRIED = 1024  # pixels; no known net needs a larger picture


def octave_sizes(size: Size, octave_n: int, octave_scale: float) -> List[Size]:
    """Lists the (height, width) of every octave, the full size first.

    Each octave is scaled from the one before and rounded as scipy rounds.
    """
    sizes = [size]
    for _ in range(octave_n - 1):
        height, width = sizes[-1]
        sizes.append((round(height * (1.0 / octave_scale)), round(width * (1.0 / octave_scale))))
    return sizes


def check_sizes(
    topology: Topology, size: Size, octave_n: int, octave_scale: float, end: str, what: str = "picture"
) -> None:
    """Raises DreamError if layer `end` cannot work on an octave of a (height, width) picture.

    The message says which sizes or how many octaves would work.
    """
    check_input(topology)
    height, width = size
    works = octaves_that_fit(topology, size, octave_n, octave_scale, end)
    if works == octave_n:
        return
    if works == 0:
        raise DreamError(f"a {what} of {width}x{height} does not suit layer {end}, {_suitable(topology, end)}")
    small = octave_sizes(size, octave_n, octave_scale)[works]
    octaves = "one octave works" if works == 1 else f"{works} octaves work"
    raise DreamError(
        f"octave {works + 1} would be {small[1]}x{small[0]}, which does not suit layer {end}: at most {octaves} "
        f"(--octaves {works}) for a {what} of {width}x{height}"
    )


def check_channels(topology: Topology, sizes: Sequence[Size], end: str, channels: Sequence[int], guided: bool) -> None:
    """Raises DreamError if `end` lacks a channel at one of the sizes, or cannot be compared with a guide.

    After a Flatten, for example, the number of channels depends on the picture size. A guide needs the same number at
    all sizes.
    """
    if not (channels or guided):
        return
    counts = [topology.shapes_at(*size, end)[topology.blob(end)][1] for size in sizes]
    min_count, max_count = min(counts), max(counts)
    if guided and min_count < max_count:
        needs = "a guide needs the same number in every octave and in itself"
    elif channels and max(channels) >= min_count:
        needs = f"channel {max(channels)} does not exist in every octave"
    else:
        return
    count = f"{min_count} to {max_count}" if min_count < max_count else str(min_count)
    raise DreamError(
        f"layer {end} has {count} channels, depending on the size of the picture, but {needs}: use an earlier layer"
    )


def octaves_that_fit(topology: Topology, size: Size, octave_n: int, octave_scale: float, end: str) -> int:
    """Counts how many octaves `end` can work on, from a (height, width) picture downwards; at most `octave_n`."""
    sizes = octave_sizes(size, octave_n, octave_scale)
    fits = {size: _fits(topology, size, end) for size in set(sizes)}
    return next((number for number, size in enumerate(sizes) if not fits[size]), octave_n)


def check_input(topology: Topology) -> None:
    """Raises DreamError unless the net takes colour pictures or grey ones."""
    shape = topology.shapes[topology.inputs[0]]
    if len(shape) != 4 or shape[1] not in (1, 3):
        size = "x".join(map(str, shape))
        raise DreamError(f"the net's input is {size}: use a net that takes pictures, with three channels or one")


def _fits(topology: Topology, size: Size, end: str) -> bool:
    try:
        topology.shapes_at(*size, end)
    except ShapeError:
        return False
    return min(size) > 0


def _suitable(topology: Topology, end: str) -> str:
    """Describes the picture sizes that a layer accepts, found by trying square ones."""
    good = [side for side in range(1, _MAX_TRIED + 1) if _fits(topology, (side, side), end)]
    if not good:
        return f"which accepts no square picture up to {_MAX_TRIED}x{_MAX_TRIED}: use another layer"
    if good[-1] < _MAX_TRIED:
        return f"which accepts only {good[0]}x{good[0]} to {good[-1]}x{good[-1]}"
    return f"which needs at least {good[0]}x{good[0]}"
