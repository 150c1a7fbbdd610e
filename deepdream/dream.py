"""Google's deepdream of July 2015, function for function, on any engine's Net.

make_step runs one step of gradient ascent; deepdream runs a picture through all its octaves. Names, defaults and the
order of computation are those of the 2015 code, so the same seed gives the same bytes on the same Caffe. preprocess and
deprocess are in net_input.py; weighted objectives, regularizers and masks in ascent.py; seamless pictures in
seamless.py.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Callable, Iterator, NamedTuple, Tuple, Union

import numpy as np

from . import arrays
from .caffe_format.sizes import check_sizes, octave_sizes
from .errors import DreamError
from .net_input import deprocess, preprocess, unseen_colours, with_colours
from .objectives import Objective, objective_L2
from .resize import zoomed
from .seamless import Seamless
from .settings import DREAM, DreamSettings

if TYPE_CHECKING:
    from .arrays import Blob
    from .engines.interface import Net

Random = Union[np.random.RandomState, ModuleType]  # the module is numpy.random, as in the notebook of 2015
# Maps the shift (vertical, horizontal) of the picture in the net to the gradient on it, (3, h, w).
Gradient = Callable[[Tuple[int, int]], "arrays.Array"]


def _blob(net: Net, end: str) -> Blob:
    """The blob of layer `end`."""
    return net.blobs[end] if end in net.blobs else net.blobs[net.topology.blob(end)]


def gradient_towards(net: Net, end: str, objective: Objective, ring: Seamless | None = None) -> arrays.Array:
    """Returns the input diff for an objective on layer `end`: its gradient with respect to the picture, (3, h, w).

    ring: takes it with the sides of the picture meeting.
    """
    if ring:
        return ring.around(gradient_towards, net, end, objective)
    net.forward(end=end)
    objective(_blob(net, end))
    net.backward(start=end)
    return net.blobs[net.inputs[0]].diff[0]


def make_step(
    net: Net,
    step_size: float = DREAM.step_size,
    end: str = DREAM.end,
    jitter: int = DREAM.jitter,
    clip: bool = DREAM.clip,
    objective: Objective = objective_L2,
    rng: Random = np.random,
    seamless: str | None = DREAM.seamless,
) -> None:
    """Runs one step of gradient ascent on the picture in the input blob.

    Args:
        step_size, jitter, clip, rng: see ascend.
        seamless: see deepdream.

    Raises what ascend raises, and UsageError for a value out of range or a layer that cannot be seamless.
    """
    DreamSettings(end=end, step_size=step_size, jitter=jitter, clip=clip, seamless=seamless)
    ring = Seamless(seamless, net.topology, [end]) if seamless else None
    ascend(net, lambda _: gradient_towards(net, end, objective, ring), step_size, jitter, clip, rng)


def ascend(net: Net, gradient: Gradient, step_size: float, jitter: int, clip: bool, rng: Random) -> None:
    """Takes one step along a gradient.

    Shifts the picture by up to `jitter` pixels in each direction, moves it along the gradient so that its pixels
    change by `step_size` levels on average, shifts it back and, with `clip`, clips it to 0-255.

    Args:
        gradient: called while the picture in the input blob is shifted.
        rng: source of the two random shifts: a RandomState, or numpy.random itself as in 2015.

    The shift is undone whatever is raised.

    Raises:
        DreamError: the gradient is zero or not finite; the picture is left as it was before the step.
    """
    src = net.blobs[net.inputs[0]]

    ox, oy = drawn_shift(jitter, rng)
    src.data[0] = arrays.roll(src.data[0], (oy, ox))
    try:
        g = gradient((oy, ox))
        size = abs(g).mean()
        min_size = abs(step_size) / np.finfo(np.float32).max  # below this, step_size / size would be infinite
        usable = min_size < size < np.inf
        if usable:
            src.data[:] += step_size / size * g
    finally:
        src.data[0] = arrays.roll(src.data[0], (-oy, -ox))
    if not usable:
        fault = "zero" if size <= min_size else "not finite"
        raise DreamError(f"the gradient is {fault} on this picture: try another layer or a smaller step")
    if clip:
        bias = arrays.like(net.transformer.mean[net.inputs[0]], src.data)
        src.data[:] = src.data.clip(-bias, 255 - bias)


def drawn_shift(jitter: int, rng: Random) -> np.ndarray:
    """Draws the shift of a step, (horizontal, vertical), each of up to `jitter` pixels either way."""
    return rng.randint(-jitter, jitter + 1, 2)


class Begun(NamedTuple):
    """How far a dream has got."""

    steps: int  # how many are done, of all octaves; 1 or more
    data: np.ndarray  # (3, h, w): the data of the input blob after them, at the size of their octave


class Step(NamedTuple):
    """The state of dream_steps after a step. Its pictures are valid until dream_steps resumes."""

    net: Net
    base: np.ndarray  # (3, h, w): the original picture
    octave_base: np.ndarray  # (3, h, w): the original at the size of this octave
    octave: int  # counted from 0, the smallest
    iteration: int  # counted from 0
    copy: np.ndarray | None = None  # (3, h, w): a copy of the input blob, see kept
    colours: np.ndarray | None = None  # (h, w, 3): what a grey net does not see of the original picture
    seamless: str | None = None  # see DreamSettings

    def data(self) -> np.ndarray:
        """Returns a copy of the input blob's data, (3, h, w), for Begun."""
        return np.array(arrays.to_numpy(self._data()))

    def kept(self) -> Step:
        """Returns this step with a copy of its picture, which stays valid after dream_steps resumes."""
        return self._replace(copy=self.data())

    def picture(self) -> np.ndarray:
        """Returns the picture at octave size, (h, w, 3) float32, which the notebook showed after every step."""
        picture = deprocess(self.net, arrays.to_numpy(self._data()))
        return with_colours(picture, self.colours, self.seamless).astype(np.float32, copy=False)

    def whole(self) -> np.ndarray:
        """Returns the picture at full size with the detail dreamt so far: (h, w, 3) float32."""
        if self.octave_base.shape == self.base.shape:
            return self.picture()  # exact to the bit; subtracting the base and adding it again would round
        detail = arrays.to_numpy(self._data()) - self.octave_base
        picture = deprocess(self.net, self.base + zoomed(detail, self.base.shape[1:], self.seamless))
        return with_colours(picture, self.colours).astype(np.float32, copy=False)

    def _data(self) -> arrays.Array:
        return self.copy if self.copy is not None else self.net.blobs[self.net.inputs[0]].data[0]


def dream_steps(
    net: Net,
    base_img: np.ndarray,
    settings: DreamSettings,
    step: Callable[[np.ndarray, Random], None],
    begun: Begun | None = None,
) -> Iterator[Step]:
    """Runs the octaves of deepdream on the input blob and yields a Step after each step.

    step: changes the picture in the input blob. It is called with the original picture at the size of the octave,
    (3, h, w), and the random number generator. begun: what was done before; its last step is yielded first.
    """
    iter_n, seamless = settings.iter_n, settings.seamless
    rng = np.random.RandomState(settings.seed)
    done, reached = begun or Begun(0, np.empty(0))
    for _ in range(done):
        drawn_shift(settings.jitter, rng)
    octaves, colours = [preprocess(net, base_img)], unseen_colours(net, base_img)
    for size in octave_sizes(octaves[0].shape[1:], settings.octave_n, settings.octave_scale)[1:]:
        octaves.append(zoomed(octaves[-1], size, seamless))

    src, base = net.blobs[net.inputs[0]], octaves[0]
    detail = np.zeros_like(octaves[-1])  # what the dream has added so far
    for octave in range(settings.octave_n):
        octave_base = octaves.pop()  # popped, so that a large picture is not held in memory longer than needed
        if done > (octave + 1) * iter_n:
            continue
        if done > octave * iter_n:
            detail, reached = reached, np.empty(0)
        else:
            if octave > 0:
                detail = zoomed(detail, octave_base.shape[1:], seamless)
            detail += octave_base
        src.reshape(1, *octave_base.shape)
        src.data[0] = arrays.like(detail, src.data)
        detail = np.empty(0)  # frees the memory
        for i in range(iter_n):
            number = octave * iter_n + i + 1
            if number > done:
                step(octave_base, rng)
            if number >= done:
                yield Step(net, base, octave_base, octave, i, None, colours, seamless)
        detail = arrays.to_numpy(src.data[0]) - octave_base


def deepdream(
    net: Net,
    base_img: np.ndarray,
    iter_n: int = DREAM.iter_n,
    octave_n: int = DREAM.octave_n,
    octave_scale: float = DREAM.octave_scale,
    end: str = DREAM.end,
    clip: bool = DREAM.clip,
    objective: Objective = objective_L2,
    seed: int | None = None,
    step_size: float = DREAM.step_size,
    jitter: int = DREAM.jitter,
    seamless: str | None = DREAM.seamless,
) -> np.ndarray:
    """Runs a complete dream.

    Args:
        net: a Net, as load_net returns; its input blob is overwritten.
        base_img: (h, w, 3) RGB of 0-255; other types, such as uint8, are converted to float32.
        iter_n: number of steps in each octave, 0 or more.
        octave_n: number of octaves, 1 or more.
        octave_scale: ratio of the size of an octave to the one before, above 1.
        end: the layer to dream on, or its blob.
        clip: keep the picture within 0-255 after each step.
        objective: called with the `end` blob; writes its diff.
        seed: seed of the random shifts, 0 to 2**32 - 1; None draws one.
        step_size: mean change of a pixel in one step, in levels of 0-255.
        jitter: largest random shift before each step, in pixels.
        seamless: "x" if the left and right side of the picture meet, "y" for top and bottom, "xy" for both.

    Returns:
        (h, w, 3) float32 RGB; not clipped or rescaled on return, whatever `clip` is.

    Raises:
        UsageError: a value is out of range, the picture has another shape or numbers that are not finite, or `end` is
            not a layer of this net that can be dreamt on, or not with `seamless`.
        DreamError: an octave is too small for `end`, or a gradient is zero or not finite.
    """
    settings = DreamSettings(end, iter_n, octave_n, octave_scale, step_size, jitter, clip, seed, seamless)
    end = net.topology.check_end(end)
    base_img = arrays.checked_picture(base_img, "base_img")
    check_sizes(net.topology, base_img.shape[:2], octave_n, octave_scale, end)
    if seamless:
        Seamless(seamless, net.topology, [end])  # refuses a layer that sees the whole picture

    def step(_: np.ndarray, rng: Random) -> None:
        make_step(net, step_size, end, jitter, clip, objective, rng, seamless)

    return dreamt(net, base_img, settings, step)


def dreamt(
    net: Net, base_img: np.ndarray, settings: DreamSettings, step: Callable[[np.ndarray, Random], None]
) -> np.ndarray:
    """Runs dream_steps to the end and returns the dream: (h, w, 3) float32."""
    for _ in dream_steps(net, base_img, settings, step):
        pass
    picture = deprocess(net, arrays.to_numpy(net.blobs[net.inputs[0]].data[0]))
    return with_colours(picture, unseen_colours(net, base_img)).astype(np.float32, copy=False)


def guide_features(net: Net, guide_img: np.ndarray, end: str = DREAM.end) -> np.ndarray:
    """Returns the activations of `end` for a guide picture, for objective_guide: (h, w, 3) RGB -> (c, h, w).

    Raises the errors that deepdream raises.
    """
    end = net.topology.check_end(end)
    guide_img = arrays.checked_picture(guide_img, "guide_img")
    check_sizes(net.topology, guide_img.shape[:2], 1, DREAM.octave_scale, end)
    src = net.blobs[net.inputs[0]]
    guide = preprocess(net, guide_img)
    src.reshape(1, *guide.shape)
    src.data[0] = arrays.like(guide, src.data)
    net.forward(end=end)
    return arrays.to_numpy(_blob(net, end).data[0]).copy()
