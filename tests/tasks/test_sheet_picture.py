"""Sheets as pictures: every dream to the pixel, every title in its place, whatever their sizes."""

import numpy as np
import pytest
from PIL import ImageFont

from deepdream.tasks import sheet_picture
from deepdream.tasks.sheet_picture import captioned, table, wrapped

WHITE = 255
LONG = "inception_4c/5x5_reduce"
SIZES = [(100, 160), (150, 240), (40, 300), (300, 40), (9, 9), (1, 1)]


@pytest.fixture(params=["Pillow's", "the system's", "bitmap"])
def font(request, monkeypatch):
    """Each font that there may be."""
    bitmap = getattr(ImageFont, "load_default_imagefont", ImageFont.load_default)

    def load_default(*size, **more):
        if more or size:
            raise TypeError("no size before Pillow 10.1")
        return bitmap()

    def truetype(*_):
        raise OSError("no such font")

    if request.param != "Pillow's":
        monkeypatch.setattr(ImageFont, "load_default", load_default)
    if request.param == "bitmap":
        monkeypatch.setattr(ImageFont, "truetype", truetype)
    return request.param


def dreams(count, size):
    """Pictures without white, so that what is drawn beside them can be told from them."""
    return list(np.random.RandomState(0).randint(0, 200, (count, *size, 3)).astype(np.uint8))


def place(sheet, content):
    """(top, left) of a picture in a sheet, where it is once."""
    h, w = content.shape[:2]
    rows, columns = np.nonzero((sheet[: sheet.shape[0] - h + 1, : sheet.shape[1] - w + 1] == content[0, 0]).all(-1))
    places = [(y, x) for y, x in zip(rows, columns) if (sheet[y : y + h, x : x + w] == content).all()]
    assert len(places) == 1
    return places[0]


def without(sheet, contents):
    """What is drawn beside the pictures, as ink: (h, w) of true and false."""
    sheet = sheet.copy()
    for content in contents:
        top, left = place(sheet, content)
        sheet[top : top + content.shape[0], left : left + content.shape[1]] = WHITE
    return (sheet < WHITE).any(-1)


def framed(ink):
    """Whether nothing touches the border, where it would be cut off."""
    return not (ink[0].any() or ink[-1].any() or ink[:, 0].any() or ink[:, -1].any())


@pytest.mark.parametrize("size", SIZES)
def test_a_table_has_its_rows_and_columns(font, size):
    contents = dreams(6, size)
    sheet = table(contents, size, ["layer", "conv1", LONG], ["iterations", "5", "10", "20"])
    assert sheet.dtype == np.uint8
    places = [place(sheet, content) for content in contents]
    assert places == sorted(places)
    assert [y for y, _ in places] == sorted([places[0][0], places[3][0]] * 3)
    assert [x for _, x in places[:3]] == [x for _, x in places[3:]]
    ink = without(sheet, contents)
    assert framed(ink)
    (top, left), lower = places[0], places[3][0]
    assert ink[:top, left:].any()  # the columns'
    assert ink[:top, :left].any()  # the rows' setting
    assert ink[top : lower - 1, :left].any()
    assert ink[lower:, :left].any()
    assert not ink[top + size[0] : lower, left:].any()
    assert not ink[top:, left:].any()


@pytest.mark.parametrize("size", SIZES)
def test_one_setting_has_a_title_above_each_that_stays_beside_its_neighbours(font, size):
    contents = dreams(7, size)
    sheet = wrapped(contents, size, ["a", LONG, "a", "b", "a", "a", LONG])
    ink = without(sheet, contents)
    assert framed(ink)
    places = [place(sheet, content) for content in contents]
    assert places == sorted(places)
    columns = len({x for _, x in places})
    step = places[1][1] - places[0][1]
    titles = []
    for number, (top, left) in enumerate(places):
        middle = left + size[1] // 2
        above = places[number - columns][0] + size[0] if number >= columns else 0
        titles.append(ink[above:top, max(0, middle - step // 2) : middle + step // 2])
        assert titles[-1].any()
        edges = ink[above:top, [max(0, middle - step // 2), min(middle + step // 2, ink.shape[1] - 1)]]
        assert not edges.any()  # a title reaches as far as half way to the next
    assert sum(title.sum() for title in titles) == ink.sum()
    assert titles[1].sum() > titles[0].sum()


def test_different_titles_are_different_pictures(font):
    contents = dreams(2, (100, 160))
    one, other = (wrapped(contents, (100, 160), ["conv1", name]) for name in ("conv2", "conv3"))
    assert one.shape == other.shape
    assert (one != other).any()


@pytest.mark.parametrize("count", [1, 2, 4, 9, 60, 81])
def test_a_sheet_is_about_as_wide_as_a_screen(count):
    contents = dreams(count, (40, 60))
    sheet = wrapped(contents, (40, 60), [str(number) for number in range(count)])
    assert 0.5 < sheet.shape[1] / sheet.shape[0] < 3.2
    rows, columns = map(set, zip(*(place(sheet, content) for content in contents)))
    assert count <= len(rows) * len(columns) <= count * 1.4


@pytest.mark.parametrize("size", SIZES)
def test_three_stand_in_one_line(size):
    contents = dreams(3, size)
    sheet = wrapped(contents, size, ["a", "b", "c"])
    assert len({place(sheet, content)[0] for content in contents}) == 1


@pytest.mark.parametrize("size", SIZES)
def test_captions_stand_below_in_pictures_of_one_size(font, size):
    contents = dreams(3, size)
    captions = ["a", LONG + ", 10 iterations", "b"]
    frames = list(captioned(contents, size, captions))
    assert len({frame.shape for frame in frames}) == 1
    for frame, content in zip(frames, contents):
        assert place(frame, content)[0] == 0
        ink = without(frame, [content])
        assert ink[size[0] :].any()
        assert not ink[: size[0]].any()
        assert not ink[-1].any()
        assert not ink[:, [0, -1]].any()


@pytest.mark.parametrize("size", SIZES)
def test_a_dream_that_failed_is_grey_with_the_reason_in_it(size):
    contents = dreams(2, size)
    sheet = wrapped([contents[0], "the gradient is zero on this picture"], size, ["a", "b"])
    top, left = place(sheet, contents[0])
    y, x = np.argwhere((sheet == 200).all(-1)).min(0)
    grey = sheet[y : y + size[0], x : x + size[1]]
    if size == (100, 160):
        assert (grey == 200).all(-1).mean() > 0.7
        assert (grey < 100).any()
        assert not (grey[:, [0, -1]] < 200).any()
    assert (top, left) != (y, x)


def test_letters_that_no_font_has(font):
    contents = dreams(2, (40, 60))
    assert wrapped(contents, (40, 60), ["층", "слой"]).shape == wrapped(contents, (40, 60), ["?", "????"]).shape


def test_pillow_brings_a_real_font_or_the_system_has_one():
    assert isinstance(sheet_picture._font(20), ImageFont.FreeTypeFont)
