"""Interlaced frames, each two pictures line by line -> whole pictures, without the combs where something moves."""

from collections import deque
from fractions import Fraction
from typing import Any, Deque, Iterable, Iterator, Optional, Tuple

from .decode import Damage
from .film import pyav

# Each frame that is marked as interlaced becomes one picture; others are left alone.
_SETTINGS = "mode=send_frame:deint=interlaced"

Timed = Tuple[Fraction, Any]


def is_possible() -> bool:
    """Whether this FFmpeg has the filter."""
    return "bwdif" in pyav().filter.filters_available


def deinterlaced(frames: Iterable[Timed]) -> Iterator[Timed]:
    """The same frames at the same times, (seconds, av.VideoFrame), brought through FFmpeg's bwdif where interlaced.

    It looks at the frame before and the one after, so from the first interlaced frame on each comes one later. None in
    the place of a frame marks the end.
    """
    filtered: Optional[_Filter] = None
    try:
        for time, frame in frames:
            if filtered and (frame is None or not filtered.takes(frame)):
                yield from filtered.rest()
                filtered = None
            if frame is not None and not filtered and frame.interlaced_frame:
                filtered = _Filter(frame)
            if filtered:
                yield from filtered.put(time, frame)
            else:
                yield time, frame
    except Damage:
        if filtered:
            yield from filtered.rest()
        raise


class _Filter:
    """bwdif for frames of one size and format."""

    def __init__(self, frame: Any):
        self._kind = _kind(frame)
        self._times: Deque[Fraction] = deque()  # of frames that are still to come out, in the same order
        self._graph = pyav().filter.Graph()
        self._count, self._latest = 0, frame
        # The filter halves the time base, so the times are kept here, and it counts the frames.
        width, height, name = self._kind
        source = self._graph.add_buffer(width=width, height=height, format=name, time_base=Fraction(1))
        bwdif, sink = self._graph.add("bwdif", _SETTINGS), self._graph.add("buffersink")
        source.link_to(bwdif)
        bwdif.link_to(sink)
        self._graph.configure()

    def takes(self, frame: Any) -> bool:
        return _kind(frame) == self._kind

    def put(self, time: Fraction, frame: Any) -> Iterator[Timed]:
        self._times.append(time)
        frame.pts, frame.time_base = self._count, Fraction(1)
        self._count += 1
        self._graph.push(frame)
        self._latest = frame
        return self._pulled()

    def rest(self) -> Iterator[Timed]:
        if self._count == 1:  # alone it would be left as it is; of its copy, nothing is asked
            self._latest.pts = 1
            self._graph.push(self._latest)
        self._graph.push(None)
        return self._pulled()

    def _pulled(self) -> Iterator[Timed]:
        av = pyav()
        while self._times:
            try:
                frame = self._graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
            yield self._times.popleft(), frame


def _kind(frame: Any) -> Tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
