"""Draw a bed of flowers that nobody planted, to guide dreams with: 480 x 360 pixels.

    python examples/flowers.py OUT [SEED]

Each flower is a function of the distance and the angle from its middle: two rings of petals, streaked along their
length, around a disc of seeds in the golden angle's spirals. They are drawn from the smallest to the largest, over
blades of grass. A seed always gives the same picture.
"""

import sys

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 480, 360
PETALS = ((250, 246, 236), (246, 190, 40), (226, 70, 96), (150, 96, 204), (240, 132, 52))
GOLDEN_ANGLE = np.pi * (3 - 5**0.5)


def mix(a, b, share):
    """Colours from a to b; share is an array of 0-1, one for each pixel."""
    return a + (np.asarray(b) - a) * np.clip(share, 0, 1)[..., None]


def around(picture, x, y, reach):
    """The part of the picture within reach of a point, to draw in, and its pixels' columns and rows."""
    left, top = max(int(x - reach), 0), max(int(y - reach), 0)
    part = picture[top : max(int(y + reach), 0), left : max(int(x + reach), 0)]
    row, column = np.mgrid[0 : part.shape[0], 0 : part.shape[1]]
    return part, column + left, row + top


def draw_grass(picture, random):
    """Blades that lean and taper, the later ones lighter."""
    for i in range(700):
        foot, root, length = random.uniform(-20, WIDTH + 20), random.uniform(40, HEIGHT + 80), random.uniform(60, 160)
        lean, width = random.normal(0, 0.35), random.uniform(1.5, 4)
        part, x, y = around(picture, foot, root, 160)
        up = (root - y) / length  # 0 at the root, 1 at the tip
        across = (x - foot - lean * length * up**2) / (width * np.sqrt(np.clip(1 - up, 1e-6, 1)))
        inside = (up > 0) & (up < 1) & (abs(across) < 1)
        green = np.array((34, 62, 20)) + np.array((70, 100, 40)) * (i / 700) * random.uniform(0.6, 1)
        part[inside] = mix(green * 0.7, green * 1.2, across / 2 + 0.5)[inside]


def ring(r, angle, count, turn, length, random):
    """One ring of petals: where it is, and how light it is there; r is in units of the flower's radius."""
    share = (angle + turn) * count / (2 * np.pi)
    petal, across = np.floor(share).astype(int) % count, (share % 1 - 0.5) * 2  # -1 to 1 over a petal's width
    reach = length * random.uniform(0.88, 1.06, count)[petal]
    there = r < reach * (1 - abs(across) ** 3) ** 0.5
    streaks = 0.08 * np.cos(across * 9 + random.uniform(0, 6, count)[petal])
    return there, 0.72 + 0.3 * r / reach - 0.28 * abs(across) ** 2 + streaks + random.normal(0, 0.04, count)[petal]


def draw_flower(picture, x, y, radius, colour, random):
    """One flower, with the shadow that it casts on what is behind it."""
    part, column, row = around(picture, x, y, 1.5 * radius)
    squeeze, tilt = random.uniform(0.75, 1), random.uniform(0, np.pi)
    right, down = (column - x) / radius, (row - y) / radius
    u, v = right * np.cos(tilt) + down * np.sin(tilt), (down * np.cos(tilt) - right * np.sin(tilt)) / squeeze
    r, angle = np.hypot(u, v), np.arctan2(v, u)
    shadow = np.hypot(right - 0.12, down - 0.2)
    part *= 1 - 0.5 * np.clip(1.25 - shadow, 0, 0.7)[..., None]
    count = random.randint(11, 18)
    for turn, length, shade in ((0.0, 1.0, 0.82), (np.pi / count, 0.88, 1.0)):
        there, light = ring(r, angle, count, turn, length, random)
        part[there] = (np.asarray(colour) * shade * light[..., None])[there]
    disc = r < 0.3
    part[disc] = mix((120, 66, 10), (232, 170, 24), 1.1 - r / 0.34 + 0.2 * (u + v))[disc]
    for seed in range(90):
        distance, at = 0.3 * np.sqrt((seed + 0.5) / 90), seed * GOLDEN_ANGLE
        dot = np.hypot(u - distance * np.cos(at), v - distance * np.sin(at)) < 0.014
        part[dot] = (96, 48, 8) if seed % 2 else (255, 216, 90)


def main(out, seed=3):
    random = np.random.RandomState(seed)
    picture = np.full((HEIGHT, WIDTH, 3), (22, 40, 14), float)
    draw_grass(picture, random)
    for radius in np.sort(random.uniform(22, 84, 22)):
        x, y = random.uniform(0, WIDTH), random.uniform(0, HEIGHT)
        draw_flower(picture, x, y, radius, PETALS[random.randint(len(PETALS))], random)
    Image.fromarray(np.uint8(np.clip(picture, 0, 255))).save(out, quality=92)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
