"""Google's deepdream of July 2015, function for function, on any engine's Net.

preprocess and deprocess turn a picture into what the net sees and back; make_step is one step of gradient ascent;
deepdream takes a picture through all its octaves. Names, defaults and order of computation are the 2015 code's, so on
the same Caffe the same seed gives the same bytes. What else a dream can be drawn towards is ascent.py's.
"""

from typing import Any, Callable, Iterator, NamedTuple, Optional, Tuple

import numpy as np
import scipy.ndimage as nd

from . import arrays
from .caffe_format.sizes import check_sizes
from .errors import DreamError, UsageError
from .objectives import Objective, objective_L2
from .settings import DREAM, DreamSettings

# From the shift (vertical, horizontal) of the net's picture to how it should change, (3, h, w).
Gradient = Callable[[Tuple[int, int]], Any]


def preprocess(net: Any, img: np.ndarray) -> np.ndarray:
    """(h, w, 3) RGB of 0-255 -> (3, h, w) float32 BGR with the mean subtracted.

    Raises UsageError for anything but an array of that shape, of finite numbers.
    """
    img = arrays.checked_picture(img)
    return np.float32(np.rollaxis(img, 2)[::-1]) - net.transformer.mean[net.inputs[0]]


def deprocess(net: Any, img: np.ndarray) -> np.ndarray:
    """The inverse of preprocess: (3, h, w) -> (h, w, 3), neither clipped nor rounded.

    Raises UsageError for another shape.
    """
    if np.ndim(img) != 3 or len(img) != 3:
        size = "x".join(map(str, np.shape(img)))
        raise UsageError(f"deprocess takes an array of (3, height, width), as preprocess makes it, not of {size}")
    return np.dstack((img + net.transformer.mean[net.inputs[0]])[::-1])


def gradient_towards(net: Any, end: str, objective: Objective) -> Any:
    """(3, h, w): the gradient of an objective of layer `end` on the net's picture, in the net's own memory."""
    net.forward(end=end)
    objective(net.blobs[end])
    net.backward(start=end)
    return net.blobs[net.inputs[0]].diff[0]


def make_step(
    net: Any,
    step_size: float = DREAM.step_size,
    end: str = DREAM.end,
    jitter: int = DREAM.jitter,
    clip: bool = DREAM.clip,
    objective: Objective = objective_L2,
    rng: Any = np.random,
) -> None:
    """One step of gradient ascent on the picture in the net's input blob.

    Args:
        step_size, jitter, clip, rng: see ascend.

    Raises what ascend raises, and UsageError for a value out of range.
    """
    DreamSettings(end=end, step_size=step_size, jitter=jitter, clip=clip)
    ascend(net, lambda _: gradient_towards(net, end, objective), step_size, jitter, clip, rng)


def ascend(net: Any, gradient: Gradient, step_size: float, jitter: int, clip: bool, rng: Any) -> None:
    """One step along a gradient.

    The picture is shifted by up to `jitter` pixels either way and back, moved along the gradient so that its pixels
    change by `step_size` levels in the mean, and clipped to what a picture can show.

    Args:
        gradient: is called when the picture in the net's input blob is shifted.
        rng: what the two shifts are drawn from: a RandomState, or numpy.random itself as in 2015.

    Whatever is raised, the picture is where it was before the step, not shifted.

    Raises:
        DreamError: the gradient is zero or not finite; the picture is as it was before the step.
    """
    src = net.blobs[net.inputs[0]]

    ox, oy = rng.randint(-jitter, jitter + 1, 2)
    src.data[0] = arrays.roll(src.data[0], (oy, ox))
    try:
        g = gradient((oy, ox))
        size = abs(g).mean()
        least = abs(step_size) / np.finfo(np.float32).max  # below it step_size / size would be infinite
        usable = least < size < np.inf
        if usable:
            src.data[:] += step_size / size * g
    finally:
        src.data[0] = arrays.roll(src.data[0], (-oy, -ox))
    if not usable:
        fault = "zero" if size <= least else "not finite"
        raise DreamError(f"the gradient is {fault} on this picture: try another layer, or a smaller step")
    if clip:
        bias = arrays.like(net.transformer.mean[net.inputs[0]], src.data)
        src.data[:] = src.data.clip(-bias, 255 - bias)


class Step(NamedTuple):
    """What dream_steps has just done; the pictures are those of this moment until it goes on."""

    net: Any
    base: np.ndarray  # (3, h, w): the picture as it is undreamt
    octave_base: np.ndarray  # (3, h, w): the same at the octave's size
    octave: int  # from 0, the smallest
    iteration: int  # from 0
    copy: Optional[np.ndarray] = None  # (3, h, w): what the net's input blob held, see kept

    def kept(self) -> "Step":
        """The same with a copy of its picture, which stays what it is when dream_steps goes on."""
        return self._replace(copy=np.array(arrays.to_numpy(self._data())))

    def picture(self) -> np.ndarray:
        """(h, w, 3) float32: the picture at the octave's size, as the notebook showed it after every step."""
        return deprocess(self.net, arrays.to_numpy(self._data())).astype(np.float32, copy=False)

    def whole(self) -> np.ndarray:
        """(h, w, 3) float32: the picture at its full size, with what has been dreamt so far."""
        if self.octave_base.shape == self.base.shape:
            return self.picture()  # to the bit: taking the base away and adding it again would round
        detail = arrays.to_numpy(self._data()) - self.octave_base
        return deprocess(self.net, self.base + _zoomed(detail, self.base.shape)).astype(np.float32, copy=False)

    def _data(self) -> Any:
        return self.copy if self.copy is not None else self.net.blobs[self.net.inputs[0]].data[0]


def dream_steps(
    net: Any, base_img: np.ndarray, settings: DreamSettings, step: Callable[[np.ndarray, Any], None]
) -> Iterator[Step]:
    """The octaves of deepdream, with a Step after each step; the net's input blob holds the picture.

    step: changes the picture in the net's input blob, given the (3, h, w) that it was before the dream, and what its
    random numbers are drawn from.
    """
    octave_scale = settings.octave_scale
    rng = np.random.RandomState(settings.seed)
    octaves = [preprocess(net, base_img)]
    for _ in range(settings.octave_n - 1):
        octaves.append(nd.zoom(octaves[-1], (1, 1.0 / octave_scale, 1.0 / octave_scale), order=1))

    src, base = net.blobs[net.inputs[0]], octaves[0]
    detail: Any = np.zeros_like(octaves[-1])  # what the net has added so far
    for octave in range(settings.octave_n):
        octave_base = octaves.pop()  # a large picture should not be in memory more often than it must
        if octave > 0:
            detail = _zoomed(detail, octave_base.shape)
        src.reshape(1, *octave_base.shape)
        detail += octave_base
        src.data[0] = arrays.like(detail, src.data)
        detail = None
        for i in range(settings.iter_n):
            step(octave_base, rng)
            yield Step(net, base, octave_base, octave, i)
        detail = arrays.to_numpy(src.data[0]) - octave_base


def deepdream(
    net: Any,
    base_img: np.ndarray,
    iter_n: int = DREAM.iter_n,
    octave_n: int = DREAM.octave_n,
    octave_scale: float = DREAM.octave_scale,
    end: str = DREAM.end,
    clip: bool = DREAM.clip,
    objective: Objective = objective_L2,
    seed: Optional[int] = None,
    step_size: float = DREAM.step_size,
    jitter: int = DREAM.jitter,
) -> np.ndarray:
    """One whole dream.

    Args:
        net: a Net of load_net; its input blob is overwritten.
        base_img: (h, w, 3) RGB of 0-255; what is not float32, bytes say, is computed with as float32.
        iter_n: steps in each octave, 0 or more.
        octave_n: octaves, 1 or more.
        octave_scale: an octave's size by that of the one before, above 1.
        end: the layer to dream on; it needs a blob of its own name.
        clip: keep the picture within 0-255 after each step.
        objective: writes the diff of the `end` blob.
        seed: of the shifts, 0 to 2**32 - 1; None draws one.
        step_size: the mean change of a pixel in a step, in levels.
        jitter: the greatest shift, in pixels.

    Returns:
        (h, w, 3) float32 RGB, neither clipped nor rescaled, whatever `clip` says.

    Raises:
        UsageError: a value out of range, a picture of another shape or with numbers that are not finite, or `end` is no
            layer of this net that can be dreamt on.
        DreamError: an octave is too small for `end`, or a gradient is zero or not finite.
    """
    settings = DreamSettings(end, iter_n, octave_n, octave_scale, step_size, jitter, clip, seed)
    net.topology.check_end(end)
    base_img = arrays.checked_picture(base_img, "base_img")
    check_sizes(net.topology, base_img.shape[:2], octave_n, octave_scale, end)

    def step(_: np.ndarray, rng: Any) -> None:
        make_step(net, step_size, end, jitter, clip, objective, rng)

    return dreamt(net, base_img, settings, step)


def dreamt(
    net: Any, base_img: np.ndarray, settings: DreamSettings, step: Callable[[np.ndarray, Any], None]
) -> np.ndarray:
    """(h, w, 3) float32: what dream_steps has come to at its end."""
    for _ in dream_steps(net, base_img, settings, step):
        pass
    return deprocess(net, arrays.to_numpy(net.blobs[net.inputs[0]].data[0])).astype(np.float32, copy=False)


def guide_features(net: Any, guide_img: np.ndarray, end: str = DREAM.end) -> np.ndarray:
    """(c, h, w): what `end` shows for a guide picture of (h, w, 3) RGB, for objective_guide.

    Raises what deepdream raises.
    """
    net.topology.check_end(end)
    guide_img = arrays.checked_picture(guide_img, "guide_img")
    check_sizes(net.topology, guide_img.shape[:2], 1, DREAM.octave_scale, end)
    src = net.blobs[net.inputs[0]]
    src.reshape(1, 3, *guide_img.shape[:2])
    src.data[0] = arrays.like(preprocess(net, guide_img), src.data)
    net.forward(end=end)
    return arrays.to_numpy(net.blobs[end].data[0]).copy()


def _zoomed(detail: np.ndarray, shape: Any) -> np.ndarray:
    """(3, h, w) brought to another height and width as the 2015 code does."""
    h, w = shape[-2:]
    h1, w1 = detail.shape[-2:]
    return nd.zoom(detail, (1, 1.0 * h / h1, 1.0 * w / w1), order=1)
