"""Draws pictures side by side with titles in a scalable font, and pictures with a caption below."""

import math
import re
from typing import Iterator, List, Sequence, Tuple, Union

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..arrays import Size

# (h, w, 3) uint8, or with alpha (h, w, 4); or the reason why there is no picture.
Content = Union[np.ndarray, str]
_Font = Union[ImageFont.FreeTypeFont, ImageFont.ImageFont]  # scalable, or Pillow's bitmap font

_PAPER, _INK, _MISSING = "#ffffff", "#222222", "#c8c8c8"
_SCREEN = 3 / 2  # width by height
_MIN_LETTERS = 10  # pixels: smaller letters are illegible
# Fonts of the system, for a Pillow without a scalable font of its own: Pillow before 10.1, to which real Caffe's
# environments are limited, and a Pillow without FreeType.
_FONTS = ("DejaVuSans.ttf", "LiberationSans-Regular.ttf", "Arial.ttf")


def table(contents: Sequence[Content], size: Size, rows: Sequence[str], columns: Sequence[str]) -> np.ndarray:
    """A table of two settings: one varies by row, the other by column.

    contents: row by row, each picture of (height, width) `size`. rows, columns: the setting's name, then its values.
    Returns (h, w, 3) uint8, with alpha (h, w, 4).
    """
    (h, w), letters = size, _letters(size)
    gap = max(4, letters // 2)
    left = _Titles(rows, max(w // 2, 1), letters)
    top = _Titles(columns[1:], w, letters)
    name = _Titles(columns[:1], w, letters)
    column, row = max(w, top.width), max(h, left.height)
    x0, y0 = left.width + 2 * gap, name.height + top.height + 2 * gap
    width = max(name.width + gap, len(columns[1:]) * (column + gap))
    canvas = _paper(contents, x0 + width, y0 + len(rows[1:]) * (row + gap))
    draw = ImageDraw.Draw(canvas)
    name.draw(draw, 0, (x0, gap), width - gap)
    left.draw(draw, 0, (gap, y0 - gap // 2 - left.height_of(0)), left.width)
    for number in range(len(columns[1:])):
        top.draw(draw, number, (x0 + number * (column + gap), y0 - gap // 2 - top.height_of(number)), column)
    for number in range(len(rows[1:])):
        y = y0 + number * (row + gap)
        left.draw(draw, number + 1, (gap, y + (row - left.height_of(number + 1)) // 2), left.width)
    for number, content in enumerate(contents):
        y, x = divmod(number, len(columns[1:]))
        place = (x0 + x * (column + gap) + (column - w) // 2, y0 + y * (row + gap) + (row - h) // 2)
        _put(canvas, content, size, place, letters)
    return np.asarray(canvas)


def wrapped(contents: Sequence[Content], size: Size, titles: Sequence[str]) -> np.ndarray:
    """The pictures for one setting, each of (height, width) `size` with its title above, wrapped into lines like words.

    Returns (h, w, 3) uint8, with alpha (h, w, 4), with about the proportions of a screen.
    """
    (h, w), letters = size, _letters(size)
    gap = max(4, letters // 2)
    top = _Titles(titles, w, letters)
    column, row = max(w, top.width), top.height + gap // 2 + h
    columns = _columns(len(contents), column + gap, row + gap)
    canvas = _paper(contents, gap + columns * (column + gap), gap + -(-len(contents) // columns) * (row + gap))
    draw = ImageDraw.Draw(canvas)
    for number, content in enumerate(contents):
        y, x = divmod(number, columns)
        left, bottom = gap + x * (column + gap), gap + y * (row + gap) + row
        top.draw(draw, number, (left, bottom - h - gap // 2 - top.height_of(number)), column)
        _put(canvas, content, size, (left + (column - w) // 2, bottom - h), letters)
    return np.asarray(canvas)


def captioned(contents: Sequence[Content], size: Size, captions: Sequence[str]) -> Iterator[np.ndarray]:
    """The frames of an animation: each picture, of (height, width) `size`, with its caption below.

    Yields (h, w, 3) uint8, with alpha (h, w, 4), all of one size.
    """
    (h, w), letters = size, _letters(size)
    gap = max(4, letters // 2)
    below = _Titles(captions, max(w - 2 * gap, 1), letters)
    width = max(w, below.width + 2 * gap)
    for number, content in enumerate(contents):
        canvas = _paper(contents, width, h + below.height + gap)
        _put(canvas, content, size, ((width - w) // 2, 0), letters)
        lower = h + gap // 2 + (below.height - below.height_of(number)) // 2
        below.draw(ImageDraw.Draw(canvas), number, (0, lower), width)
        yield np.asarray(canvas)


class _Titles:
    """Texts in the largest font size at which all of them fit into a width; long ones are wrapped.

    If none fits, the smallest size is used, and `width` is the width that the texts take in it.
    """

    def __init__(self, texts: Sequence[str], width: int, letters: int):
        # Pillow's bitmap font fails on other characters, which must not make the sheet fail.
        texts = [text.encode("latin-1", "replace").decode("latin-1") for text in texts]
        for size in range(max(letters, _MIN_LETTERS), _MIN_LETTERS - 1, -1):
            self._font = _font(size)
            self._lines = [self._broken(text, width) for text in texts]
            self.width = max(self._width(line) for lines in self._lines for line in lines)
            if self.width <= width:
                break
        self._line = _line_height(self._font)
        self.height = max(self.height_of(number) for number in range(len(texts)))

    def height_of(self, number: int) -> int:
        return len(self._lines[number]) * self._line

    def draw(self, draw: ImageDraw.ImageDraw, number: int, place: Tuple[int, int], width: int) -> None:
        """Draws a text at (left, top), each line centred in a width."""
        left, top = place
        for i, line in enumerate(self._lines[number]):
            x = left + (width - self._width(line)) // 2
            draw.text((x, top + i * self._line), line, fill=_INK, font=self._font)

    def _width(self, text: str) -> int:
        if isinstance(self._font, ImageFont.FreeTypeFont):
            return math.ceil(self._font.getlength(text))
        return int(self._font.getmask(text).size[0])

    def _broken(self, text: str, width: int) -> List[str]:
        lines = [""]
        for piece in re.findall("[^ /]*[ /]?", text):
            if lines[-1] and self._width((lines[-1] + piece).rstrip()) > width:
                lines.append("")
            lines[-1] += piece
        return [line.rstrip() for line in lines]


def _letters(size: Size) -> int:
    """The font size beside pictures of (height, width)."""
    return max(_MIN_LETTERS, round(math.sqrt(size[0] * size[1]) / 13))


def _font(size: int) -> _Font:
    try:
        return ImageFont.load_default(size=size)
    except (TypeError, ImportError, OSError):
        pass
    for name in _FONTS:
        try:
            return ImageFont.truetype(name, size)
        except (ImportError, OSError):
            continue
    return ImageFont.load_default()


def _line_height(font: _Font) -> int:
    if isinstance(font, ImageFont.FreeTypeFont):
        return int(sum(font.getmetrics()))
    return int(font.getmask("Ag").size[1]) + 2


def _columns(count: int, width: int, height: int) -> int:
    """The number of columns that gives about the proportions of a screen with few empty places.

    Up to three pictures go in one line, though, to be compared.
    """

    def cost(columns: int) -> float:
        rows = -(-count // columns)
        return abs(math.log(columns * width / (rows * height) / _SCREEN)) + columns * rows / count - 1

    return count if count <= 3 else min(range(1, count + 1), key=cost)


def _paper(contents: Sequence[Content], width: int, height: int) -> Image.Image:
    """A blank canvas, white and opaque, with an alpha channel if any picture has one."""
    has_alpha = any(not isinstance(content, str) and content.shape[2] == 4 for content in contents)
    return Image.new("RGBA" if has_alpha else "RGB", (width, height), _PAPER)


def _put(canvas: Image.Image, content: Content, size: Size, place: Tuple[int, int], letters: int) -> None:
    """Puts a picture on the canvas, or a grey area with the reason in its middle."""
    h, w = size
    if not isinstance(content, str):
        canvas.paste(Image.fromarray(content), place)
        return
    grey = Image.new("RGB", (w, h), _MISSING)
    words = _Titles([content], max(w - 4, 1), letters)
    words.draw(ImageDraw.Draw(grey), 0, (0, max(0, (h - words.height) // 2)), w)
    canvas.paste(grey, place)
