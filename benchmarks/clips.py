"""Clips whose true motion is known, to measure how well a film's motion is found and a dream is carried along it.

The same arguments always give the same clip. Points are complex here, x + iy in pixels from the
middle of a picture: a factor turns them.
"""

from typing import Iterator, List, NamedTuple, Optional, Tuple

import numpy as np
import scipy.ndimage as nd

Size = Tuple[int, int]  # width and height in pixels


class Moment(NamedTuple):
    """A frame of a clip, (h, w, 3) uint8 RGB, and its motion, which the first one has none of.

    flow: (h, w, 2) float32, pixels x and y: what is at p was at p + flow(p) in the frame before.
    seen: (h, w) bool: whether it was visible there, inside the picture and behind nothing.
    """

    frame: np.ndarray
    flow: Optional[np.ndarray] = None
    seen: Optional[np.ndarray] = None


class Thing(NamedTuple):
    """A textured shape that moves, and turns about its middle, at a constant rate.

    texture: (H, W, 3) uint8 with the same middle; half: half its width and height, or a disc's radius twice; start: its
    middle in frame 0; move: pixels a frame; turn: radians a frame.
    """

    texture: np.ndarray
    half: Tuple[float, float]
    is_disc: bool
    start: complex
    move: complex
    turn: float = 0

    def local(self, points: np.ndarray, t: int) -> np.ndarray:
        """Points of frame t as points on the thing, from its middle."""
        return np.asarray((points - self.start - t * self.move) * np.exp(-1j * t * self.turn))

    def placed(self, local: np.ndarray, t: int) -> np.ndarray:
        """The way back."""
        return np.asarray(local * np.exp(1j * t * self.turn) + self.start + t * self.move)

    def cover(self, local: np.ndarray) -> np.ndarray:
        """How much of a pixel there the thing covers, 0-1, from the distance to its edge."""
        aside = np.maximum(abs(local.real) - self.half[0], abs(local.imag) - self.half[1])
        return np.asarray(np.clip(0.5 - (abs(local) - self.half[0] if self.is_disc else aside), 0, 1))


def pan(picture: np.ndarray, size: Size, count: int, step: Tuple[float, float]) -> Iterator[Moment]:
    """A window that moves by (x, y) a frame over a larger picture, (H, W, 3) uint8; ValueError where it leaves it."""
    if (abs(np.array(step) * (count - 1)) > np.array(picture.shape[1::-1]) - size).any():
        raise ValueError(f"a window of {size} that goes {count - 1} times {step} leaves the picture: take fewer frames")
    pixels, move = _pixels(size), complex(*step)
    flow = np.full((*pixels.shape, 2), step, np.float32)
    for t in range(count):
        frame = _uint8(_sampled(picture, pixels + (t - (count - 1) / 2) * move))
        yield Moment(frame, flow, _inside(pixels + move, size)) if t else Moment(frame)


def shapes(size: Size, count: int, seed: int = 0) -> Iterator[Moment]:
    """Two discs, a rectangle and a turning one, each textured, over a textured background that drifts slowly.

    In frames 120 pixels high they move by 1.5 to 4 pixels. A pixel's motion is that of what covers most of it.
    """
    things, pixels = _things(size, np.random.RandomState(seed)), _pixels(size)
    for t in range(count):
        frame, origin, top = np.zeros((*pixels.shape, 3)), pixels, _topmost(things, pixels, t)
        for index, thing in enumerate(things):
            local = thing.local(pixels, t)
            frame += (_sampled(thing.texture, local) - frame) * thing.cover(local)[..., None]
            origin = np.where(top == index, thing.placed(local, t - 1), origin)
        flow = np.stack([origin.real - pixels.real, origin.imag - pixels.imag], axis=-1).astype(np.float32)
        seen = _inside(origin, size) & (_topmost(things, origin, t - 1) == top)
        yield Moment(_uint8(frame), flow, seen) if t else Moment(_uint8(frame))


def texture(size: Size, random: np.random.RandomState) -> np.ndarray:
    """(h, w, 3) uint8: noise at several scales over blots, in random colours."""
    *grains, blots = (nd.gaussian_filter(random.standard_normal(size[::-1]), s) for s in (1.5, 3, 6, 12, 8))
    grain = np.sum([(noise - noise.mean()) / noise.std() for noise in grains], axis=0)
    ink = nd.gaussian_filter(np.sign(blots), 0.8)  # smooth, as an edge that moves by parts of a pixel has no stairs
    base, colour = random.uniform(70, 180, 3), random.uniform(-45, 45, 3)
    return _uint8(base + colour * ink[..., None] + 14 * grain[..., None])


def _things(size: Size, random: np.random.RandomState) -> List[Thing]:
    """From the one behind all others to the one in front."""
    width, height = size
    unit, side = min(size) / 120, round(min(size) * 64 / 120)
    ground = texture((round(1.5 * width) + 40, round(1.5 * height) + 40), random)
    found = [Thing(ground, (np.inf, np.inf), False, 0, 0.6 - 0.3j)]
    for index, (x, y) in enumerate([(20, 20), (26, 14), (15, 15), (24, 17)]):
        start = complex(width * (0.2 * index - 0.3), height * random.uniform(-0.2, 0.2))
        move = unit * random.uniform(1.5, 4) * np.exp(1j * random.uniform(0, 2 * np.pi))
        half, turn = (x * unit, y * unit), 0.04 if index == 3 else 0
        found.append(Thing(texture((side, side), random), half, index % 2 == 0, start, move, turn))
    return found


def _topmost(things: List[Thing], points: np.ndarray, t: int) -> np.ndarray:
    """Which thing is in front at points of frame t."""
    covers = [(thing.cover(thing.local(points, t)) > 0.5) * index for index, thing in enumerate(things)]
    return np.asarray(np.max(covers, axis=0))


def _pixels(size: Size) -> np.ndarray:
    x, y = (np.arange(n) - (n - 1) / 2 for n in size)
    return np.asarray(x + 1j * y[:, None])


def _inside(points: np.ndarray, size: Size) -> np.ndarray:
    return np.asarray((abs(points.real) < size[0] / 2) & (abs(points.imag) < size[1] / 2))


def _sampled(picture: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(h, w, 3) float64: cubic splines through the pixels, mirrored outside."""
    x, y = ((n - 1) / 2 for n in picture.shape[1::-1])
    places = [points.real + x, points.imag + y]
    return np.stack([nd.map_coordinates(plane, places, float, mode="mirror") for plane in picture.T], axis=-1)


def _uint8(picture: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(np.rint(picture), 0, 255), np.uint8)
