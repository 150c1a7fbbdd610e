"""HEIC pictures: read where pillow-heif is installed, told where it is not."""

import sys
from pathlib import Path

import pytest

from deepdream.errors import DreamError
from deepdream.images import heic, picture

FTYP = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 40


@pytest.fixture
def without(monkeypatch):
    """pillow-heif is not installed."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heic.is_readable.cache_clear()
    yield
    heic.is_readable.cache_clear()


def test_what_is_one():
    assert heic.is_one(FTYP)
    assert not heic.is_one(b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif" + b"\0" * 40)  # an AVIF
    assert not heic.is_one(b"\x89PNG\r\n\x1a\n")
    assert not heic.is_one(b"")


def test_without_the_package_it_is_told(without, tmp_path):
    (tmp_path / "in.jpg").write_bytes(FTYP)
    with pytest.raises(
        DreamError, match="is a HEIC picture, which needs pillow-heif: pip install pillow-heif, or save"
    ):
        picture.read(str(tmp_path / "in.jpg"))
    assert not picture.is_named_so(Path("in.heic"))


def test_with_the_package_it_is_read(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    import numpy as np
    from PIL import Image

    heic.is_readable.cache_clear()
    pixels = np.full((32, 48, 3), (200, 90, 40), np.uint8)
    pillow_heif.from_pillow(Image.fromarray(pixels)).save(str(tmp_path / "in.heic"), quality=-1)
    read = picture.read(str(tmp_path / "in.heic"))
    assert read.size == (32, 48)
    assert abs(read.pixels.astype(int) - pixels).max() < 8
    assert picture.is_named_so(Path("in.HEIC"))
    (tmp_path / "cut.heic").write_bytes((tmp_path / "in.heic").read_bytes()[:200])
    with pytest.raises(DreamError, match=r"cut\.heic"):
        picture.read(str(tmp_path / "cut.heic"))
