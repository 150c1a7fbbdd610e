"""Times that go on where a file's own start again: two recordings in one file, one behind the other.

Transport streams are joined by writing one behind the other, and so are other files now and then. The times of the
second may be before those of the first, or hours later.
"""

from fractions import Fraction
from typing import Any, Dict, List

_BACK = Fraction(1, 10)  # seconds that no stream goes back by itself
_AHEAD = 10  # seconds, in formats whose times may jump: FFmpeg's own program takes more for a new beginning as well


class Clock:
    """Shifts the packets of one file, in the order they are stored in, so that no stream's times start again.

    A new beginning follows the last frame of the recording before. It is the same for pictures and sound: whichever
    comes to it first says how far the times are shifted.

    container: an av.container.InputContainer. pictures: the stream of pictures.
    """

    def __init__(self, container: Any, pictures: Any):
        self._jumps = "mpeg" in container.format.name  # transport and program streams
        self._pictures = pictures.index
        self._shifts: List[Fraction] = [Fraction(0)]  # seconds, of each recording
        self._now: Dict[int, int] = {}  # the recording that each stream has come to
        self._last: Dict[int, Fraction] = {}  # each stream's last time of decoding, as it is stored
        self._end: Dict[int, Fraction] = {}  # when what each stream had so far is over, shifted

    def recording(self, stream: int) -> int:
        """Which recording a stream has come to, from 0 on."""
        return self._now.get(stream, 0)

    def set(self, packet: Any) -> bool:
        """Shift the times of the next packet; False for sound of a recording whose pictures have not begun."""
        stream, time_base = packet.stream_index, packet.time_base
        order = packet.pts if packet.dts is None else packet.dts
        if order is None or (stream != self._pictures and packet.stream.type != "audio"):
            return True
        time, shown = order * time_base, (order if packet.pts is None else packet.pts) * time_base
        if self._is_ahead(stream, time):
            return False
        if self._starts_again(stream, time):
            self._now[stream] += 1
            if self._now[stream] == len(self._shifts):
                self._shifts.append(self._end[stream] - shown)
            self._last.pop(stream)
        shift = self._shifts[self._now.setdefault(stream, len(self._shifts) - 1)]
        if packet.dts is not None:
            self._last[stream] = time
            packet.dts += round(shift / time_base)
        if packet.pts is not None:
            packet.pts += round(shift / time_base)
        end = shown + shift + (packet.duration or 0) * time_base
        self._end[stream] = max(self._end.get(stream, end), end)
        return True

    def _starts_again(self, stream: int, time: Fraction) -> bool:
        """Whether a stream's packet, stored with that time, is the first of another recording."""
        last = self._last.get(stream)
        if last is not None and time < last - _BACK:
            return True
        # Sound may pause for long: it is another recording where the pictures have jumped, too.
        is_told = stream == self._pictures or self._now.get(stream, 0) + 1 < len(self._shifts)
        return self._jumped(stream, time) and is_told

    def _is_ahead(self, stream: int, time: Fraction) -> bool:
        """Whether sound has jumped far ahead of the pictures, which must do so as well before it has its place."""
        if stream == self._pictures or not self._jumped(stream, time) or self._starts_again(stream, time):
            return False
        last = self._last.get(self._pictures)
        return last is not None and time > last + _AHEAD

    def _jumped(self, stream: int, time: Fraction) -> bool:
        last = self._last.get(stream)
        return self._jumps and last is not None and time > last + _AHEAD
