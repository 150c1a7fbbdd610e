"""Copies the sound of one film into another, or re-encodes it if the other format cannot hold it as it is."""

import contextlib
from fractions import Fraction
from typing import TYPE_CHECKING, Dict, Iterable, Iterator, List, Optional, Tuple, Union, cast

from .clock import Clock
from .film import Sound, beginning, pyav
from .probe import pictures_of

if TYPE_CHECKING:
    import av
    import av.container
    import av.filter
    import av.stream

TimedPacket = Tuple[Fraction, "av.Packet"]  # seconds since the beginning of the new film

# Decoder names of the codecs that each format can hold, and what to re-encode the others with: the encoder, its bit
# rate and its sample rates.
_HOLDS = {
    "MP4": {"aac", "mp3", "mp3float", "ac3", "eac3", "alac", "opus", "libopus"},
    "WEBM": {"opus", "libopus", "vorbis", "libvorbis"},
}
_ENCODERS = {"MP4": ("aac", 192000, (44100, 48000)), "WEBM": ("libopus", 160000, (48000,))}
_RUN_UP = 1  # second to decode before the beginning, because a decoder may need some priming


class SoundWriter:
    """Writes all sound of a file into a film that is being written. A damaged track ends at the damage.

    If the file holds several recordings, the track continues with the next one.

    kind: "MP4" or "WEBM". sound: None for a silent film.
    Raises av.FFmpegError if writing fails; it is also an OSError if the disk is the cause.
    """

    def __init__(self, container: "av.container.OutputContainer", kind: str, sound: Optional[Sound]):
        self._container = container
        self._source: Optional[av.container.InputContainer] = None
        self._packets: Iterator[TimedPacket] = iter(())
        if sound is not None:
            source: av.container.InputContainer = pyav().open(f"file:{sound.path}", metadata_errors="replace")
            self._source = source
            tracks: Dict[int, _Track] = {}
            for stream in source.streams.audio:
                if stream.codec_context is not None:
                    make = _Copied if stream.codec_context.name in _HOLDS[kind] else _Encoded
                    tracks[stream.index] = make(container, kind, stream, beginning(source) + sound.start)
            end = None if sound.end is None else sound.end - sound.start
            self._packets = _read(source, sound.path, tracks, end)
        self._next = next(self._packets, None)

    def go_on(self, until: Optional[Fraction]) -> None:
        """Write the sound that begins before that time, in seconds; None for all the rest."""
        while self._next is not None and (until is None or self._next[0] < until):
            self._container.mux(self._next[1])
            self._next = next(self._packets, None)

    def close(self) -> None:
        if self._source is not None:
            self._source.close()


class _Copied:
    """A track whose packets are copied unchanged. zero: the time in the source that becomes 0, in seconds."""

    def __init__(self, container: "av.container.OutputContainer", kind: str, stream: "av.AudioStream", zero: Fraction):
        self.zero, self._kind = zero, kind
        if hasattr(container, "add_stream_from_template"):
            self._stream = container.add_stream_from_template(stream)
        else:  # PyAV 12
            self._stream = container.add_stream(template=stream)  # type: ignore[call-overload]
        _keep_language(stream, self._stream)
        opening = stream.codec_context.extradata or b""
        is_opus = opening.startswith(b"OpusHead")
        self._delay = Fraction(int.from_bytes(opening[10:12], "little"), 48000) if is_opus else Fraction(0)
        self._last: Optional[int] = None

    def take(self, packet: "av.Packet", time: Fraction) -> Iterator[TimedPacket]:
        # A decoder needs one packet before the first audible one. MP4 hides it with its edit list; WebM hides only the
        # pre-skip that the Opus header states.
        lasts = (packet.duration or 0) * packet.time_base
        if time <= (-2 * lasts - packet.time_base if self._kind == "MP4" else -self._delay - packet.time_base):
            return
        shift = round(self.zero / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts - shift
        dts = packet.pts if packet.dts is None else packet.dts - shift
        packet.dts = dts
        if self._last is not None and dts is not None and dts <= self._last:  # no format accepts that
            return
        self._last = dts
        packet.stream = self._stream
        yield time, packet

    def finish(self) -> Iterable[TimedPacket]:
        return ()


class _Encoded:
    """A track that is decoded and re-encoded. zero: the time in the source that becomes 0, in seconds."""

    def __init__(self, container: "av.container.OutputContainer", kind: str, stream: "av.AudioStream", zero: Fraction):
        self.zero = zero
        self._decoder = stream.codec_context
        name, bits, rates = _ENCODERS[kind]
        rate = self._decoder.sample_rate
        self._stream = cast("av.AudioStream", container.add_stream(name, rate=rate if rate in rates else 48000))
        _keep_language(stream, self._stream)
        coder = self._stream.codec_context
        coder.bit_rate = bits
        coder.layout = "mono" if len(self._decoder.layout.channels) == 1 else "stereo"
        self._coder = coder
        self._graph: Optional[av.filter.Graph] = None
        self._ended = False  # by damage
        self._due: Optional[Fraction] = None  # when the next frame should begin
        self._time_base = Fraction(1)

    def take(self, packet: "av.Packet", time: Fraction) -> Iterator[TimedPacket]:
        if time > -_RUN_UP:
            yield from self._encode(packet)

    def finish(self) -> Iterator[TimedPacket]:
        yield from self._encode(None)
        if self._graph is not None:
            self._graph.push(None)
            yield from self._pulled(self._graph)
            yield from self._timed(self._coder.encode(None))

    def _encode(self, packet: Optional["av.Packet"]) -> Iterator[TimedPacket]:
        try:
            frames = [] if self._ended else self._decoder.decode(packet)
        except pyav().FFmpegError:
            self._ended, frames = True, []
        for frame in frames:
            if frame.pts is None:  # some decoders' last frame, which follows the previous one
                if self._due is None:
                    continue
                frame.pts = round(self._due / self._time_base)
            else:
                self._time_base = cast(Fraction, frame.time_base)
                frame.pts -= round(self.zero / self._time_base)
            begin, lasts = frame.pts * self._time_base, Fraction(frame.samples, frame.sample_rate)
            if self._due is not None and begin < self._due - lasts / 2:  # overlaps the previous recording
                continue
            self._due = begin + lasts
            if self._due > 0:
                if self._graph is None:
                    self._graph = self._make_graph(frame)
                self._graph.push(frame)
                yield from self._pulled(self._graph)

    def _pulled(self, graph: "av.filter.Graph") -> Iterator[TimedPacket]:
        drained = pyav().BlockingIOError, pyav().EOFError
        while True:
            try:
                frame = cast("av.AudioFrame", graph.pull())
            except drained:
                return
            yield from self._timed(self._coder.encode(frame))

    def _timed(self, packets: List["av.Packet"]) -> Iterator[TimedPacket]:
        for packet in packets:
            packet.stream = self._stream
            yield cast(int, packet.pts) * packet.time_base, packet

    def _make_graph(self, frame: "av.AudioFrame") -> "av.filter.Graph":
        """Build a filter graph that resamples, cuts off what is before 0 and fills gaps with silence."""
        graph = pyav().filter.Graph()
        coder = self._coder
        nodes = [
            graph.add_abuffer(
                sample_rate=frame.sample_rate,
                format=frame.format.name,
                layout=frame.layout.name,
                time_base=frame.time_base,
            ),
            graph.add("aresample", f"{coder.sample_rate}:async=1:first_pts=0"),
            graph.add("aformat", f"sample_fmts={coder.format.name}:channel_layouts={coder.layout.name}"),
            graph.add("abuffersink"),
        ]
        for node, following in zip(nodes, nodes[1:]):
            node.link_to(following)
        graph.configure()
        return graph


_Track = Union[_Copied, _Encoded]


def _read(
    source: "av.container.InputContainer",
    path: str,
    tracks: Dict[int, _Track],
    end: Optional[Fraction],
) -> Iterator[TimedPacket]:
    """Yield (seconds, packet) to write, for all tracks."""
    if not tracks:
        return
    pictures = pictures_of(source, path)  # decides where another recording begins
    clock, broken = Clock(source, pictures), {}
    streams = [source.streams[index] for index in tracks]
    for packet in _until_damage(source.demux(pictures, *streams)):
        index = packet.stream_index
        if not clock.set(packet) or index not in tracks:
            continue
        if packet.is_corrupt:
            broken[index] = clock.recording(index)
        if broken.get(index) == clock.recording(index):
            continue
        track = tracks[index]
        stamp = packet.dts if packet.pts is None else packet.pts
        if packet.size and stamp is not None:
            time = stamp * packet.time_base - track.zero
            if end is None or time < end:
                yield from track.take(packet, time)
    for track in tracks.values():
        yield from track.finish()


def _until_damage(packets: Iterable["av.Packet"]) -> Iterator["av.Packet"]:
    """Yield packets until one cannot be read."""
    with contextlib.suppress(pyav().FFmpegError):
        yield from packets


def _keep_language(source: "av.AudioStream", target: "av.AudioStream") -> None:
    language = source.metadata.get("language")
    if language:
        target.metadata["language"] = language
