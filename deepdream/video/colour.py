"""Converts between FFmpeg's frames and RGB, with the colour matrix and the range of each film.

The conversion uses FFmpeg's `scale` filter, because every release accepts both by name. PyAV's own reformat() offers
accurate rounding only in newer releases.
"""

from typing import TYPE_CHECKING, List, Optional, Tuple, cast

import numpy as np

from ..arrays import Size
from .film import BT709, pyav

if TYPE_CHECKING:
    import av
    import av.filter

LIMITED, FULL = 1, 2  # FFmpeg's AVColorRange
_RGB, _UNSPECIFIED = 0, 2
# The matrices of H.273 that swscale knows. It treats BT.2020 with constant luminance (10) like the usual one (9).
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020", 10: "bt2020"}
_FLAGS = "bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
_HD_HEIGHT = 720  # from this height on, players assume BT.709 for a film that does not name its matrix


def matrix_and_range(frame: "av.VideoFrame") -> Tuple[int, bool]:
    """The code point of a frame's matrix, and whether its range is full; guessed if the frame does not say.

    RGB has neither, so it gets the best choice for storing it: BT.709 and limited range.
    """
    if frame.format.is_rgb or frame.colorspace == _RGB:
        return BT709, False
    matrix = frame.colorspace
    if matrix not in _MATRICES:
        matrix = BT709 if frame.height >= _HD_HEIGHT else 6
    name = frame.format.name
    full = frame.color_range == FULL or (frame.color_range != LIMITED and name.startswith(("yuvj", "gray", "ya")))
    return matrix, full


class ToRgb:
    """Converts av.VideoFrames of any format and size to RGB, all at the size of the first frame."""

    def __init__(self) -> None:
        self._size: Optional[Tuple[int, int]] = None
        self._kind: Optional[Tuple[int, int, str, int, bool]] = None
        self._graph: Optional[av.filter.Graph] = None

    def __call__(self, frame: "av.VideoFrame") -> Tuple[np.ndarray, Optional[np.ndarray]]:
        """Return (h, w, 3) uint8 RGB and (h, w) uint8 alpha, which is None if everything is opaque."""
        matrix, full = matrix_and_range(frame)
        kind = (frame.width, frame.height, frame.format.name, matrix, full)
        into = "rgba" if _has_alpha(frame.format) else "rgb24"
        if self._graph is None or kind != self._kind:
            self._size = self._size or (frame.width, frame.height)
            said = [] if frame.format.is_rgb else [f"in_color_matrix={_MATRICES[matrix]}", f"in_range={_range(full)}"]
            self._graph = _graph(frame, [*said, "w={}:h={}".format(*self._size)], into)
            self._kind = kind
        self._graph.push(frame)
        pixels = cast("av.VideoFrame", self._graph.pull()).to_ndarray()
        if into == "rgb24" or pixels[..., 3].min() == 255:
            return np.ascontiguousarray(pixels[..., :3]), None
        return np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])


class ToYuv:
    """Converts RGB to av.VideoFrames in yuv420p with a given matrix and range.

    matrix: a code point of H.273; an unknown one means BT.709. full: whether the range is full. has_alpha: whether to
    convert RGB with alpha to yuva420p instead.
    """

    def __init__(self, matrix: int, full: bool, has_alpha: bool = False):
        self.matrix, self._full = matrix if matrix in _MATRICES else BT709, full
        self._from, self.format = ("rgba", "yuva420p") if has_alpha else ("rgb24", "yuv420p")
        self._graph: Optional[av.filter.Graph] = None

    def __call__(self, pixels: np.ndarray, size: Size) -> "av.VideoFrame":
        """pixels: (h, w, 3 or 4) uint8, the same size in each call. size: (height, width) to scale to, likewise."""
        frame = pyav().VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=self._from)
        if self._graph is None:
            said = [f"out_color_matrix={_MATRICES[self.matrix]}", f"out_range={_range(self._full)}", "in_range=full"]
            self._graph = _graph(frame, [*said, "h={}:w={}".format(*size)], self.format)
        self._graph.push(frame)
        converted = cast("av.VideoFrame", self._graph.pull())
        converted.colorspace, converted.color_range = self.matrix, FULL if self._full else LIMITED
        return converted


def _has_alpha(pixel_format: "av.VideoFormat") -> bool:
    """Whether a pixel format can be transparent; the colours of a palette can be, too."""
    return pixel_format.has_palette or any(component.is_alpha for component in pixel_format.components)


def _range(full: bool) -> str:
    return "full" if full else "limited"


def _graph(frame: "av.VideoFrame", settings: List[str], pixel_format: str) -> "av.filter.Graph":
    """Build a filter graph for frames like this one. settings: for the scale filter."""
    graph = pyav().filter.Graph()
    # The time base does not matter: each frame comes out before the next one goes in.
    time_base = frame.time_base or "1/1000"
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format.name, time_base=time_base)
    scale = graph.add("scale", ":".join([f"flags={_FLAGS}", *settings]))
    into = graph.add("format", f"pix_fmts={pixel_format}")
    sink = graph.add("buffersink")
    source.link_to(scale)
    scale.link_to(into)
    into.link_to(sink)
    graph.configure()
    return graph
