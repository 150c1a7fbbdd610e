"""Searches for the fastest way to run a pass within a memory limit, by cutting it into segments and tiles.

A pass can be cut at any blob that everything after it depends on. Each segment between two cuts can run tile by tile.
Early layers have large blobs and small receptive fields, so their tiles overlap little; for late layers the opposite
holds. What a tile's backward pass needs is kept or, if that takes too much memory, computed again. Tiles can also be
faster: their blobs fit into the CPU's caches and into memory that malloc reuses.
"""

from itertools import combinations, product
from math import ceil, inf, prod
from typing import Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

import torch

from ...caffe_format.layer_spec import Shape
from .allocator import LARGEST
from .plan import Plan, Step, cuts
from .segment import Segment
from .tiled_segment import TiledSegment
from .tiles import ReceptiveField, make_tiles, receptive_fields

# Costs on a CPU, measured, in multiplications of a convolution as its formula has them. Only their proportions matter.
_NUMBER = 100  # per number of a blob: everything except convolutions
_FRESH = 230  # added per number if the blob lies in memory that is fresh from the system
_AGAIN = 0.4  # share of a step that its forward pass takes: the price of computing it again
_MAX_CUTS = 3
_MAX_PLACES = 15  # where cuts are tried; the search takes time cubic in it, and no known net has more
_SLACK = 2.2  # memory that the allocator takes by the size of a tile's blobs, measured
_EXTRA = 3 * 2**27  # bytes that it takes in addition where tiles are computed again: up to a third of all, measured

Grid = Tuple[int, int]  # rows and columns of tiles
_WHOLE = (1, 1)


class Tiling(NamedTuple):
    """The segments of a pass, in order, and the peak of its memory in bytes."""

    segments: List[TiledSegment]
    max_bytes: int


class _Choice(NamedTuple):
    """One way to run one segment."""

    first: int  # step
    last: int
    grid: Grid
    keep: bool


class _Piece(NamedTuple):
    """A candidate segment, with its figures when it runs as a whole."""

    segment: Segment
    source: Shape
    top: Shape
    receptive_fields: Optional[Tuple[ReceptiveField, ReceptiveField]]  # None if it cannot be cut into tiles
    max_bytes: int
    tape_bytes: int
    products: int
    blobs: List[Tuple[int, int]]  # how many numbers and bytes the tops of each step have

    def share(self, grid: Grid) -> float:
        """The size of the largest tile's source, as a share of the whole source."""
        if grid == _WHOLE or not self.receptive_fields:
            return 1.0
        lengths = (
            reach.length(ceil(size / count)) for reach, size, count in zip(self.receptive_fields, self.top[2:], grid)
        )
        return prod(min(length / whole, 1.0) for length, whole in zip(lengths, self.source[2:]))


class TilingSearch:
    """Finds the tilings of one plan for one picture size.

    Args:
        plan: the steps.
        shapes: of every blob at this size.
        inputs: the net's, the picture first.
        dtype, device: of the blobs.
    """

    def __init__(
        self,
        plan: Plan,
        shapes: Mapping[str, Shape],
        inputs: Sequence[str],
        dtype: torch.dtype,
        device: torch.device,
    ):
        self._plan, self._shapes, self._dtype, self._device = plan, shapes, dtype, device
        self._starts = {0: inputs[0], **self._low(cuts(plan))}
        self._pieces: Dict[Tuple[int, int], _Piece] = {}
        self._found: Dict[float, Optional[Tiling]] = {}  # by limit
        self._min_bytes: Optional[int] = None  # once it has been searched for
        # The end blobs: data and diff in float32 or better, and one copy in the engine's precision.
        bytes_of_one = 2 * max(dtype.itemsize, 4) + dtype.itemsize
        self._ends = bytes_of_one * sum(prod(shapes[name]) for name in plan.tops)

    def within(self, max_bytes: Optional[int] = None) -> Optional[Tiling]:
        """The fastest tiling that uses at most `max_bytes`. None if there is none."""
        limit = inf if max_bytes is None else max_bytes
        if limit not in self._found:
            best = min(self._all(limit), key=lambda found: found[0], default=None)
            self._found[limit] = best and Tiling([self._segment(choice) for choice in best[2]], best[1])
        return self._found[limit]

    def min_bytes(self) -> int:
        """The smallest number of bytes for which there is a tiling."""
        if self._min_bytes is None:
            self._min_bytes = self._search_min_bytes()
        return self._min_bytes

    def _search_min_bytes(self) -> int:
        fastest = self.within()
        assert fastest
        too_few, enough = 0, fastest.max_bytes
        while enough - too_few > 2**20:
            middle = (too_few + enough) // 2
            too_few, enough = (too_few, middle) if any(True for _ in self._all(middle)) else (middle, enough)
        return enough

    def _all(self, limit: float) -> Iterator[Tuple[float, int, List[_Choice]]]:
        """All tilings within `limit` bytes: their work, their bytes, and the choice for each segment."""
        starts, end = sorted(self._starts), len(self._plan.steps)
        for count in range(_MAX_CUTS + 1):
            for places in combinations(starts[1:], count):
                ranges = list(zip((0, *places), (*places, end)))
                for keeps in product((True, False), repeat=len(ranges)):
                    found = self._try(ranges, keeps, limit)
                    if found:
                        yield found

    def _try(
        self, ranges: Sequence[Tuple[int, int]], keeps: Sequence[bool], limit: float
    ) -> Optional[Tuple[float, int, List[_Choice]]]:
        work, taken, choices = 0.0, 0, []
        extra = 0 if all(keeps) else int(min(_EXTRA, limit / 3))
        held = self._ends  # held while a segment runs backward: the ends, and the sources of this and earlier segments
        for (first, last), keep in zip(ranges, keeps):
            piece = self._piece(first, last)
            diffs = 0 if last == len(self._plan.steps) else self._bytes(self._starts[last])
            if first:
                held += self._bytes(self._starts[first])
                diffs += self._bytes(self._starts[first])
            tapes = piece.tape_bytes if keep else 0
            grid = self._grid(piece, limit - extra - held - diffs - tapes, keep)
            if not grid:
                return None
            inside = tapes if grid == _WHOLE else 0  # the part of the tapes that max_bytes includes already
            taken = max(taken, held + diffs + tapes - inside + int(piece.share(grid) * piece.max_bytes))
            held += tapes
            work += self._work(piece, grid, keep)
            choices.append(_Choice(first, last, grid, keep))
        return work, taken + extra, choices

    def _grid(self, piece: _Piece, limit: float, keep: bool) -> Optional[Grid]:
        """The fastest grid whose tiles use at most `limit` bytes each: the whole, or one of two tile sizes."""
        grids = [_WHOLE] if piece.max_bytes - (piece.tape_bytes if keep else 0) <= limit else []
        if piece.receptive_fields:
            max_share = max(limit, 1) / piece.max_bytes
            largest = max(size for _, size in piece.blobs)
            grids += filter(
                None, (_least_overlap(piece, share) for share in (max_share, min(max_share, LARGEST / largest)))
            )
        return min(grids, key=lambda grid: self._work(piece, grid, keep), default=None)

    def _work(self, piece: _Piece, grid: Grid, keep: bool) -> float:
        fresh = _FRESH if self._device.type == "cpu" else 0

        def moved(blobs: Sequence[Tuple[int, int]], share: float) -> float:
            return sum(numbers * (_NUMBER + (fresh if share * size > LARGEST else 0)) for numbers, size in blobs)

        share = piece.share(grid)
        work = (piece.products + moved(piece.blobs, share)) * share * prod(grid) * (1 if keep else 1 + _AGAIN)
        return work if grid == _WHOLE else work + moved(piece.blobs[-1:], 1)  # copies the parts into whole tops

    def _segment(self, choice: _Choice) -> TiledSegment:
        piece = self._piece(choice.first, choice.last)
        tiles = []
        if piece.receptive_fields and choice.grid != _WHOLE:
            tiles = make_tiles(piece.receptive_fields, piece.source, piece.top, choice.grid)
        return TiledSegment(piece.segment, self._starts[choice.first], tiles, choice.keep)

    def _low(self, places: Dict[int, str]) -> Dict[int, str]:
        """The cuts at local minima: blobs smaller than the one before and no larger than the one after."""
        places = {place: blob for place, blob in places.items() if len(self._shapes[blob]) == 4}
        sizes = [inf, *map(self._bytes, places.values()), inf]
        low = [before > size <= behind for before, size, behind in zip(sizes, sizes[1:], sizes[2:])]
        found = {place: blob for (place, blob), is_low in zip(places.items(), low) if is_low}
        lowest = sorted(found, key=lambda place: self._bytes(found[place]))[:_MAX_PLACES]
        return {place: found[place] for place in sorted(lowest)}

    def _bytes(self, blob: str) -> int:
        return prod(self._shapes[blob]) * self._dtype.itemsize

    def _piece(self, first: int, last: int) -> _Piece:
        if (first, last) not in self._pieces:
            steps = self._plan.steps[first:last]
            tops = self._plan.tops if last == len(self._plan.steps) else (self._starts[last],)
            segment = Segment(steps, tops)
            peak, tape = segment.memory(self._shapes, self._dtype, self._device)
            self._pieces[first, last] = _Piece(
                segment,
                self._shapes[self._starts[first]],
                self._shapes[tops[0]],
                receptive_fields(steps, self._starts[first], tops, self._shapes),
                int(peak * _SLACK),
                int(tape * _SLACK),
                sum(self._products(step) for step in steps),
                [(prod(self._shapes[name]), self._bytes(name)) for step in steps for name in step.tops[:1]],
            )
        return self._pieces[first, last]

    def _products(self, step: Step) -> int:
        """How many multiplications a step needs, if it is a convolution."""
        if step.layer.spec.type != "Convolution":
            return 0
        return step.layer.params[0].numel() * prod(self._shapes[step.tops[0]][2:])


def _least_overlap(piece: _Piece, max_share: float) -> Optional[Grid]:
    """The grid with the least overlap among those whose tiles are at most `max_share` of the whole."""
    height, columns = piece.top[2:]
    found = []
    for rows in range(1, min(height, 4 * ceil(max_share**-0.5)) + 1):  # more rows need fewer columns
        while columns and piece.share((rows, columns)) <= max_share:
            found.append((rows * columns * piece.share((rows, columns)), (rows, columns)))
            columns -= 1
    return min(found)[1] if found else None
