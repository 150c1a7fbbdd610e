"""Keeps times increasing in a file that holds several recordings, each of which has times of its own.

Transport streams are joined by simple concatenation, and so are other files now and then. The times of the second
recording may lie before those of the first, or hours after them.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, Dict, List, Optional

if TYPE_CHECKING:
    import av
    import av.container

_BACK = Fraction(1, 10)  # seconds; within one recording, no stream jumps back further than this
_AHEAD = 10  # seconds, in formats whose times may jump; the ffmpeg program also treats more as a discontinuity


class Clock:
    """Shifts the packets of one file, in the order they are stored in, so that the times of no stream restart.

    The video stream decides where another recording begins, and that recording is placed after the last frame so far.
    The sound is shifted by the same amount.

    pictures: the video stream.
    """

    def __init__(self, container: "av.container.InputContainer", pictures: "av.VideoStream"):
        self._jumps = "mpeg" in container.format.name  # transport and program streams
        self._pictures = pictures.index
        self._shifts: List[Fraction] = [Fraction(0)]  # seconds, of each recording
        self._now: Dict[int, int] = {}  # the recording that each stream has reached
        self._last: Dict[int, Fraction] = {}  # the last decoding time of each stream, as stored
        self._end: Optional[Fraction] = None  # when the last frame so far ends, after shifting

    def recording(self, stream: int) -> int:
        """The index of the recording that a stream has reached, counted from 0."""
        return self._now.get(stream, 0)

    def set(self, packet: "av.Packet") -> bool:
        """Shift the times of the next packet. Returns False for sound of a recording whose video has not begun."""
        stream, time_base = packet.stream_index, packet.time_base
        order = packet.pts if packet.dts is None else packet.dts
        is_picture = stream == self._pictures
        if order is None or not (is_picture or packet.stream.type == "audio"):
            return True
        time, shown = order * time_base, (order if packet.pts is None else packet.pts) * time_base
        now = self._now.setdefault(stream, len(self._shifts) - 1)
        is_back, is_ahead = self._is_back(stream, time), self._is_ahead(stream, time)
        if is_picture and (is_back or is_ahead):
            self._shifts.append((self._end or Fraction(0)) - shown)
        # True if the sound jumps before the video does: it may belong to a recording whose video has not begun.
        is_first = (is_back or is_ahead) and now + 1 == len(self._shifts)
        if is_first and (is_back or self._is_ahead(self._pictures, time)):
            return False
        if (is_back or is_ahead) and not is_first:
            self._now[stream] += 1
            del self._last[stream]
        shift = self._shifts[self._now[stream]]
        if packet.dts is not None:
            self._last[stream] = time
            packet.dts += round(shift / time_base)
        if packet.pts is not None:
            packet.pts += round(shift / time_base)
        if is_picture:
            end = shown + shift + (packet.duration or 0) * time_base
            self._end = end if self._end is None else max(self._end, end)
        return True

    def _is_back(self, stream: int, time: Fraction) -> bool:
        last = self._last.get(stream)
        return last is not None and time < last - _BACK

    def _is_ahead(self, stream: int, time: Fraction) -> bool:
        last = self._last.get(stream)
        return self._jumps and last is not None and time > last + _AHEAD
