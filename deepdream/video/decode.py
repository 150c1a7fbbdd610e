"""Decodes the frames of a film's file packet by packet, up to the first damaged one."""

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Iterator, List, Optional, Tuple, Union

from .clock import Clock
from .film import TimeRange, pyav
from .probe import Survey, check_size, opened, pictures_of
from .truncation import is_cut_short

if TYPE_CHECKING:
    import av
    import av.container

Timed = Tuple[Fraction, Optional["av.VideoFrame"]]  # seconds since the beginning of the film; None at its end

_SEEKING = ("mp4", "matroska")  # parts of the names of formats whose index says where the key frames are
_JOIN = 4  # frames before another recording: FFmpeg reports one of them as damaged, whether or not it is
_BEFORE = 1  # second to seek further back, because an index may refer to decoding times


class Damage(Exception):
    """The film is damaged from here on.

    time: seconds since the beginning of the film.
    """

    def __init__(self, time: Fraction, detail: str):
        super().__init__(detail)
        self.time = time


class _Unsure(Exception):
    """After a seek, the frames are not certain to be correct."""


def decoded(source: str, span: TimeRange, known: Survey) -> Iterator[Timed]:
    """Yield (time, frame) for each frame in the span, then (end, None).

    Times are seconds since the beginning of the film and strictly increase.
    Raises Damage at the first damaged frame in the span, DreamError at a frame that is too large.
    """
    if span.start > _BEFORE:
        try:
            yield from _Pass(source, span, known, seek=True).run()
        except _Unsure:  # always raised before the first frame is yielded
            pass
        else:
            return
    yield from _Pass(source, span, known, seek=False).run()


class _Pass:
    """One pass through the film; run() yields what `decoded` does.

    seek: whether to begin at a key frame before the span instead of at the beginning of the film.
    """

    def __init__(self, source: str, span: TimeRange, known: Survey, seek: bool):
        self._source, self._span, self._known, self._seek = source, span, known, seek
        self._step = 1 / known.rate
        self._time: Optional[Fraction] = None  # of the previous frame
        self._sure: Optional[Fraction] = None  # no later packet is shown before this time
        self._repeated = Fraction(0)  # when a repeated frame ends
        self._begun = False  # whether there has been an intact frame
        self._whole: Optional[Fraction] = None  # time of the last intact frame
        self._broken = False  # whether frames depend on a damaged one, until the next key frame
        self._is_join = False  # whether that damage lies where two recordings meet

    def run(self) -> Iterator[Timed]:
        with opened(self._source) as container:
            stream = pictures_of(container, self._source)
            packets, coder = self._packets(container, stream), self._decoder(stream)
            if self._seek:
                self._go_back(container, stream)
            file_size = _size_if_cut(self._source)
            while True:
                packet, frames, fault = self._next(packets, coder, file_size)
                if packet is not None and packet.dts is not None:
                    self._sure = packet.dts * self._known.time_base - self._known.origin
                ends = bool(fault) and self._ends(self._stamp(packet), packet is None or packet.is_keyframe)
                for frame in self._held(coder, packet) if ends else frames:
                    self._time = self._following() if self._known.is_counted else self._stamp(frame)
                    if self._span.is_over(self._time):
                        yield self._time, None
                        return
                    if self._is_whole(frame, self._time) and self._time >= self._span.start:
                        check_size(self._source, frame)
                        yield self._time, frame
                if ends and not self._span.is_over(self._stamp(packet)):
                    raise Damage(self._stamp(packet), fault)
                if ends or packet is None:
                    break
        end = Fraction(0) if self._time is None else max(self._time + self._known.last, self._repeated)
        if self._known.is_short and not ends and not self._span.is_over(end):
            raise Damage(end, "what follows cannot be read")
        yield end, None

    def _packets(self, container: "av.container.InputContainer", stream: "av.VideoStream") -> Iterator["av.Packet"]:
        clock = Clock(container, stream)
        for packet in container.demux(stream):
            clock.set(packet)
            yield packet

    def _decoder(self, stream: "av.VideoStream") -> "av.VideoCodecContext":
        name = self._known.alpha_decoder
        return pyav().CodecContext.create(name, "r") if name else stream.codec_context

    def _next(
        self, packets: Iterator["av.Packet"], coder: "av.VideoCodecContext", file_size: Optional[int]
    ) -> Tuple[Optional["av.Packet"], List["av.VideoFrame"], str]:
        """Return (packet, the frames it completes, what is wrong with it).

        The packet is None at the end of the film, or if it cannot be read.
        file_size: size in bytes of a truncated file; None for any other file.
        """
        av = pyav()
        packet = None
        try:
            packet = next(packets)
            if not packet.size and packet.pts is not None:  # in Theora, this repeats the previous frame
                self._repeated = self._stamp(packet) + (packet.duration or 0) * self._known.time_base
                return packet, [], ""
            if file_size is not None and not packet.size:  # the empty packet that ends a stream
                return None, [], "the file ends there"
            # FFmpeg returns what is left of the last packet, and not every decoder reports an error for it.
            reaches_end = file_size is not None and packet.pos is not None and packet.pos + packet.size >= file_size
            if reaches_end or (packet.is_corrupt and not self._meets_another(self._stamp(packet))):
                return packet, [], "a frame is cut short"
            return packet, coder.decode(packet), ""
        except (StopIteration, av.EOFError):
            return None, [], ""
        except av.FFmpegError as error:
            return packet, [], error.strerror

    def _meets_another(self, time: Fraction) -> bool:
        """Whether two recordings meet near that time."""
        return self._is_new(time) or any(0 < join - time <= _JOIN * self._step for join in self._known.joins)

    def _is_new(self, time: Fraction) -> bool:
        """Whether another recording has begun by that time, without an intact frame so far."""
        return self._whole is not None and any(self._whole < join <= time for join in self._known.joins)

    def _held(self, coder: "av.VideoCodecContext", damaged: Optional["av.Packet"]) -> List["av.VideoFrame"]:
        """Flush the decoder: return the frames it got before a damaged packet, up to the first gap.

        Decoding order differs from display order, but no frame is shown before the decoding time of its packet.
        """
        try:
            frames = list(coder.decode(None))
        except pyav().FFmpegError:
            return []
        whole: List[av.VideoFrame] = []
        before = self._time
        for frame in frames:
            time = self._stamp(frame)
            follows = before is not None and time - before < self._step * 3 / 2
            if damaged is not None and time >= self._stamp(damaged):
                break
            if not follows and self._sure is not None and time > self._sure:
                break
            whole.append(frame)
            before = time
        return whole

    def _go_back(self, container: "av.container.InputContainer", stream: "av.VideoStream") -> None:
        if self._known.joins or not any(name in container.format.name for name in _SEEKING):
            raise _Unsure
        place = int((self._span.start - _BEFORE + self._known.origin) / self._known.time_base)
        try:
            container.seek(place, stream=stream)
        except pyav().FFmpegError:
            raise _Unsure from None

    def _stamp(self, thing: Union["av.Packet", "av.VideoFrame", None]) -> Fraction:
        """The time of a packet or a frame. If it has none, or one before the previous frame, it follows that frame."""
        before, time_base = self._time, self._known.time_base
        stamp = getattr(thing, "pts", None)
        if stamp is None:
            stamp = getattr(thing, "dts", None)
        if stamp is not None:
            time = stamp * time_base - self._known.origin
            return time if before is None or time > before else before + time_base
        return self._following()

    def _following(self) -> Fraction:
        """The time one frame after the previous frame."""
        before, time_base = self._time, self._known.time_base
        if before is None:
            return Fraction(0)
        return before + max(1, round(self._step / time_base)) * time_base

    def _ends(self, at: Fraction, is_key: bool) -> bool:
        """Whether damage at that time ends the film; before the span or the first key frame, decoding continues.

        A recording may begin and end anywhere; if so, what precedes its first key frame cannot be decoded.
        """
        begun = self._begun or is_key
        if begun and (self._is_join or self._meets_another(at)):
            self._broken = self._is_join = True
            return False
        if at >= self._span.start and begun:
            return True
        if self._seek:
            raise _Unsure
        self._broken = self._broken or begun
        return False

    def _is_whole(self, frame: "av.VideoFrame", at: Fraction) -> bool:
        if self._is_new(at) and not frame.key_frame:  # it refers to a missing frame, or to the previous recording
            self._broken = self._is_join = True
        if frame.is_corrupt or (self._broken and not frame.key_frame):
            if self._ends(at, self._broken or frame.key_frame):
                raise Damage(at, "a frame is broken")
            return False
        if self._seek and not self._begun and not (frame.key_frame and at <= self._span.start):
            raise _Unsure
        self._begun, self._broken, self._is_join, self._whole = True, False, False, at
        return True


def _size_if_cut(source: str) -> Optional[int]:
    return Path(source).stat().st_size if is_cut_short(source) else None
