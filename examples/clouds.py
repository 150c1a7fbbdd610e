"""Draw a landscape that nobody photographed, to dream on: fractal mountains under fractal clouds, 640 x 400 pixels.

    python examples/clouds.py OUT [SEED]

Clouds and mountains are the same thing, noise whose amplitude falls as a power of the frequency: once seen from below,
in perspective, and once as the heights of a map. The ground is drawn from the eye outwards; each column is filled
upwards wherever the next piece of ground stands out above those before it. A seed always gives the same picture.
"""

import sys

import numpy as np
from PIL import Image

WIDTH, HEIGHT, HORIZON = 640, 400, 250
SIZE = 1024  # of the square maps, which repeat


def fractal(random, power):
    """Noise of amplitude 1 / frequency ** power: (SIZE, SIZE), mean 0, standard deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)) * SIZE
    noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal((SIZE, SIZE))) / (frequency + 2) ** power)
    return (noise - noise.mean()) / noise.std()


def sample(field, x, y):
    """The map's values, or colours, at real coordinates, linear between its points."""
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = ((part[..., None] if field.ndim == 3 else part) for part in (x - column, y - row))
    corners = [[field[(row + j) % SIZE, (column + i) % SIZE] for i in (0, 1)] for j in (0, 1)]
    above, below = (a * (1 - right) + b * right for a, b in corners)
    return above * (1 - down) + below * down


def mix(a, b, share):
    """Colours from a to b; share is an array of 0-1, one for each pixel."""
    return a + (np.asarray(b) - a) * np.clip(share, 0, 1)[..., None]


def sky(random):
    """(HEIGHT, WIDTH, 3): a layer of clouds seen from below, bright where it is thinner towards the sun."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    height = np.maximum(HORIZON - y, 0) / HORIZON  # 0 at the horizon, 1 at the top
    distance = 1 / (height + 0.16)
    u, v, wind = (x - WIDTH / 2) * distance * 0.5, distance * 170, fractal(random, 1.9) * 12
    u, v = u + sample(wind, u, v), v + sample(wind.T, u, v)
    clouds = fractal(random, 1.8)
    density = sample(clouds, u, v)
    light = density - 0.5 * (sample(clouds, u + 10, v + 4) + sample(clouds, u + 22, v + 9))
    cover = 1 / (1 + np.exp(-(density - 0.1) * 5))
    blue = mix((222, 226, 222), (38, 92, 172), height**0.6)
    white = mix((112, 126, 152), (255, 250, 238), 0.6 + light * 0.7 - density * 0.12)
    return mix(blue, white, cover * np.clip(0.25 + height * 4, 0, 1))


def land(random):
    """Maps of heights (SIZE, SIZE) and of colours (SIZE, SIZE, 3): grass below, rock where it is steep, snow on top."""
    relief, patches = fractal(random, 2.05), fractal(random, 0.9)
    heights = (relief + np.abs(relief) * 0.5) * 27 + fractal(random, 1.2) * 0.7
    east, north = (np.roll(heights, -1, axis) - np.roll(heights, 1, axis) for axis in (1, 0))
    steep = np.hypot(east, north)
    light = np.clip((1.2 - 0.75 * east + 0.25 * north) / np.sqrt(4 + steep**2), 0, 1)
    grass = mix((58, 84, 34), (120, 116, 58), patches * 0.35 + 0.3)
    rock = mix((96, 84, 78), (158, 128, 98), np.sin(heights * 0.5 + patches) * 0.3 + 0.4)
    colours = mix(grass, rock, steep * 0.8 - 0.9 + patches * 0.3)
    colours = mix(colours, (244, 246, 250), heights * 0.08 - 3.4 - steep * 0.5 + patches * 0.2)
    return heights, colours * (0.2 + light + 0.1 * patches)[..., None]


def draw_land(picture, heights, colours):
    """Draw the land over the picture, in place, ever hazier with the distance."""
    rows, skyline, distance = np.arange(HEIGHT)[:, None], np.full(WIDTH, HEIGHT), 30.0
    while distance < 1500:
        x, y = 300 + (np.arange(WIDTH) / WIDTH - 0.5) * distance * 1.1, np.full(WIDTH, 200 + distance)
        height = sample(heights, x, y) * min(distance / 260, 1)  # flatter near the eye, which may be inside else
        top = np.ceil(HORIZON + (58 - height) / distance * 420)
        strip = sample(colours, x, y)
        strip += (np.array((176, 198, 222)) - strip) * (1 - np.exp(-distance / 1000))
        row, column = np.nonzero((rows >= top) & (rows < skyline))
        picture[row, column] = strip[column]
        skyline = np.minimum(skyline, top)
        distance *= 1.004


def main(out, seed=8):
    random = np.random.RandomState(seed)
    picture = sky(random)
    draw_land(picture, *land(random))
    Image.fromarray(np.uint8(np.clip(picture, 0, 255))).save(out, quality=95)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
