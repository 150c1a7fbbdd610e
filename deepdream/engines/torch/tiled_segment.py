"""Runs a segment on one picture, as a whole or tile by tile."""

from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

import torch

from ...caffe_format.layer_spec import Shape
from .layers.base import Tensor
from .segment import Segment, Tape
from .tiles import Tile


def memory_format(dtype: torch.dtype) -> torch.memory_format:
    """Channels last, which is fastest for PyTorch's convolutions, except in float64.

    There the order of summation, and with it the last bits, would depend on the CPU.
    """
    return torch.contiguous_format if dtype == torch.float64 else torch.channels_last


def _laid_out(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=memory_format(tensor.dtype)) if tensor.dim() == 4 else tensor


def _empty(shape: Shape, like: Tensor) -> Tensor:
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=memory_format(like.dtype))


class TiledSegment(NamedTuple):
    """A segment with its source blob and its tiles. Without tiles, it runs as a whole.

    keep: whether to keep the tapes for the backward pass. Otherwise they are computed again, one tile at a time.
    """

    segment: Segment
    source: str
    tiles: List[Tile]
    keep: bool

    def forward(self, sources: Mapping[str, Tensor]) -> Tuple[Dict[str, Tensor], List[Tape]]:
        """The tops, and the tapes for the backward pass, one for each tile."""
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
        """The diffs of the sources for those of the tops. This consumes the tapes, or makes them if there are none.

        into: memory for the diff of the source if the segment runs in tiles. None allocates it.
        """
        if not self.tiles:
            tape = tapes.pop() if tapes else self._tape(None, sources)
            return self.segment.backward(tape, {name: _laid_out(diff) for name, diff in diffs.items()})
        source = sources[self.source]
        total = (torch.empty_like(source) if into is None else into).zero_()
        for tile in reversed(self.tiles):
            tape = tapes.pop() if tapes else self._tape(tile, sources)
            parts = {name: self._part(tile, diff, tape.tops[name]) for name, diff in diffs.items()}
            total[tile.of("source")].add_(self.segment.backward(tape, parts)[self.source])
        return {self.source: total}

    def _forward(
        self, tile: Optional[Tile], sources: Mapping[str, Tensor], keep: bool
    ) -> Tuple[Dict[str, Tensor], Optional[Tape]]:
        """The forward pass of the whole or of one tile, whose tops include a margin."""
        parts = {self.source: sources[self.source][tile.of("source")]} if tile else sources
        return self.segment.forward({name: _laid_out(part) for name, part in parts.items()}, keep)

    def _tape(self, tile: Optional[Tile], sources: Mapping[str, Tensor]) -> Tape:
        tape = self._forward(tile, sources, keep=True)[1]
        assert tape
        return tape

    def _part(self, tile: Tile, diff: Tensor, shape: Shape) -> Tensor:
        """The part of the tops' diff that belongs to the tile, with zeros in the margin."""
        part = _empty(shape, diff).zero_()
        part[tile.of("inside")] = diff[tile.of("top")]
        return part

    def _top_like(self, part: Tensor) -> Tensor:
        """A blob for the tops of all tiles, given the tops of one."""
        last = self.tiles[-1]
        return _empty((*part.shape[:2], last.rows.top.stop, last.columns.top.stop), part)
