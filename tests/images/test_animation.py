"""Animations are written as their frames come."""

import io

import numpy as np
import pytest
from PIL import Image, features

from deepdream.errors import DreamError
from deepdream.images import animation

needs_webp = pytest.mark.skipif(not features.check("webp"), reason="this Pillow has no WebP")


def frames(count):
    return [np.random.RandomState(number).randint(0, 256, (30, 40, 3)).astype(np.uint8) for number in range(count)]


def read(file):
    with Image.open(file) as image:
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            yield np.asarray(image.convert("RGB")), image.info["duration"]


@needs_webp
@pytest.mark.parametrize("count", [1, 2, 30])
def test_a_webp_has_each_frame_exactly(count):
    file, given = io.BytesIO(), frames(count)
    durations = [100 + 10 * number for number in range(count)]
    animation.write(file, "WEBP", iter(given), durations, {"seed": 7})
    if count > 1:
        pixels, shown = zip(*read(file))
        assert list(shown) == durations
        assert (np.stack(pixels) == np.stack(given)).all()
    else:
        assert (np.asarray(Image.open(file).convert("RGB")) == given[0]).all()


@needs_webp
def test_webp_as_pillow_writes_it_from_a_list():
    """To the byte, but without holding the frames."""
    file, given, alone = io.BytesIO(), frames(6), io.BytesIO()
    animation.write(file, "WEBP", iter(given), [100] * 6, {"seed": 7})
    first, *rest = map(Image.fromarray, given)
    options = {"exif": animation.recipes.to_exif({"seed": 7}), "icc_profile": animation.colour.srgb_profile()}
    first.save(alone, "WEBP", save_all=True, append_images=rest, duration=[100] * 6, loop=0, lossless=True, **options)
    assert file.getvalue() == alone.getvalue()


@pytest.mark.parametrize("kind", ["GIF", pytest.param("WEBP", marks=needs_webp)])
def test_no_frame_is_held(kind, monkeypatch):
    """When one is asked for, at most two before it are still there."""
    alive, asked, fromarray = set(), 0, Image.fromarray

    class Held:
        """Stands in for the pixels of a frame; a picture keeps it as long as it lives."""

        def __init__(self, number):
            self.number = number
            alive.add(number)

        def __del__(self):
            alive.discard(self.number)

    def counted(pixels, *args):
        image = fromarray(pixels, *args)
        image.info["held"] = Held(asked)
        return image

    def coming():
        nonlocal asked
        for pixels in frames(20):
            asked += 1
            assert len(alive) <= (2 if kind == "WEBP" else 4)
            yield pixels

    monkeypatch.setattr(Image, "fromarray", counted)
    animation.write(io.BytesIO(), kind, coming(), [100] * 20, {})
    assert asked == 20


@pytest.mark.parametrize("kind", ["GIF", pytest.param("WEBP", marks=needs_webp)])
def test_who_counts_hears_of_every_frame_and_may_give_up(kind):
    class GivenUp(DreamError):
        pass

    def coming(until):
        for pixels in frames(5):
            yield pixels
            heard.append(pixels)
            if len(heard) == until:
                raise GivenUp

    heard = []
    animation.write(io.BytesIO(), kind, coming(9), [100] * 5, {})
    assert len(heard) == 5
    heard = []
    with pytest.raises(GivenUp):
        animation.write(io.BytesIO(), kind, coming(2), [100] * 5, {})
    assert len(heard) == 2
