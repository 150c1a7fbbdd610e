"""Makes clips with known frames for the tests of films, with PyAV itself."""

import struct
from fractions import Fraction

import numpy as np
import pytest

av = pytest.importorskip("av", reason="films need PyAV: pip install av opencv-python-headless")

LOSSLESS = {"qp": "0"}  # of libx264
COLOURS = [[255, 255, 255], [0, 0, 0], [128, 128, 128], [200, 30, 40], [20, 180, 60], [30, 40, 220], [250, 240, 10]]


def numbered(count, height=24, width=32):
    """Grey frames whose brightness encodes their number; `numbers` decodes it."""
    return [np.full((height, width, 3), 20 + 6 * number, np.uint8) for number in range(count)]


def numbers(frames):
    """The numbers of frames from `numbered`."""
    return [round((float(frame.pixels.mean()) - 20) / 6) for frame in frames]


def texture(number, height=96, width=128):
    """A moving picture of fine grain, like a dream's."""
    grain = np.random.RandomState(0).randint(0, 80, (2 * height, 2 * width, 1))
    y, x = np.mgrid[0:height, 0:width]
    waves = np.stack([80 + 60 * np.sin((x + 3 * number) / 9), 90 + 60 * np.cos((y + number) / 7), 0.5 * x + y], -1)
    return (waves + grain[number : number + height, number : number + width]).clip(0, 255).astype(np.uint8)


def patches(colours, side=16):
    """(side, side * n, 3) uint8: squares of these colours side by side."""
    return np.repeat(np.repeat(np.uint8(colours)[None], side, 0), side, 1)


def yuv(planes):
    """An av.VideoFrame in yuv420p with these planes, of (h, w), (h / 2, w / 2) and (h / 2, w / 2) uint8."""
    frame = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], "yuv420p")
    for plane, values in zip(frame.planes, planes):
        lines = np.zeros((plane.height, plane.line_size), np.uint8)
        lines[:, : plane.width] = values
        plane.update(lines.tobytes())
    return frame


def clip(path, pictures, codec="libx264", step=Fraction(1, 25), times=None, sound=None, **settings):
    """Writes a film; returns its path as text. pictures: (h, w, 3) uint8, or av.VideoFrames to encode unchanged.

    step: the time base; times: in it, else 0, 1, 2 ... sound: (codec, samples of 48 kHz) in stereo. settings: format's
    `muxer`, encoder's `options`, and of the codec context, such as pix_fmt.
    """
    muxer, options = settings.pop("muxer", {}), settings.pop("options", {})
    with av.open(str(path), "w", options=muxer) as container:
        stream = container.add_stream(codec, rate=Fraction(1 / step), options=options)
        heard = container.add_stream(sound[0], rate=48000) if sound else None
        if heard:
            heard.codec_context.bit_rate = 128000
        frames = [picture_frame(picture, settings.setdefault("pix_fmt", "yuv420p")) for picture in pictures]
        stream.width, stream.height = frames[0].width, frames[0].height
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        for frame, time in zip(frames, times or range(len(frames))):
            frame.pts, frame.time_base = time, step
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            container.mux([packet for frame in sound_frames(sound[1]) for packet in heard.encode(frame)])
            container.mux(heard.encode(None))
    return str(path)


def picture_frame(picture, pixel_format):
    if isinstance(picture, av.VideoFrame):
        return picture
    return av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format=pixel_format)


def sound_frames(samples):
    """av.AudioFrames of 960 samples. samples: int16, the same for both channels."""
    for begin in range(0, len(samples), 960):
        part = np.repeat(samples[begin : begin + 960], 2)[None]
        frame = av.AudioFrame.from_ndarray(part, format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = 48000, begin, Fraction(1, 48000)
        yield frame


def beep(seconds, at=None, lasts=0.05):
    """int16 samples at 48 kHz: a tone, throughout or only for `lasts` seconds from `at` on."""
    time = np.arange(int(48000 * seconds)) / 48000
    loud = np.ones_like(time) if at is None else (time >= at) & (time < at + lasts)
    return (12000 * loud * np.sin(2 * np.pi * 1000 * time)).astype(np.int16)


def heard(path, track=0):
    """The sound of a film as mono float samples at 48 kHz, from its beginning on, and its length in seconds."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=48000)
        parts = []
        stream = container.streams.audio[track]
        for frame in container.decode(stream):
            begin = round(frame.pts * frame.time_base * 48000)
            parts += [(begin, part.to_ndarray()[0]) for part in resampler.resample(frame)]
    samples = np.zeros(max(begin + len(part) for begin, part in parts) + 48000, np.float32)
    for begin, part in parts:
        samples[max(0, begin) : begin + len(part)] = part[max(0, -begin) :]
    return samples, len(samples) / 48000 - 1


def sound_packets(path):
    """[(seconds, bytes)] of the first track's packets."""
    with av.open(str(path)) as container:
        packets = container.demux(container.streams.audio[0])
        return [(float(packet.pts * packet.time_base), bytes(packet)) for packet in packets if packet.size]


def turn(path, matrix):
    """Patch the matrix (a, b, c, d) into an MP4's track header: a point (x, y) is shown at (ax + cy, bx + dy)."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 4 + 5 * 4 + 8 + 4 * 2  # version, dates and numbers, reserved, layer and volume
    a, b, c, d = (value << 16 for value in matrix)
    data[place : place + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


def moving_frames(count=4, height=28, width=40):
    """A textured picture that moves by (2, 1) pixels from frame to frame, right and down."""
    large = texture(0, height + count, width + 2 * count)
    places = [(count - number, 2 * (count - number)) for number in range(count)]
    return [np.ascontiguousarray(large[y : y + height, x : x + width]) for y, x in places]


def decoded(path):
    """The frames of a film, (h, w, 3) uint8."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
