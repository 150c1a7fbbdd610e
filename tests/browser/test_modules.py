"""What dream.js is made of, against NumPy, SciPy, Pillow and hashlib: the same numbers, to the bit."""

import hashlib

import numpy as np
import pytest
import scipy.ndimage as nd
from PIL import Image

from deepdream.caffe_format.sizes import octave_sizes


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**32 - 1])
@pytest.mark.parametrize("jitter", [0, 1, 32, 100_000])
def test_a_seed_draws_numpy_s_shifts(modules, seed, jitter):
    code = "const rng = new RandomState(arg.seed); const found = [];"
    code += "for (let i = 0; i < 700; i++) found.push(...rng.randint(-arg.jitter, arg.jitter + 1, 2)); return found;"
    rng = np.random.RandomState(seed)
    wanted = [int(shift) for _ in range(700) for shift in rng.randint(-jitter, jitter + 1, 2)]
    assert modules.call(code, {"seed": seed, "jitter": jitter}) == wanted


def zoomed(modules, picture, h, w):
    modules.put("picture", picture)
    code = "const data = await floatsOf('picture');"
    code += "return asText(zoom({data, h: arg[0], w: arg[1]}, arg[2], arg[3]).data);"
    return modules.array(code, [*picture.shape[1:], h, w]).reshape(3, h, w)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((29, 41), (41, 57)),
        ((57, 41), (41, 29)),
        ((1, 9), (5, 1)),
        ((2, 2), (64, 3)),
        ((50, 23), (93, 28)),
        ((7, 7), (7, 7)),
    ],
)
def test_zoom_is_scipy_s(modules, before, after):
    picture = np.random.RandomState(1).uniform(-123, 151, (3, *before)).astype(np.float32)
    wanted = nd.zoom(picture, (1, after[0] / before[0], after[1] / before[1]), order=1)
    assert wanted.shape[1:] == after
    assert np.array_equal(zoomed(modules, picture, *after), wanted)


@pytest.mark.parametrize("after", [188, 274])
def test_zoom_is_scipy_s_where_rounding_leaves_the_picture(modules, after):
    """SciPy computes the place of the last pixel, which may lie a little outside; it is 0 then."""
    assert (after - 1) * (3 / (after - 1)) > 3
    picture = np.full((3, 4, 4), 5, np.float32)
    wanted = nd.zoom(picture, (1, after / 4, after / 4), order=1)
    assert wanted[0, -1, -1] == 0
    assert np.array_equal(zoomed(modules, picture, after, after), wanted)


@pytest.mark.parametrize("shift", [(0, 0), (3, -5), (-100, 41), (12, 17)])
def test_roll_is_numpy_s(modules, shift):
    picture = np.random.RandomState(2).rand(3, 12, 17).astype(np.float32)
    modules.put("picture", picture)
    code = "return asText(roll({data: await floatsOf('picture'), h: 12, w: 17}, arg[0], arg[1]).data);"
    found = modules.array(code, shift).reshape(picture.shape)
    assert np.array_equal(found, np.roll(picture, shift, (-2, -1)))


@pytest.mark.parametrize("scale", [1.4, 1.01, 2, 7.3])
def test_octaves_have_the_command_s_sizes(modules, scale):
    for size in ((225, 400), (5, 7), (1024, 333), (35, 49)):
        found = modules.call("return octaveSizes({h: arg[0], w: arg[1]}, 6, arg[2]);", [*size, scale])
        assert [(each["h"], each["w"]) for each in found] == octave_sizes(size, 6, scale)


@pytest.mark.parametrize("size", [(33, 21), (64, 50), (7, 90), (100, 1), (130, 131)])
def test_resize_is_pillow_s_lanczos(modules, size):
    pixels = np.random.RandomState(3).randint(0, 256, (90, 100, 4), dtype=np.uint8)
    modules.put("pixels", pixels)
    code = "const data = new Uint8ClampedArray((await bytesOf('pixels')).buffer);"
    code += "return asText(resize({data, h: 90, w: 100}, {h: arg[1], w: arg[0]}).data);"
    found = modules.array(code, size, np.uint8).reshape(size[1], size[0], 4)
    rgb = np.array(Image.fromarray(pixels[..., :3]).resize(size, Image.Resampling.LANCZOS))
    alpha = np.array(Image.fromarray(pixels[..., 3]).resize(size, Image.Resampling.LANCZOS))
    assert np.array_equal(found, np.dstack([rgb, alpha]))


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 119, 120, 1000, 100_001])
def test_sha256(modules, length):
    content = np.random.RandomState(4).bytes(length)
    modules.put("content", content)
    assert modules.call("return sha256(await bytesOf('content'));") == hashlib.sha256(content).hexdigest()
