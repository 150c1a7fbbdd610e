"""All kinds of pixels in files are read as the expected RGB; the values were computed by hand."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from deepdream.errors import DreamError
from deepdream.images.colour import srgb_profile
from deepdream.images.picture import read

RED, GREEN, BLUE, WHITE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)


def swapped_profile():
    """A profile of sRGB with red and green exchanged: (255, 0, 0) means sRGB's green."""
    profile = srgb_profile()
    return profile.replace(b"rXYZ", b"----").replace(b"gXYZ", b"rXYZ").replace(b"----", b"gXYZ")


def saved(tmp_path, image, kind, **options):
    path = tmp_path / f"in.{kind.lower()}"
    image.save(path, kind, **options)
    return read(str(path))


def image_of(mode, *values):
    """A picture one pixel high."""
    image = Image.new(mode, (len(values), 1))
    image.putdata(values)
    return image


@pytest.mark.parametrize(
    ("mode", "kind", "values", "expected"),
    [
        ("1", "PNG", [0, 255], [BLACK, WHITE]),
        ("L", "PNG", [0, 100, 255], [BLACK, (100,) * 3, WHITE]),
        ("RGB", "PNG", [(1, 2, 3), (250, 251, 252)], [(1, 2, 3), (250, 251, 252)]),
        ("CMYK", "TIFF", [(0, 255, 255, 0), (0, 0, 0, 0), (255, 255, 0, 0)], [RED, WHITE, BLUE]),
        ("CMYK", "TIFF", [(0, 0, 0, 255), (0, 0, 0, 55)], [BLACK, (200,) * 3]),
        ("I", "TIFF", [0, 257, 257 * 100, 65535], [BLACK, (1,) * 3, (100,) * 3, WHITE]),
        ("I", "TIFF", [-1000, 0, 1000], [BLACK, (128,) * 3, WHITE]),
        ("I", "TIFF", [0, 100000, 500000], [BLACK, (51,) * 3, WHITE]),
        ("F", "TIFF", [0.0, 0.2, 1.0], [BLACK, (51,) * 3, WHITE]),
        ("F", "TIFF", [0.0, 51.0, 255.0], [BLACK, (51,) * 3, WHITE]),
        ("F", "TIFF", [0.0, 51.0, 100.0], [BLACK, (51,) * 3, (100,) * 3]),
        ("F", "TIFF", [0.0, 257.0, 65535.0], [BLACK, (1,) * 3, WHITE]),
        ("F", "TIFF", [-1.0, 1.0, 0.0], [BLACK, WHITE, (128,) * 3]),
        ("F", "TIFF", [float("nan"), float("inf"), 0.2, 1.0], [BLACK, BLACK, (51,) * 3, WHITE]),
        ("F", "TIFF", [-3.0, -3.0], [BLACK, BLACK]),
    ],
)
def test_modes(tmp_path, mode, kind, values, expected):
    picture = saved(tmp_path, image_of(mode, *values), kind)
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.tolist() == [[list(map(float, colour)) for colour in expected]]
    assert picture.alpha is None


def grey16(*values, mode="I;16"):
    order = ">" if mode.endswith("B") else "<"
    return Image.frombytes(mode, (len(values), 1), np.array(values, dtype=order + "u2").tobytes())


@pytest.mark.parametrize(("mode", "kind"), [("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF")])
def test_16_bit_grey_is_scaled(tmp_path, mode, kind):
    picture = saved(tmp_path, grey16(0, 257, 257 * 100, 65535, mode=mode), kind)
    assert picture.pixels.tolist() == [[[0] * 3, [1] * 3, [100] * 3, [255] * 3]]


def test_a_dark_16_bit_picture_stays_dark(tmp_path):
    assert saved(tmp_path, grey16(0, 200), "PNG").pixels.max() == 1  # 200 / 257


def test_neutral_grey_in_lab(tmp_path):
    image = Image.new("LAB", (2, 1), (137, 128, 128))  # sRGB's 128 has L* = 53.6, of 100; a* and b* are 0 at 128
    assert np.abs(saved(tmp_path, image, "TIFF").pixels - 128.0).max() <= 2


@pytest.mark.parametrize(
    ("mode", "values", "colours", "alphas"),
    [
        ("LA", [(10, 0), (200, 255), (90, 128)], [(10,) * 3, (200,) * 3, (90,) * 3], [0, 255, 128]),
        ("RGBA", [(1, 2, 3, 0), (9, 8, 7, 77)], [(1, 2, 3), (9, 8, 7)], [0, 77]),
    ],
)
def test_alpha_is_kept_aside(tmp_path, mode, values, colours, alphas):
    picture = saved(tmp_path, image_of(mode, *values), "PNG")
    assert picture.pixels.tolist() == [[list(map(float, colour)) for colour in colours]]
    assert picture.alpha.dtype == np.uint8
    assert picture.alpha.tolist() == [alphas]


def palette_image():
    image = image_of("P", 0, 1, 2)
    image.putpalette([*RED, *GREEN, *BLUE])
    return image


def test_palette(tmp_path):
    picture = saved(tmp_path, palette_image(), "PNG")
    assert picture.pixels.tolist() == [[list(map(float, colour)) for colour in (RED, GREEN, BLUE)]]
    assert picture.alpha is None


@pytest.mark.parametrize(("kind", "key", "alphas"), [("PNG", b"\xff\x40\x00", [255, 64, 0]), ("GIF", 1, [255, 0, 255])])
def test_palette_with_transparency(tmp_path, kind, key, alphas):
    picture = saved(tmp_path, palette_image(), kind, transparency=key)
    assert picture.pixels[0, 0].tolist() == list(RED)
    assert picture.alpha.tolist() == [alphas]


@pytest.mark.parametrize(("mode", "key"), [("L", 10), ("RGB", (10, 10, 10))])
def test_a_colour_that_stands_for_transparency(tmp_path, mode, key):
    image = image_of("L", 10, 20).convert(mode)
    assert saved(tmp_path, image, "PNG", transparency=key).alpha.tolist() == [[0, 255]]


def test_cmyk_jpeg_as_cameras_and_adobe_write_it(tmp_path):
    picture = saved(tmp_path, Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG", quality=100)
    assert np.abs(picture.pixels - np.float32(RED)).max() <= 3


def test_an_srgb_profile_changes_nothing(tmp_path):
    values = np.random.RandomState(0).randint(0, 256, (20, 30, 3)).astype(np.uint8)
    picture = saved(tmp_path, Image.fromarray(values), "PNG", icc_profile=srgb_profile())
    assert picture.pixels.astype(np.uint8).tobytes() == values.tobytes()


def test_a_profile_that_is_srgb_but_for_rounding_changes_nothing(tmp_path):
    near = srgb_profile().replace(bytes([0x6F, 0xA0]), bytes([0x6F, 0x80]))  # red's X, less by 0.0005
    values = np.random.RandomState(0).randint(0, 256, (50, 50, 3)).astype(np.uint8)
    transform = ImageCms.buildTransform(io.BytesIO(near), ImageCms.createProfile("sRGB"), "RGB", "RGB")
    assert (np.asarray(transform.apply(Image.fromarray(values))) != values).any()
    picture = saved(tmp_path, Image.fromarray(values), "PNG", icc_profile=near)
    assert (picture.pixels == values).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_another_profile_is_converted(tmp_path, kind):
    options = {"icc_profile": swapped_profile()} if kind == "PNG" else {"tiffinfo": {34675: swapped_profile()}}
    pixels = saved(tmp_path, image_of("RGB", RED, GREEN, BLUE, WHITE), kind, **options).pixels
    assert np.abs(pixels - [[GREEN, RED, BLUE, WHITE]]).max() <= 2


def test_alpha_and_palette_pictures_have_their_profile_converted_too(tmp_path):
    picture = saved(tmp_path, image_of("RGBA", (*RED, 7)), "PNG", icc_profile=swapped_profile())
    assert np.abs(picture.pixels - GREEN).max() <= 2
    assert picture.alpha.tolist() == [[7]]
    picture = saved(tmp_path, palette_image(), "PNG", icc_profile=swapped_profile())
    assert np.abs(picture.pixels - [[GREEN, RED, BLUE]]).max() <= 2


def test_a_grey_picture_under_an_rgb_profile(tmp_path):
    pixels = saved(tmp_path, image_of("L", 60, 200), "PNG", icc_profile=swapped_profile()).pixels
    assert np.abs(pixels - [[(60,) * 3, (200,) * 3]]).max() <= 2


@pytest.mark.parametrize("profile", [b"no profile at all", swapped_profile()[:300], b"\0" * 200])
def test_a_broken_profile_is_left_out(tmp_path, profile):
    assert saved(tmp_path, image_of("RGB", RED), "PNG", icc_profile=profile).pixels.tolist() == [[[255, 0, 0]]]


def test_a_profile_of_another_kind_of_picture_is_left_out(tmp_path):
    picture = saved(tmp_path, image_of("CMYK", (0, 255, 255, 0)), "TIFF", tiffinfo={34675: swapped_profile()})
    assert picture.pixels.tolist() == [[[255, 0, 0]]]


def test_our_own_profile_is_a_valid_srgb_one():
    profile = ImageCms.ImageCmsProfile(io.BytesIO(srgb_profile()))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    assert srgb_profile()[24:36] == bytes(
        [2015 // 256, 2015 % 256, 0, 7, 0, 1, 0, 0, 0, 0, 0, 0]
    )  # a fixed time, not the current one


def upright(turned, orientation):
    """The pixels rotated and mirrored as the EXIF orientation says."""
    return {
        1: turned,
        2: turned[:, ::-1],
        3: turned[::-1, ::-1],
        4: turned[::-1],
        5: turned.swapaxes(0, 1),
        6: np.rot90(turned, -1),
        7: turned[::-1, ::-1].swapaxes(0, 1),
        8: np.rot90(turned, 1),
    }[orientation]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_exif_orientation_turns_pixels_and_alpha(tmp_path, kind, orientation):
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    exif = Image.Exif()
    exif[274] = orientation
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274] = orientation
    options = {"exif": exif.tobytes()} if kind == "PNG" else {"tiffinfo": tags}
    picture = saved(tmp_path, Image.fromarray(values), kind, **options)
    assert picture.pixels.tolist() == upright(values[..., :3], orientation).tolist()
    assert picture.alpha.tolist() == upright(values[..., 3], orientation).tolist()


def test_orientation_of_a_16_bit_picture(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    picture = saved(tmp_path, grey16(0, 257 * 9), "PNG", exif=exif.tobytes())
    assert picture.pixels[..., 0].tolist() == [[0], [9]]


def test_a_broken_exif_block_is_left_out(tmp_path):
    image = image_of("RGB", RED, GREEN)
    picture = saved(tmp_path, image, "PNG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12")
    assert picture.pixels.tolist() == [[list(map(float, RED)), list(map(float, GREEN))]]


def test_pixels_that_cannot_be_rgb_get_a_sentence(monkeypatch, tmp_path):
    image_of("RGB", RED).save(tmp_path / "in.png")

    def refuse(*_):
        raise ValueError("conversion not supported")

    monkeypatch.setattr("deepdream.images.colour._to_srgb", refuse)
    with pytest.raises(DreamError, match=r"in\.png has pixels that cannot be turned into RGB"):
        read(str(tmp_path / "in.png"))
