"""What is in a film's file, as far as its packets tell."""

import contextlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Dict, Iterator, List, Optional, Sequence

from PIL import Image

from ..errors import DreamError
from .clock import Clock
from .film import TimeRange, beginning, pyav
from .truncation import is_cut_short

_SHORT = Fraction(1)  # second
_BREAK = Fraction(1, 2)  # second; shorter, a track's length may well be told wrongly
_COVER = 0x400  # FFmpeg's AV_DISPOSITION_ATTACHED_PIC
_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


@dataclass(frozen=True)
class Survey:
    """What the packets tell of a film.

    count: frames in the span. length: the whole film's, in seconds. rate: frames a second, in the mean. last: the
    duration of the span's last frame. origin: where the file's time begins, in the stream's own. aspect, primaries,
    transfer: see film.Form. has_sound: whether there is any stream of it. alpha_decoder: the name of a decoder that
    gives the film's transparency, where the usual one leaves it out; else empty.
    sound_ends: seconds at which some of the sound breaks off before its end; None where none does.
    joins: seconds at which another recording begins, behind the one before in the same file.
    is_short: whether the file says that it lasts longer than its packets do. is_counted: whether frames can only be
    counted, because the format has no times for them and their packets come in another order.
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
def opened(source: str) -> Iterator[Any]:
    """An av.container.InputContainer. Raises DreamError for what is no film."""
    av = pyav()
    try:
        # So that a colon or a % in the name is only that.
        literal = {"pattern_type": "none"}
        container = av.open(f"file:{source}", container_options=literal, metadata_errors="replace")
    except av.FFmpegError as error:
        if isinstance(error, FileNotFoundError):
            raise DreamError(f"there is no file {source}: check the path") from None
        if isinstance(error, OSError):
            raise DreamError(f"{source} cannot be read ({error.strerror}): check it and its permissions") from None
        if is_cut_short(source):
            raise DreamError(f"{source} is cut short, and what it begins with is not enough: get it anew") from None
        raise DreamError(f"{source} is no film in a format known here: convert it to MP4 or WebM first") from None
    with container:
        yield container


def survey(source: str, span: TimeRange) -> Survey:
    """Go through the packets, without decoding. Raises DreamError where there are no pictures that can be decoded."""
    av = pyav()
    with opened(source) as container:
        stream = pictures_of(container, source)
        check_size(source, stream.codec_context)
        time_base, origin = stream.time_base, _origin(container, stream)
        usual = stream.average_rate or stream.guessed_rate or Fraction(25)
        count, length, duration, first, latest = 0, Fraction(0), 1 / usual, Fraction(0), Fraction(-1)
        others, clock = Fraction(0), Clock(container, stream)
        joins: List[Fraction] = []
        tracks = _Tracks(origin)
        with contextlib.suppress(av.FFmpegError):  # what comes before the damage is counted
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
        if duration < 1 / (10 * rate):  # FFmpeg up to 7 takes an MP4's shortest frame for all of them
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
    """The sound of a film. origin: where its time begins, in seconds."""

    def __init__(self, origin: Fraction):
        self._origin = origin
        self._ends: Dict[int, Fraction] = {}  # until when each track is heard
        self._broken: List[Fraction] = []

    def take(self, packet: Any) -> None:
        if packet.stream.type == "audio":
            before = self._ends.get(packet.stream_index, Fraction(0))
            if packet.is_corrupt:
                self._broken.append(before)
            self._ends[packet.stream_index] = max(before, _end(packet, self._origin))

    def break_off(self, container: Any) -> Optional[Fraction]:
        """When the first track does, because it is damaged or, in an MP4, shorter than it says."""
        broken = list(self._broken)
        for stream in container.streams.audio if "mp4" in container.format.name else ():  # FFmpeg guesses it for others
            end = self._ends.get(stream.index, Fraction(0))
            promised = ((stream.start_time or 0) + (stream.duration or 0)) * stream.time_base - self._origin
            if promised > end + _BREAK:
                broken.append(end)
        return min(broken, default=None)


def _end(packet: Any, origin: Fraction) -> Fraction:
    """When a packet of whatever stream is over; 0 if it does not say."""
    stamp = packet.dts if packet.pts is None else packet.pts
    return Fraction(0) if stamp is None else (stamp + (packet.duration or 0)) * packet.time_base - origin


def _promised(container: Any) -> Fraction:
    """When a Matroska or WebM file says that it ends, in seconds, of which not all begin at 0; others do not say it.

    A file of several recordings says it of the first.
    """
    if "matroska" not in container.format.name:
        return Fraction(0)
    return Fraction(container.duration or 0, 1_000_000)


def _mean_rate(count: int, seconds: Fraction, usual: Fraction) -> Fraction:
    """Frames a second: usual, which the file says, where it is about right. seconds: from the first to the last."""
    mean = (count - 1) / seconds if seconds > 0 else usual
    return usual if abs(mean - usual) < usual / 200 else mean


def pictures_of(container: Any, source: str) -> Any:
    """The stream of pictures; the cover of a song is none. Raises DreamError."""
    streams = [stream for stream in container.streams.video if not _is_cover(stream)]
    if not streams:
        raise DreamError(f"{source} has no pictures, only sound or other things: name a film")
    if streams[0].codec_context is None:
        raise DreamError(f"{source} is in a codec that this PyAV cannot decode: convert it to MP4 or WebM first")
    return streams[0]


def _alpha_decoder(stream: Any) -> str:
    """FFmpeg's own decoders of VP8 and VP9 leave out the transparency that WebM keeps beside the pictures."""
    return _ALPHA_DECODERS.get(stream.codec_context.name, "") if stream.metadata.get("alpha_mode") == "1" else ""


def _is_cover(stream: Any) -> bool:
    disposition = getattr(stream, "disposition", None)  # PyAV 12 has none, and takes a cover for a film of one frame
    return disposition is not None and bool(disposition.value & _COVER)


def _origin(container: Any, stream: Any) -> Fraction:
    """Where the film's time begins, as near as the stream's time base has it."""
    return Fraction(round(beginning(container) / stream.time_base) * stream.time_base)


def check_size(source: str, thing: Any) -> None:
    """Raises DreamError for a frame, or a decoder of frames, of more pixels than pictures may have."""
    limit = 2 * (Image.MAX_IMAGE_PIXELS or 0)
    if limit and thing.width * thing.height > limit:
        raise DreamError(f"{source} says that it has more than {limit} pixels, the limit: shrink it first")
