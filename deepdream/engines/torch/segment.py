"""A stretch at work on one picture: as a whole, or tile by tile."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

import torch

from ...caffe_format.shapes import Shape
from .layers.base import Tensor
from .stretch import Stretch, Tape
from .tiles import Tile


def memory_format(dtype: torch.dtype) -> torch.memory_format:
    """The convolutions of PyTorch are fastest with the channels innermost.

    In float64 the order of summation would then depend on the processor, and with it the last bits.
    """
    return torch.contiguous_format if dtype == torch.float64 else torch.channels_last


def _laid_out(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=memory_format(tensor.dtype)) if tensor.dim() == 4 else tensor


def _empty(shape: Shape, like: Tensor) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=memory_format(like.dtype))


class Segment(NamedTuple):
    """A stretch, the blob that it starts from, and its tiles: none where it runs as a whole.

    What the way back needs is kept, or computed anew, a tile at a time.
    """

    stretch: Stretch
    source: str
    tiles: List[Tile]
    keep: bool

    def forward(self, sources: Mapping[str, Tensor]) -> Tuple[Dict[str, Tensor], List[Tape]]:
        """The tops, and the tapes kept for the way back, one a tile."""
        if not self.tiles:
            tops, tape = self._forward(None, sources, self.keep)
            return tops, [tape] if tape else []
        tops, tapes = {}, []
        for tile in self.tiles:
            parts, tape = self._forward(tile, sources, self.keep)
            tapes += [tape] if tape else []
            for name, part in parts.items():
                if name not in tops:
                    tops[name] = self._top_like(part)
                tops[name][tile.of("top")] = part[tile.of("inside")]
        return tops, tapes

    def backward(
        self,
        sources: Mapping[str, Tensor],
        tapes: List[Tape],
        diffs: Mapping[str, Tensor],
        into: Optional[Tensor],
    ) -> Dict[str, Tensor]:
        """The sources' diffs for those of the tops; the tapes are used up, or made anew where there are none.

        into: memory for the diff of the tiles' source, which otherwise is made.
        """
        if not self.tiles:
            tape = tapes.pop() if tapes else self._tape(None, sources)
            return self.stretch.backward(tape, {name: _laid_out(diff) for name, diff in diffs.items()})
        source = sources[self.source]
        total = (torch.empty_like(source) if into is None else into).zero_()
        for tile in reversed(self.tiles):
            tape = tapes.pop() if tapes else self._tape(tile, sources)
            parts = {name: self._part(tile, diff, tape.tops[name]) for name, diff in diffs.items()}
            total[tile.of("source")].add_(self.stretch.backward(tape, parts)[self.source])
        return {self.source: total}

    def _forward(
        self, tile: Optional[Tile], sources: Mapping[str, Tensor], keep: bool
    ) -> Tuple[Dict[str, Tensor], Optional[Tape]]:
        """The whole, or one tile, with a margin around what its tops are."""
        parts = {self.source: sources[self.source][tile.of("source")]} if tile else sources
        return self.stretch.forward({name: _laid_out(part) for name, part in parts.items()}, keep)

    def _tape(self, tile: Optional[Tile], sources: Mapping[str, Tensor]) -> Tape:
        tape = self._forward(tile, sources, keep=True)[1]
        assert tape
        return tape

    def _part(self, tile: Tile, diff: Tensor, shape: Shape) -> Tensor:
        """The tile's share of the tops' diff, zero in the margin."""
        part = _empty(shape, diff).zero_()
        part[tile.of("inside")] = diff[tile.of("top")]
        return part

    def _top_like(self, part: Tensor) -> Tensor:
        """A blob for the tops of all tiles, of which this is one's."""
        last = self.tiles[-1]
        return _empty((*part.shape[:2], last.rows.top.stop, last.columns.top.stop), part)
