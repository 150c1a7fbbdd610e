"""Deinterlaces frames that hold two pictures in alternating lines, which show as combs where something moves."""

from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, Deque, Iterable, Iterator, Optional, Tuple, cast

from .decode import Damage, Timed
from .film import pyav

if TYPE_CHECKING:
    import av
    import av.filter

# Each frame that is marked as interlaced becomes one picture; other frames are left alone.
_SETTINGS = "mode=send_frame:deint=interlaced"


def is_possible() -> bool:
    """Whether this FFmpeg has the bwdif filter."""
    return "bwdif" in pyav().filter.filters_available


def deinterlaced(frames: Iterable[Timed]) -> Iterator[Timed]:
    """Yield the same frames at the same times, (seconds, frame), with interlaced ones passed through bwdif.

    The filter looks at the frames before and after each one, so from the first interlaced frame on, output lags one
    frame behind input. None instead of a frame marks the end.
    """
    filtered: Optional[_Filter] = None
    try:
        for time, frame in frames:
            if filtered and (frame is None or not filtered.takes(frame)):
                yield from filtered.rest()
                filtered = None
            if frame is not None and not filtered and frame.interlaced_frame:
                filtered = _Filter(frame)
            if filtered and frame is not None:
                yield from filtered.put(time, frame)
            else:
                yield time, frame
    except Damage:
        if filtered:
            yield from filtered.rest()
        raise


class _Filter:
    """FFmpeg's bwdif filter for frames of one size and format."""

    def __init__(self, frame: "av.VideoFrame"):
        self._kind = _kind(frame)
        self._times: Deque[Fraction] = deque()  # of the frames still in the filter, in order
        self._graph: av.filter.Graph = pyav().filter.Graph()
        self._count, self._latest = 0, frame
        # The filter halves the time base, so the times are kept here and it only gets frame numbers.
        width, height, name = self._kind
        source = self._graph.add_buffer(width=width, height=height, format=name, time_base=Fraction(1))
        bwdif, sink = self._graph.add("bwdif", _SETTINGS), self._graph.add("buffersink")
        source.link_to(bwdif)
        bwdif.link_to(sink)
        self._graph.configure()

    def takes(self, frame: "av.VideoFrame") -> bool:
        return _kind(frame) == self._kind

    def put(self, time: Fraction, frame: "av.VideoFrame") -> Iterator[Timed]:
        self._times.append(time)
        frame.pts, frame.time_base = self._count, Fraction(1)
        self._count += 1
        self._graph.push(frame)
        self._latest = frame
        return self._pulled()

    def rest(self) -> Iterator[Timed]:
        if self._count == 1:  # bwdif leaves a single frame as it is, so add a copy, whose output is not used
            self._latest.pts = 1
            self._graph.push(self._latest)
        self._graph.push(None)
        return self._pulled()

    def _pulled(self) -> Iterator[Timed]:
        drained = pyav().BlockingIOError, pyav().EOFError
        while self._times:
            try:
                frame = cast("av.VideoFrame", self._graph.pull())
            except drained:
                return
            yield self._times.popleft(), frame


def _kind(frame: "av.VideoFrame") -> Tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
