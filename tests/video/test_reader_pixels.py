"""The colours and the transparency of films that are read."""

import numpy as np
import pytest

from deepdream.video.reader import open_film
from tests.video.clips import COLOURS, LOSSLESS, av, clip, patches, turn, yuv


def with_alpha(colours):
    """Patches, the second of them transparent and the third half transparent."""
    alpha = np.full((16, 16 * len(colours)), 255, np.uint8)
    alpha[:, 16:32], alpha[:, 32:48] = 0, 128
    return np.dstack([patches(colours), alpha])


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mov", "qtrle", "argb"),
        ("a.mkv", "ffv1", "yuva420p"),
        ("a.mov", "prores_ks", "yuva444p10le"),
        ("a.apng", "apng", "rgba"),
        ("vp9.webm", "libvpx-vp9", "yuva420p"),
        ("vp8.webm", "libvpx", "yuva420p"),
    ],
)
def test_transparency_is_read(tmp_path, name, codec, pix_fmt):
    picture = with_alpha(COLOURS[3:])
    frame = av.VideoFrame.from_ndarray(picture, format="rgba").reformat(format=pix_fmt)
    options = {"crf": "4", "b": "10M", "auto-alt-ref": "0"} if "libvpx" in codec else {}
    film = open_film(clip(tmp_path / name, [frame] * 2, codec, pix_fmt=pix_fmt, options=options))
    for frame in film.frames():
        assert np.abs(frame.alpha[8, 8::16].astype(int) - picture[8, 8::16, 3]).max() <= 3
        opaque = [8, 56]
        assert np.abs(frame.pixels[8, opaque].astype(int) - picture[8, opaque, :3]).max() <= 12


def test_what_is_opaque_everywhere_has_no_alpha(tmp_path):
    frame = av.VideoFrame.from_ndarray(np.dstack([patches(COLOURS), np.full((16, 112), 255, np.uint8)]), format="rgba")
    film = open_film(clip(tmp_path / "a.mov", [frame.reformat(format="argb")], "qtrle", pix_fmt="argb"))
    (frame,) = film.frames()
    assert frame.alpha is None
    assert (frame.pixels == patches(COLOURS)).all()


def test_transparency_is_turned_and_shrunk_along(tmp_path):
    frame = av.VideoFrame.from_ndarray(with_alpha(COLOURS[3:]), format="rgba").reformat(format="argb")
    path = clip(tmp_path / "a.mov", [frame], "qtrle", pix_fmt="argb")
    turn(tmp_path / "a.mov", (0, 1, -1, 0))
    (frame,) = open_film(path, max_size=32).frames()
    assert frame.pixels.shape == (32, 8, 3)
    assert frame.alpha.shape == (32, 8)
    assert frame.alpha[[4, 12, 20, 28], 4].tolist() == [255, 0, 128, 255]


def by_hand(rgb, kr, kb, full):
    """The planes of yuv420p after BT.601 and BT.709, of which kr and kb are all that differs."""
    r, g, b = np.moveaxis(rgb / 255, -1, 0)
    luma = kr * r + (1 - kr - kb) * g + kb * b
    chroma = [(b - luma) / (2 - 2 * kb), (r - luma) / (2 - 2 * kr)]
    planes = [
        255 * luma if full else 16 + 219 * luma,
        *(128 + (255 if full else 224) * plane[::2, ::2] for plane in chroma),
    ]
    return [np.round(plane).clip(0, 255).astype(np.uint8) for plane in planes]


BT601, BT709 = (0.299, 0.114), (0.2126, 0.0722)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("code", "weights"), [(6, BT601), (5, BT601), (1, BT709)])
def test_colours_of_the_matrix_and_range_that_the_file_names(tmp_path, code, weights, full):
    frame = yuv(by_hand(patches(COLOURS), *weights, full))
    frame.colorspace, frame.color_range = code, 2 if full else 1
    tags = {"colorspace": code, "color_range": 2 if full else 1, "color_primaries": 5, "color_trc": 6}
    film = open_film(clip(tmp_path / "a.mp4", [frame], options=LOSSLESS, **tags))
    pixels = next(film.frames()).pixels[8, 8::16]
    assert abs(pixels.astype(int) - COLOURS).max() <= 2
    form = film.form
    assert (form.matrix, form.full_range, form.primaries, form.transfer) == (code, full, 5, 6)


@pytest.mark.parametrize(("height", "weights", "code"), [(718, BT601, 6), (720, BT709, 1)])
def test_what_the_file_does_not_name_goes_by_its_height(tmp_path, height, weights, code):
    tall = np.repeat(patches(COLOURS)[:1], height, 0)
    film = open_film(clip(tmp_path / "a.mp4", [yuv(by_hand(tall, *weights, False))], options=LOSSLESS))
    assert abs(next(film.frames()).pixels[8, 8::16].astype(int) - COLOURS).max() <= 2
    assert (film.form.matrix, film.form.full_range) == (code, False)


@pytest.mark.parametrize("pix_fmt", ["bgr0", "gray", "gbrp10le"])
def test_other_pixels_than_yuv(tmp_path, pix_fmt):
    picture = patches([[value] * 3 if pix_fmt == "gray" else colour for value, colour in enumerate(COLOURS, 90)])
    film = open_film(clip(tmp_path / "a.mkv", [picture], "ffv1", pix_fmt=pix_fmt))
    assert abs(next(film.frames()).pixels.astype(int) - picture).max() <= 1
    if pix_fmt != "gray":
        assert (film.form.matrix, film.form.full_range) == (1, False)


def test_ten_bits(tmp_path):
    ramp = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], 3, 2).repeat(16, 0)
    film = open_film(clip(tmp_path / "a.mkv", [ramp], "ffv1", pix_fmt="yuv444p10le"))
    assert abs(next(film.frames()).pixels.astype(int) - ramp).max() <= 2
