"""Writes frames with times to MP4 and WebM files, with the sound of the film that they come from."""

import contextlib
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Dict, Iterable, Optional, Sequence, cast

import numpy as np

from ..arrays import Size
from ..errors import DreamError
from ..images import picture
from ..images import recipe as recipes
from .colour import FULL, LIMITED, ToYuv
from .film import VideoFormat, pyav
from .sound import SoundWriter

if TYPE_CHECKING:
    import av
    import av.container

# The encoders for each format, the best first, with settings that keep a dream's fine grain. Without cpu-independent,
# x264 sometimes writes different bytes for the same frames, even on one thread: its fast macroblock tree is not
# deterministic.
_ENCODERS: Dict[str, Dict[str, Dict[str, str]]] = {
    "MP4": {
        "libx264": {"crf": "17", "preset": "medium", "x264-params": "cpu-independent=1"},
        "libopenh264": {"b": "20M", "allow_skip_frames": "0"},
    },
    "WEBM": {
        "libvpx-vp9": {"crf": "12", "b": "0", "row-mt": "1", "cpu-used": "3", "tile-columns": "2"},
        "libvpx": {"crf": "4", "b": "50M", "cpu-used": "2"},
    },
}
_THREADS = 4  # fixed, because the bytes depend on it


def check(kind: str) -> None:
    """Check that films of this kind can be written here.

    kind: a value of film.FORMATS. Raises DreamError if PyAV is missing or lacks an encoder.
    """
    try:
        _encoder(kind)
    except DreamError as error:
        raise DreamError(f"{error}, or write to a folder or a .gif instead") from None


def stored_size(kind: str, size: Size, aspect: Fraction = Fraction(1), longest: Optional[int] = None) -> Size:
    """The (height, width) at which frames of this size are stored.

    H.264 allows only even sides. PyAV cannot store the pixel aspect ratio in WebM, so there pixels are made square.
    longest: limit in pixels for the longer of these square-pixel sides; None for no limit.
    """
    height, width = size
    if kind == "MP4":
        return height + height % 2, width + width % 2
    square = Fraction(1)
    if aspect == square:
        return size
    width, height = picture.fit((round(width * max(aspect, square)), round(height / min(aspect, square))), longest)
    return height, width


def write(
    path: Path,
    kind: str,
    frames: Iterable[np.ndarray],
    times: Sequence[Fraction],
    form: VideoFormat,
    recipe: recipes.Recipe,
    has_alpha: bool = False,
) -> None:
    """Write a film frame by frame; on one machine, the same input gives the same bytes.

    The size is that of `stored_size`; odd sides are padded by repeating the last row or column. The sound is copied
    unchanged if the format can hold it.

    kind: a value of film.FORMATS. frames: (h, w, 3) uint8 RGB, or (h, w, 4) with has_alpha; all of one size. times:
    in seconds, of each frame, followed by that of the end. recipe: serializable as JSON. has_alpha: whether to
    keep transparency, which only WebM can.
    Raises OSError if the file cannot be written, for example on a full disk; DreamError if the encoder fails.
    """
    av = pyav()
    options = {"fflags": "+bitexact", **({"movflags": "+faststart"} if kind == "MP4" else {})}
    try:
        container = av.open(f"file:{path}", "w", format=kind.lower(), options=options)
        try:
            container.metadata["comment"] = recipes.to_json(recipe)
            _fill(container, kind, frames, times, form, has_alpha)
        except BaseException:
            with contextlib.suppress(av.FFmpegError):  # it would hide the original error
                container.close()
            raise
        container.close()
    except av.FFmpegError as error:
        if isinstance(error, OSError):
            raise
        raise DreamError(
            f"the frames cannot be stored as {kind} ({error.strerror}): write to a folder instead"
        ) from None


def holds_alpha(kind: str) -> bool:
    """Whether films of this kind can be written here with transparency."""
    formats = pyav().codec.Codec(_encoder(kind), "w").video_formats or ()
    return kind == "WEBM" and any(one.name == "yuva420p" for one in formats)


def _encoder(kind: str) -> str:
    """The name of the best available encoder. Raises DreamError if there is none."""
    av = pyav()
    for name in _ENCODERS[kind]:
        with contextlib.suppress(ValueError):  # PyAV's UnknownCodecError is one
            av.codec.Codec(name, "w")
            return name
    names = " nor ".join(_ENCODERS[kind])
    raise DreamError(f"this PyAV has neither {names} for {kind}: install the one from PyPI, pip install av")


def _fill(
    container: "av.container.OutputContainer",
    kind: str,
    frames: Iterable[np.ndarray],
    times: Sequence[Fraction],
    form: VideoFormat,
    has_alpha: bool,
) -> None:
    to_yuv = ToYuv(form.matrix, form.full_range, has_alpha)
    pictures: Optional[_Pictures] = None
    sound: Optional[SoundWriter] = None
    stamps = [round(time / form.time_base) for time in times]
    try:
        for pixels, stamp, after in zip(frames, stamps, stamps[1:]):
            size = stored_size(kind, pixels.shape[:2], form.aspect, form.max_size)
            if pictures is None or sound is None:
                pictures = _Pictures(container, _add_pictures(container, kind, size, form, to_yuv), stamps)
                sound = SoundWriter(container, kind, form.sound)
            frame = to_yuv(_grown(pixels, size) if kind == "MP4" else pixels, size)
            frame.pts, frame.time_base = stamp, form.time_base
            pictures.put(frame)
            sound.go_on(after * form.time_base)
        if pictures is not None and sound is not None:
            pictures.finish()
            sound.go_on(None)
    finally:
        if sound is not None:
            sound.close()


class _Pictures:
    """Encodes frames, each of which is shown until the next begins.

    stamps: the time of each frame in units of the time base, followed by that of the end.
    """

    def __init__(self, container: "av.container.OutputContainer", stream: "av.VideoStream", stamps: Sequence[int]):
        self._container, self._stream, self._stamps = container, stream, stamps
        self._lasts = {stamp: after - stamp for stamp, after in zip(stamps, stamps[1:])}
        # MP4 takes the duration of the last frame from the last packet in the file. The encoder may delay an earlier
        # frame so that it comes last; with uneven durations, that must not happen.
        self._is_uneven = len(set(self._lasts.values())) > 1
        self._begin: Optional[int] = None  # the decoding time of the first packet

    def put(self, frame: "av.VideoFrame") -> None:
        if self._is_uneven and frame.pts == self._stamps[-3]:
            frame.pict_type = pyav().video.frame.PictureType.P
        self._mux(self._stream.encode(frame))

    def finish(self) -> None:
        packets = self._stream.encode(None)
        if packets and self._is_uneven and packets[-1].pts == self._stamps[-2]:
            # Otherwise the length of the track would follow the decoding times, which the encoder spaces evenly.
            ahead = min(0, _stamp(packets[0].dts) if self._begin is None else self._begin)
            packets[-1].dts = max(_stamp(packets[-1].dts), _stamp(packets[-1].pts) + ahead)
        self._mux(packets)

    def _mux(self, packets: Iterable["av.Packet"]) -> None:
        for packet in packets:
            if self._begin is None:
                self._begin = packet.dts
            packet.stream = self._stream
            # Otherwise the last packet would have no duration.
            packet.duration = self._lasts.get(_stamp(packet.pts), packet.duration)
            self._container.mux(packet)


def _add_pictures(
    container: "av.container.OutputContainer", kind: str, size: Size, form: VideoFormat, to_yuv: ToYuv
) -> "av.VideoStream":
    name = _encoder(kind)
    rate = form.rate.limit_denominator(1001)
    stream = cast("av.VideoStream", container.add_stream(name, rate=rate, options=_ENCODERS[kind][name]))
    stream.height, stream.width = size
    stream.pix_fmt = to_yuv.format
    coder = stream.codec_context
    stream.time_base = coder.time_base = form.time_base
    coder.thread_count, coder.thread_type = _THREADS, "FRAME"  # slice threads give different bytes in each run
    coder.colorspace, coder.color_range = to_yuv.matrix, FULL if form.full_range else LIMITED
    coder.color_primaries, coder.color_trc = form.primaries, form.transfer
    if kind == "MP4":
        coder.sample_aspect_ratio = form.aspect.limit_denominator(255)
    return stream


def _stamp(stored: Optional[int]) -> int:
    """A time of an encoded packet; the encoders here always set both."""
    return cast(int, stored)


def _grown(pixels: np.ndarray, size: Size) -> np.ndarray:
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, size[0] - height), (0, size[1] - width), (0, 0)), "edge")
