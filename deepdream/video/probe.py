"""Finds out what a film's file contains by reading its packets, without decoding them."""

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Dict, Iterator, List, Optional, Sequence, Union, cast

from PIL import Image

from ..errors import DreamError
from .clock import Clock
from .film import TimeRange, beginning, pyav
from .truncation import is_cut_short

if TYPE_CHECKING:
    import av
    import av.container
    import av.stream

_SHORT = Fraction(1)  # second
_BREAK = Fraction(1, 2)  # second; files often state a track's length wrongly by less than this
_COVER = 0x400  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


@dataclass(frozen=True)
class Survey:
    """What the packets say about a film.

    count: number of frames in the span. length: of the whole film, in seconds. rate: frames per second, on average.
    last: duration of the last frame in the span. origin: first time in the file, in the times of the stream.
    aspect, primaries, transfer: see film.VideoFormat. has_sound: whether the file has any audio stream.
    alpha_decoder: name of a decoder that keeps the film's transparency if the default one drops it; otherwise empty.
    sound_ends: the earliest time in seconds at which an audio track breaks off; None if none does.
    joins: times in seconds at which another recording begins in the same file.
    is_short: whether the file claims to last longer than its packets do.
    is_counted: whether times must come from counting frames, because the format stores none and reorders packets.
    """

    count: int
    length: Fraction
    rate: Fraction
    last: Fraction
    origin: Fraction
    time_base: Fraction
    aspect: Fraction
    primaries: int
    transfer: int
    has_sound: bool
    sound_ends: Optional[Fraction]
    alpha_decoder: str
    joins: Sequence[Fraction]
    is_short: bool
    is_counted: bool


@contextlib.contextmanager
def opened(source: str) -> Iterator["av.container.InputContainer"]:
    """Open a file. Raises DreamError if it is not a film."""
    av = pyav()
    try:
        # Take a colon or a % in the name literally.
        literal = {"pattern_type": "none"}
        container = av.open(f"file:{source}", container_options=literal, metadata_errors="replace")
    except av.FFmpegError as error:
        if isinstance(error, FileNotFoundError):
            raise DreamError(f"there is no file {source}: check the path") from None
        if isinstance(error, OSError):
            raise DreamError(f"{source} cannot be read ({error.strerror}): check it and its permissions") from None
        if is_cut_short(source):
            raise DreamError(f"{source} is cut short too early to be read: download or export it again") from None
        raise DreamError(f"{source} is not a film in a supported format: convert it to MP4 or WebM first") from None
    with container:
        yield container


def survey(source: str, span: TimeRange) -> Survey:
    """Go through the packets without decoding them. Raises DreamError if there is no video that can be decoded."""
    av = pyav()
    with opened(source) as container:
        stream = pictures_of(container, source)
        check_size(source, stream.codec_context)
        time_base, origin = time_base_of(stream), _origin(container, stream)
        usual = stream.average_rate or stream.guessed_rate or Fraction(25)
        count, length, duration, first, latest = 0, Fraction(0), 1 / usual, Fraction(0), Fraction(-1)
        others, clock = Fraction(0), Clock(container, stream)
        joins: List[Fraction] = []
        tracks = _Tracks(origin)
        with contextlib.suppress(av.FFmpegError):  # count what comes before the damage
            for packet in container.demux():
                clock.set(packet)
                if not packet.size or packet.is_discard:
                    continue
                if packet.stream_index != stream.index:
                    others = max(others, _end(packet, origin))
                    tracks.take(packet)
                    continue
                stamp = packet.dts if packet.pts is None else packet.pts
                time = length if stamp is None else stamp * time_base - origin
                lasts = packet.duration * time_base if packet.duration else 1 / usual
                if clock.recording(stream.index) > len(joins):
                    joins.append(time)
                length = max(length, time + lasts)
                if span.holds(time):
                    first = min(first, time) if count else time
                    if not count or time >= latest:
                        latest, duration = time, lasts
                    count += 1
        rate = _mean_rate(count, latest - first, usual)
        if duration < 1 / (10 * rate):  # FFmpeg up to 7 reports the duration of an MP4's shortest frame for all
            duration = 1 / rate
        coder = stream.codec_context
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        return Survey(
            count=count,
            length=length,
            rate=rate,
            last=duration,
            origin=origin,
            time_base=time_base,
            aspect=aspect if aspect > 0 else Fraction(1),
            primaries=coder.color_primaries,
            transfer=coder.color_trc,
            has_sound=bool(container.streams.audio),
            sound_ends=None if joins else tracks.break_off(container),
            alpha_decoder=_alpha_decoder(stream),
            joins=joins,
            is_short=_promised(container) > max(length, others) + origin + _SHORT,
            is_counted="avi" in container.format.name and bool(coder.has_b_frames),
        )


class _Tracks:
    """The audio tracks of a film. origin: its first time, in seconds."""

    def __init__(self, origin: Fraction):
        self._origin = origin
        self._ends: Dict[int, Fraction] = {}  # when each track ends, so far
        self._broken: List[Fraction] = []

    def take(self, packet: "av.Packet") -> None:
        if packet.stream.type == "audio":
            before = self._ends.get(packet.stream_index, Fraction(0))
            if packet.is_corrupt:
                self._broken.append(before)
            self._ends[packet.stream_index] = max(before, _end(packet, self._origin))

    def break_off(self, container: "av.container.InputContainer") -> Optional[Fraction]:
        """The earliest time at which a track breaks off, because it is damaged or, in MP4, shorter than stated."""
        broken = list(self._broken)
        # For other formats, FFmpeg guesses the length of a track.
        for stream in container.streams.audio if "mp4" in container.format.name else ():
            end = self._ends.get(stream.index, Fraction(0))
            promised = ((stream.start_time or 0) + (stream.duration or 0)) * time_base_of(stream) - self._origin
            if promised > end + _BREAK:
                broken.append(end)
        return min(broken, default=None)


def _end(packet: "av.Packet", origin: Fraction) -> Fraction:
    """When a packet of any stream ends; 0 if it has no time."""
    stamp = packet.dts if packet.pts is None else packet.pts
    return Fraction(0) if stamp is None else (stamp + (packet.duration or 0)) * packet.time_base - origin


def _promised(container: "av.container.InputContainer") -> Fraction:
    """The duration in seconds that a Matroska or WebM file states; 0 for other formats, which do not state one.

    The file's times need not begin at 0. If it holds several recordings, this is the duration of the first.
    """
    if "matroska" not in container.format.name:
        return Fraction(0)
    return Fraction(container.duration or 0, 1_000_000)


def _mean_rate(count: int, seconds: Fraction, usual: Fraction) -> Fraction:
    """The average frame rate, or `usual`, which the file states, if they are close. seconds: first to last frame."""
    mean = (count - 1) / seconds if seconds > 0 else usual
    return usual if abs(mean - usual) < usual / 200 else mean


def pictures_of(container: "av.container.InputContainer", source: str) -> "av.VideoStream":
    """The first video stream that is not cover art. Raises DreamError if there is none, or no decoder for it."""
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams:
        raise DreamError(f"{source} has no video, only sound or other data: choose a film")
    if streams[0].codec_context is None:
        raise DreamError(f"{source} is in a codec that this PyAV cannot decode: convert it to MP4 or WebM first")
    return streams[0]


def _alpha_decoder(stream: "av.VideoStream") -> str:
    """A decoder that keeps the alpha channel of WebM, which FFmpeg's native VP8 and VP9 decoders drop; else empty."""
    return _ALPHA_DECODERS.get(stream.codec_context.name, "") if stream.metadata.get("alpha_mode") == "1" else ""


def _is_cover(stream: "av.VideoStream") -> bool:
    disposition = getattr(stream, "disposition", None)  # PyAV 12 lacks it and treats a cover as a one-frame film
    return disposition is not None and bool(disposition.value & _COVER)


def time_base_of(stream: "av.stream.Stream") -> Fraction:
    """The time base in seconds, which FFmpeg gives every stream of a file that it reads."""
    return cast(Fraction, stream.time_base)


def _origin(container: "av.container.InputContainer", stream: "av.VideoStream") -> Fraction:
    """The first time of the film, rounded to the stream's time base."""
    time_base = time_base_of(stream)
    return Fraction(round(beginning(container) / time_base) * time_base)


def check_size(source: str, thing: Union["av.VideoFrame", "av.VideoCodecContext"]) -> None:
    """Raise DreamError if a frame or a decoder has more pixels than the limit for pictures."""
    limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
    if limit and thing.width * thing.height > limit:
        raise DreamError(f"{source} has frames of more than {limit} pixels, the limit: shrink it first")
