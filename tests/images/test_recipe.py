"""Recipes can be read back from every format; anything else, or a damaged recipe, gives one sentence."""

import json
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile, PngImagePlugin

from deepdream.errors import DreamError
from deepdream.images.picture import read, read_recipe, write
from deepdream.images.recipe import difference, recipe_text, to_exif

Image.init()
EXTENSIONS = [".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff"] + [".avif"] * ("AVIF" in Image.SAVE)
RECIPE = {
    "version": "0.1.0",
    "layer": {"inception_4c/output": 1.0, "größe-夢": -0.5},
    "scale": 1.4,
    "step": 1e-05,
    "seed": 4294967295,
    "clip": True,
    "guide": None,
    "channels": [1, 2],
    "note": 'quoted "\\" and\nnew line',
}
GREY = np.full((8, 8, 3), 128, np.uint8)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_round_trip(tmp_path, extension):
    path = str(tmp_path / f"out{extension}")
    write(path, GREY, RECIPE, GREY[..., 0])
    assert read_recipe(path) == RECIPE
    assert list(read_recipe(path)) == list(RECIPE)


@pytest.mark.parametrize("extension", EXTENSIONS)
def test_a_long_recipe(tmp_path, extension):
    recipe = {f"layer {i}": i / 7 for i in range(1000)}
    write(str(tmp_path / f"out{extension}"), GREY, recipe)
    assert read_recipe(str(tmp_path / f"out{extension}")) == recipe


def test_the_exif_block_to_the_byte():
    text = b'{"dreamify": {"seed": 1, "note": "\\u00e9"}}'
    block = to_exif({"seed": 1, "note": "é"})
    assert block[:14] == b"Exif\0\0MM\0*\0\0\0\x08"
    tiff = block[6:]
    entries, tag, kind, count, exif_ifd, following = struct.unpack(">HHHLLL", tiff[8:26])
    assert (entries, tag, kind, count, following) == (1, 0x8769, 4, 1, 0)
    entries, tag, kind, count, value, following = struct.unpack(">HHHLLL", tiff[exif_ifd : exif_ifd + 18])
    assert (entries, tag, kind, following) == (1, 0x9286, 7, 0)  # UserComment, UNDEFINED
    assert tiff[value : value + count] == b"ASCII\0\0\0" + text
    assert len(tiff) == value + count


def test_a_recipe_outlives_a_conversion_that_keeps_exif(tmp_path):
    write(str(tmp_path / "out.jpg"), GREY, RECIPE)
    image = Image.open(tmp_path / "out.jpg")
    image.save(tmp_path / "other.webp", exif=image.info["exif"])
    assert read_recipe(str(tmp_path / "other.webp")) == RECIPE


def plain(path, text=None):
    """A picture by another program, with `text` where its format would hold a recipe."""
    options = {}
    if path.suffix == ".png":
        options["pnginfo"] = PngImagePlugin.PngInfo()
        options["pnginfo"].add_text("dreamify" if text and "dreamify" in text else "Comment", text or "hello")
    elif path.suffix == ".tif":
        options["tiffinfo"] = {270: text or ""}
    elif text:
        options["exif"] = to_exif({}).replace(b'{"dreamify": {}}', text.encode()[:16].ljust(16))
    Image.fromarray(GREY).save(path, **options)
    return str(path)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif", "a.gif"])
@pytest.mark.parametrize("text", [None, "my holidays", '{"title": 1}', "[1, 2]"])
def test_a_picture_that_is_not_a_dream(tmp_path, name, text):
    with pytest.raises(DreamError, match=r"a\.\w+ holds no recipe: "):
        read_recipe(plain(tmp_path / name, text))


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp", "a.tif"])
@pytest.mark.parametrize("text", ['{"dreamify":{"a"', '{"dreamify": [1]', '{"dreamify": 12}', '{"dreamify":[1]}'])
def test_a_damaged_recipe(tmp_path, name, text):
    with pytest.raises(DreamError, match=r"the recipe in .*a\.\w+ is damaged"):
        read_recipe(plain(tmp_path / name, text))


def test_a_broken_exif_block_holds_no_recipe(tmp_path):
    Image.fromarray(GREY).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x87\x69")
    with pytest.raises(DreamError, match="holds no recipe"):
        read_recipe(str(tmp_path / "a.jpg"))


def chunk(kind, content):
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


def resized(data, side):
    """A PNG whose header states another size, which its pixels do not have."""
    return data[:8] + chunk(b"IHDR", struct.pack(">LL", side, side) + data[24:29]) + data[33:]


def test_a_png_is_not_decoded(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    write(str(path), GREY, RECIPE)
    path.write_bytes(resized(path.read_bytes(), 2**31 - 1))
    with pytest.raises(DreamError, match=r"more than .* pixels"):
        read(str(path))
    monkeypatch.setattr(ImageFile.ImageFile, "load", None)
    assert read_recipe(str(path)) == RECIPE


@pytest.mark.parametrize("end", [8, 20, 33, 200, -60, -20, -12, -1])
def test_a_truncated_png_is_damaged(tmp_path, end):
    """Even if its recipe is whole: a batch would count it as done."""
    path = tmp_path / "a.png"
    write(str(path), GREY, RECIPE)
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(DreamError, match=r"a\.png is damaged or truncated.*: download"):
        read_recipe(str(path))


def test_a_wrong_byte_anywhere_in_a_png_is_damage(tmp_path):
    path = tmp_path / "a.png"
    write(str(path), GREY, {"seed": 1})
    whole = path.read_bytes()
    for place in range(8, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DreamError, match=r"a\.png is damaged or truncated"):
            read_recipe(str(path))


TEXT = json.dumps({"dreamify": RECIPE}).encode()


@pytest.mark.parametrize(
    "added",
    [
        chunk(b"tEXt", b"dreamify\0" + TEXT),
        chunk(b"zTXt", b"dreamify\0\0" + zlib.compress(TEXT)),
        chunk(b"iTXt", b"dreamify\0\0\0\0\0" + TEXT),
        chunk(b"iTXt", b"dreamify\0\1\0\0\0" + zlib.compress(TEXT)),
        chunk(b"eXIf", to_exif(RECIPE)[6:]),
    ],
)
@pytest.mark.parametrize("is_after", [False, True])
def test_other_programs_may_move_or_compress_it(tmp_path, added, is_after):
    path = tmp_path / "a.png"
    Image.fromarray(GREY).save(path)
    data = path.read_bytes()
    place = len(data) - 12 if is_after else 33
    path.write_bytes(data[:place] + added + data[place:] + b"rubbish")
    assert read_recipe(str(path)) == RECIPE


@pytest.mark.parametrize(
    "text", [b"", b"dreamify", b"dreamify\0\0no zlib", b"dreamify\0\0" + zlib.compress(bytes(2**24))]
)
@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt", b"iTXt", b"eXIf"])
def test_broken_texts_are_a_sentence(tmp_path, kind, text):
    path = tmp_path / "a.png"
    Image.fromarray(GREY).save(path)
    data = path.read_bytes()
    path.write_bytes(data[:33] + chunk(kind, text) + data[33:])
    with pytest.raises(DreamError, match=r"holds no recipe|is damaged"):
        read_recipe(str(path))


def test_what_is_not_a_picture(tmp_path):
    (tmp_path / "a.png").write_text(json.dumps({"dreamify": RECIPE}))
    with pytest.raises(DreamError, match="is not a picture"):
        read_recipe(str(tmp_path / "a.png"))
    with pytest.raises(DreamError, match="there is no file"):
        read_recipe(str(tmp_path / "b.png"))


def test_a_recipe_that_json_cannot_hold_is_an_error_of_the_program(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write(str(tmp_path / "a.png"), GREY, {"step": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_text_for_people():
    assert recipe_text({"layer": "inception_4c/output", "iterations": 10, "guide": None, "clip": True}) == (
        "layer       inception_4c/output\niterations  10\nguide       none\nclip        yes"
    )
    assert recipe_text({}) == ""


def test_text_for_people_moves_no_cursor():
    assert recipe_text({"a\nb": "\x1b[2J", "ü": "夢"}) == '"a\\nb"  "\\u001b[2J"\nü       夢'


@pytest.mark.parametrize(
    ("there", "asked", "key"),
    [
        ({"model_sha256": "a", "numbers_sha256": "n"}, {"model_sha256": "b", "numbers_sha256": "n"}, None),
        ({"model_sha256": "a", "numbers_sha256": "n"}, {"model_sha256": "b", "numbers_sha256": "m"}, "numbers_sha256"),
        ({"model_sha256": "a"}, {"model_sha256": "a", "numbers_sha256": "n"}, None),
        ({"model_sha256": "a", "numbers_sha256": "n"}, {"model_sha256": "a"}, None),
        ({"model_sha256": "a"}, {"model_sha256": "b", "numbers_sha256": "n"}, "model_sha256"),
        ({"model_sha256": "a"}, {"model_sha256": "b"}, "model_sha256"),
        ({"model_mean": [1.0, 2.0, 3.0]}, {"model_mean": [1.0, 2.0, 4.0]}, "model_mean"),
        ({"model_scale": 1.0}, {"model_scale": 0.017}, "model_scale"),
        ({}, {"model_mean": [1.0, 2.0, 3.0], "model_scale": 1.0}, None),  # of an older version
    ],
)
def test_a_net_is_its_numbers_and_its_mean_where_both_recipes_have_them(there, asked, key):
    assert difference({"seed": 1, **there}, {"seed": 1, **asked}) == key
    assert difference({"seed": 1, **there}, {"seed": 2, **asked}) == "seed"
