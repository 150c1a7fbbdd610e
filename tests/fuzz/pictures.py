"""Damaged pictures, in every format that Pillow writes here; and recipes that are nobody's."""

import io
import json
import struct
import zlib
from functools import lru_cache

import numpy as np
from PIL import Image

from deepdream.images.picture import read_recipe
from deepdream.images.recipe import KEYWORD
from tests.fuzz import damage
from tests.helpers.ready import dreamify
from tests.helpers.tiny import tiny_net, tiny_picture

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB", "PA", "RGBa")
OPTIONS = {
    "PNG": [{}, {"optimize": True}, {"save_all": True}],
    "JPEG": [{}, {"progressive": True}, {"subsampling": 2}, {"restart_marker_rows": 1}],
    "TIFF": [{}, *({"compression": name} for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits", "group4"))],
    "WEBP": [{}, {"lossless": True}, {"save_all": True}],
    "GIF": [{}, {"save_all": True}, {"interlace": 0}],
    "JPEG2000": [{}, {"irreversible": True}, {"tile_size": (16, 16)}],
}
# A TIFF's compressions that are for some modes; with others Pillow 12.3 ends the process as it writes.
FITTING = {"jpeg": ("L", "RGB", "CMYK", "YCbCr"), "group4": ("1",)}
SHORT = [
    "--iterations",
    "1",
    "--octaves",
    "1",
    "--max-size",
    "40",
    "--seed",
    "1",
    "--memory",
    "700M",
    "--model",
    "model",
]


def make(random, folder):
    """Writes a case into an empty folder, and returns what is run on it: (name, arguments) each."""
    tiny_net(folder / "model")
    tiny_picture(folder / "in.png", 24, 20)
    if random.random() < 0.1:
        return _with_a_damaged_recipe(random, folder)
    data = random.choice(seeds())
    way = random.random()
    data = _with_another_chunk(random, data) if data[:4] == b"\x89PNG" and way < 0.7 else data
    data = damage.in_bytes(random, data, seeds()) if way > 0.3 else data
    (folder / "case").write_bytes(data)
    asked = random.choice((["case", "out.png"], ["case", "out.tif"], ["in.png", "out.png", "--guide", "case"]))
    return [("dreamify", ["info", "case"]), ("dreamify", [*asked, *SHORT])]


@lru_cache(maxsize=None)
def seeds():
    """Files of all formats and modes that can be written."""
    y, x = np.mgrid[0:24, 0:28]
    whole = Image.fromarray(np.stack([9 * x, 10 * y, 4 * x + 5 * y, 255 - 3 * y], -1).astype(np.uint8), "RGBA")
    Image.init()
    found = {}
    for kind in sorted(set(Image.SAVE) - {"PDF", "PALM"}):
        for mode in MODES:
            for options in OPTIONS.get(kind, [{}]):
                if mode not in FITTING.get(options.get("compression"), MODES):
                    continue
                buffer = io.BytesIO()
                more = {"append_images": [_in(whole, mode)], "duration": 50} if options.get("save_all") else {}
                try:
                    _in(whole, mode).save(buffer, kind, **options, **more)
                except Exception:  # a format that does not have this mode or option
                    continue
                found[buffer.getvalue()] = None
    return list(found)


def _in(image, mode):
    if mode in ("I;16", "F", "I"):
        return Image.fromarray(np.asarray(image.convert("L")).astype({"I;16": "u2", "F": "f4", "I": "i4"}[mode]) * 200)
    return image.convert("RGB").convert(mode) if mode not in ("LA", "RGBA", "RGBa", "PA") else image.convert(mode)


def _with_another_chunk(random, data):
    """A PNG of which chunks are damaged but have the right sum, or that has one more."""
    chunks, place = [], 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        chunks.append((data[place + 4 : place + 8], data[place + 8 : place + 8 + length]))
        place += length + 12
    for _ in range(random.choice((1, 1, 2))):
        number = random.randrange(len(chunks))
        name, body = chunks[number]
        more = random.choice((b"iCCP", b"zTXt", b"iTXt", b"tRNS", b"eXIf", b"PLTE", b"acTL", b"fcTL", b"gAMA", b"tEXt"))
        new = (more, b"dreamify\0\0" + random.choice((body, zlib.compress(bytes(3 * 10**6)), random.randbytes(40))))
        chunks[number : number + 1] = random.choice(
            ([], [(name, body)] * 2, [(name, damage.in_bytes(random, body))], [(name, body), new], [new, (name, body)])
        )
    return data[:8] + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def _with_a_damaged_recipe(random, folder):
    """A dream whose recipe says strange things, to be shown and repeated."""
    dreamify([folder / "in.png", folder / "dream.png", *SHORT[:-1], folder / "model"])
    recipe = read_recipe(str(folder / "dream.png"))
    strange = [*damage.BROKEN, *damage.SIGNED, *damage.WORDS, None, True, [], {}, [[1]], "auto", "-", "noise:9x9"]
    for _ in range(random.choice((1, 1, 2, 4))):
        key = random.choice([*recipe, "zoom_frames", "moment", "mask_sha256", "class", "channel", "layers", "memory"])
        recipe[key] = random.choice(strange)
        if random.random() < 0.2:
            recipe.pop(random.choice(list(recipe)))
    text = json.dumps({KEYWORD: recipe})
    text = damage.in_text(random, text).decode("utf-8", "replace") if random.random() < 0.3 else text
    body = b"dreamify\0" + text.encode("latin-1", "replace")
    data = (folder / "dream.png").read_bytes()
    chunk = struct.pack(">I", len(body)) + b"tEXt" + body + struct.pack(">I", zlib.crc32(b"tEXt" + body))
    (folder / "case").write_bytes(data[:33] + chunk + data[33:])
    again = ["again", "case", "in.png", "new.png", "--model", "model"]
    return [("dreamify", ["info", "case"]), ("dreamify", again)]
