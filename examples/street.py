"""Draw a street of houses at dusk that nobody has built, to dream on: 640 x 400 pixels.

    python examples/street.py OUT [SEED]

Every pixel is a ray. It ends on a facade, a roof, a side wall, the tower at the end of the street, the pavement or
the sky; the pavement is wet, so a ray that ends there is reflected once and followed again. Lamps light whatever is
near them. Lengths are in metres, z leads down the street. A seed always gives the same picture.
"""

import sys

import numpy as np
from PIL import Image

WIDTH, HEIGHT, HORIZON, FOCUS = 640, 400, 262, 400
EYE = np.array((0.9, 1.7, 0.0))
STREET, RIDGE, SLOPE = 4.4, 3.5, 1.15  # half the street's width, from the facade to the roof's ridge, and its rise
LAMPS = np.array([(side * 3.3, 3.3, z) for z in (7.5, 17, 28, 41, 56) for side in (-1, 1)])
PLASTER = ((196, 168, 128), (172, 112, 84), (150, 150, 142), (188, 150, 92), (136, 148, 160), (178, 130, 116))
SIZE = 1024  # of the square maps of noise, which repeat


def fractal(random, power):
    """Noise of amplitude 1 / frequency ** power: (SIZE, SIZE), mean 0, standard deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)) * SIZE
    noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal((SIZE, SIZE))) / (frequency + 2) ** power)
    return (noise - noise.mean()) / noise.std()


def sample(field, x, y):
    """The map's values at real coordinates, linear between its points."""
    column, row = np.floor(x).astype(int), np.floor(y).astype(int)
    right, down = x - column, y - row
    a, b, c, d = (field[(row + j) % SIZE, (column + i) % SIZE] for j in (0, 1) for i in (0, 1))
    return (a * (1 - right) + b * right) * (1 - down) + (c * (1 - right) + d * right) * down


def mix(a, b, share):
    """Colours from a to b; share is an array of 0-1, one for each point."""
    return a + (np.asarray(b) - a) * np.clip(share, 0, 1)[..., None]


def lit(colour, point, normal, day):
    """The colour under a blue evening sky of this brightness and the light of the lamps."""
    light = np.array((0.25, 0.29, 0.42)) * np.asarray(day)[..., None]
    for lamp in LAMPS:
        towards = lamp - point
        distance = np.sqrt((towards**2).sum(-1)) + 1e-6
        facing = abs(towards @ normal) / distance * 0.8 + 0.2
        light = light + np.array((1.0, 0.68, 0.34)) * (9.5 * facing / (3 + distance**2))[..., None]
    return colour * light


class Row:
    """The houses on one side of the street."""

    def __init__(self, random, side, start):
        self.side, self.ends = side, [start]
        while self.ends[-1] < 74:
            self.ends.append(self.ends[-1] + random.uniform(5.0, 7.4))
        count = len(self.ends) - 1
        self.ends = np.array(self.ends)
        self.eaves = random.choice((5.9, 6.4, 8.8, 9.3, 8.2), count)
        self.colours = np.array(PLASTER, float)[random.permutation(np.arange(count) % len(PLASTER))]
        self.shutters = np.array(((44, 84, 70), (52, 70, 108), (112, 48, 42), (86, 66, 48)))[
            random.randint(4, size=count)
        ]
        self.brick = random.uniform(size=count) < 0.35
        self.seeds = random.uniform(size=(count, 5, 6))  # of each window, by house, floor and place


def facade(row, house, z, y, maps):
    """Colours of the facades' points, and how much they shine by themselves."""
    width = (row.ends[1:] - row.ends[:-1])[house]
    along = z - row.ends[house]
    stain = sample(maps[0], z * 24, y * 24)
    colour = row.colours[house] * (1 + 0.09 * stain + 0.05 * sample(maps[1], z * 90, y * 90))[..., None]
    layer = np.floor(y / 0.16)
    brick = (y / 0.16 % 1 < 0.14) | ((along / 0.42 + layer % 2 / 2) % 1 < 0.06)
    tone = 0.82 + 0.3 * ((layer * 7 + np.floor(along / 0.42 + layer % 2 / 2) * 13) % 5) / 5
    bricks = np.where(brick[..., None], (140, 128, 118), np.array((150, 78, 56)) * tone[..., None])
    colour = np.where(row.brick[house][..., None], bricks * (1 + 0.06 * stain)[..., None], colour)
    colour = mix(colour, (96, 92, 88), (0.75 - y) * 6)  # the plinth
    colour = mix(colour, (214, 204, 184), (abs(y - row.eaves[house] + 0.2) < 0.2) * 0.9)  # the cornice
    colour = colour * (1 - 0.45 * (abs(y - row.eaves[house] + 0.5) < 0.1))[..., None]  # and its shadow

    places = np.floor(width / 1.7)
    place = np.clip(np.floor(along / width * places), 0, places - 1).astype(int)
    right = along - (place + 0.5) * width / places
    floor = np.floor((y - 0.2) / 2.85).astype(int)
    up = y - 0.2 - floor * 2.85 - 1.6
    seed = row.seeds[house, floor % 5, place % 6]
    door = (floor == 0) & (place == (house * 2 + 1) % places.astype(int))
    fits = (floor * 2.85 + 2.7 < row.eaves[house]) & ~door & (floor >= 0)
    arch = 0.72 - 0.16 * (right / 0.4) ** 2
    colour = mix(colour, (206, 198, 182), fits & (abs(right) < 0.5) & (up > -0.85) & (up < arch + 0.13))
    slats = 0.8 + 0.3 * (up * 11 % 1)
    shutter = fits & (abs(right) > 0.5) & (abs(right) < 0.8) & (up > -0.72) & (up < 0.66)
    colour = np.where(shutter[..., None], row.shutters[house] * 1.3 * slats[..., None], colour)
    pane = fits & (abs(right) < 0.4) & (up > -0.72) & (up < arch)
    bars = (abs(right) < 0.035) | (abs(up - 0.25) < 0.035) | (abs(up + 0.25) < 0.02) | (abs(right) > 0.36)
    colour = np.where((pane & bars)[..., None], (216, 208, 192), colour)
    glow = (pane & ~bars & (seed < 0.55)) * (0.6 + 0.5 * seed) * (1 - 0.35 * up - 0.5 * (abs(right) > 0.2 + 0.1 * up))
    colour = np.where((pane & ~bars & (seed >= 0.55))[..., None], (34, 44, 66) + 40.0 * (right + up)[..., None], colour)
    panel = (abs(abs(right) - 0.24) < 0.16) & (abs(y % 0.9 - 0.45) < 0.32)
    wood = row.shutters[::-1][house] * np.where(panel, 0.9, 1.25)[..., None]
    colour = mix(colour, (188, 178, 160), door & (abs(right) < 0.68) & (y < 2.75))
    colour = np.where((door & (abs(right) < 0.52) & (y < 2.2))[..., None], wood, colour)
    glow = np.where(door & (abs(right) < 0.52) & (y > 2.28) & (y < 2.6), 0.9 - abs(right), glow)
    return colour, np.clip(glow, 0, 1.2)


def sky(direction, maps):
    """Dusk: orange over the horizon, then blue, with clouds that are lit from below."""
    up = np.clip(direction[..., 1] / np.sqrt((direction**2).sum(-1)), 0.0, 1)
    colour = mix((255, 186, 112), (222, 128, 110), up / 0.2)
    colour = mix(colour, (92, 96, 148), up / 0.32 - 0.45)
    colour = mix(colour, (30, 44, 92), up / 0.5 - 0.7)
    distance = 1 / (up + 0.14)
    clouds = sample(maps[0], direction[..., 0] * distance * 95 + 300, distance * 120)
    clouds += 0.35 * sample(maps[1], direction[..., 0] * distance * 210, distance * 260)
    under = sample(maps[0], direction[..., 0] * distance * 95 + 300, distance * 120 + 16)
    cloud = mix((84, 72, 104), (255, 168, 128), 0.45 + 0.5 * (clouds - under) + 0.5 * (0.3 - up))
    return mix(colour, cloud, 1 / (1 + np.exp(-3.2 * (clouds - 0.25))))


def trace(eye, direction, rows, maps):
    """The colour that each ray ends on: eye (3,) or (n, 3), direction (n, 3)."""
    eye = np.broadcast_to(eye, direction.shape)
    colour, nearest = sky(direction, maps), np.full(len(direction), np.inf)

    def hit(distance, inside):
        """The rays that end here first, their points, and how clear the air is up to there."""
        hits = np.flatnonzero(inside & (distance > 1e-3) & (distance < nearest))
        nearest[hits] = distance[hits]
        return hits, eye[hits] + direction[hits] * distance[hits, None]

    def paint(hits, painted):
        haze = 1 - np.exp(-nearest[hits] / 150)
        colour[hits] = mix(painted, (214, 140, 118), haze)

    with np.errstate(divide="ignore", invalid="ignore"):
        at = (76 - eye[:, 2]) / direction[:, 2]  # the tower at the end of the street
        x, y = (eye + direction * at[:, None])[:, :2].T
        inside = (direction[:, 2] > 0) & (abs(x) < 3.2) & (y < 17 + np.maximum(3.2 - abs(x), 0) * 3.6)
        hits, point = hit(at, inside)
        stone = 104 + 16 * sample(maps[0], point[:, 0] * 60, point[:, 1] * 60)
        slit = (abs(abs(point[:, 0]) - 1.3) < 0.3) & (abs(point[:, 1] % 4.2 - 2) < 0.9) & (point[:, 1] < 12)
        stone = stone * (1 - 0.5 * slit) * (1 - 0.2 * (point[:, 1] % 0.8 < 0.12))
        stone = stone[:, None] * np.array((0.98, 0.88, 0.84)) * np.where(point[:, 1:2] > 17, (0.6, 0.7, 0.85), 1)
        clock = np.hypot(point[:, 0], point[:, 1] - 14)
        stone = np.where((clock < 1.5)[:, None], (255, 224, 150), stone)
        hands = (abs(point[:, 0]) < 0.13) & (point[:, 1] > 14) | (abs(point[:, 1] - 14) < 0.13) & (point[:, 0] > 0)
        stone = np.where(((hands & (clock < 1.2)) | (abs(clock - 1.45) < 0.14))[:, None], (60, 40, 40), stone)
        paint(hits, stone * np.where(clock < 1.6, 1, 0.62)[:, None])

        for row in rows:
            at = (row.side * STREET - eye[:, 0]) / direction[:, 0]
            z, y = eye[:, 2] + direction[:, 2] * at, eye[:, 1] + direction[:, 1] * at
            house = np.clip(np.searchsorted(row.ends, np.nan_to_num(z)) - 1, 0, len(row.eaves) - 1)
            inside = (z > row.ends[0]) & (z < row.ends[-1]) & (y > 0) & (y < row.eaves[house])
            hits, point = hit(at, inside)
            wall, glow = facade(row, house[hits], point[:, 2], point[:, 1], maps)
            day = 0.75 + 0.06 * point[:, 1]
            paint(hits, mix(lit(wall, point, np.array((1.0, 0, 0)), day), (560, 372, 150), glow))
            for number, eaves in enumerate(row.eaves):
                # Over the facade the roof rises to its ridge, and the side wall below it is seen from the front.
                outward = (eye[:, 0] - 0) * row.side - STREET, direction[:, 0] * row.side
                at = (eaves + SLOPE * (outward[0] + 0.3) - 0.3 - eye[:, 1]) / (direction[:, 1] - SLOPE * outward[1])
                z, out = eye[:, 2] + direction[:, 2] * at, outward[0] + outward[1] * at
                inside = (z > row.ends[number]) & (z < row.ends[number + 1]) & (out > -0.3) & (out < RIDGE)
                hits, point = hit(at, inside)
                course = out[hits] / 0.34
                tile = (
                    0.72
                    + 0.35 * (course % 1)
                    - 0.25 * (abs((point[:, 2] / 0.36 + np.floor(course) % 2 / 2) % 1) < 0.16)
                )
                tile = tile + 0.12 * sample(maps[0], point[:, 2] * 30, course * 9)
                slate = (124, 70, 58) if (number * 5 + row.side) % 3 else (78, 84, 100)
                paint(hits, lit(np.array(slate) * tile[:, None], point, np.array((0.0, 1, 0)), np.full(len(hits), 1.5)))

                at = (row.ends[number] - eye[:, 2]) / direction[:, 2]
                out, y = outward[0] + outward[1] * at, eye[:, 1] + direction[:, 1] * at
                rise = np.minimum(out, 2 * RIDGE - out) * SLOPE
                hits, point = hit(at, (out > 0) & (out < 2 * RIDGE) & (y > 0) & (y < eaves + rise))
                wall = row.colours[number] * (0.8 + 0.1 * sample(maps[0], point[:, 0] * 26, point[:, 1] * 26))[:, None]
                paint(hits, lit(wall, point, np.array((0.0, 0, 1)), np.full(len(hits), 0.8)))
    return colour, nearest


def pavement(point, maps):
    """Cobbles: how far up their round backs a point is (0-1), and their colours."""
    x, z = point[:, 0], point[:, 2]
    z = z + 0.05 * (x / 2) ** 2 + 0.03 * sample(maps[0], x * 20, z * 20)
    line = np.floor(z / 0.26)
    shift = (line * 0.618) % 1
    u, v = (x / 0.3 + shift) % 1 - 0.5, (z / 0.26) % 1 - 0.5
    back = np.clip(1 - (abs(2 * u) ** 3 + abs(2 * v) ** 3), 0, 1) ** 0.5
    stone = (np.floor(x / 0.3 + shift) * 12.9898 + line * 78.233) % 1
    colour = np.array((112, 108, 108)) * (0.3 + 0.75 * back * (0.75 + 0.4 * stone))[:, None]
    return back, colour * (1 + 0.08 * sample(maps[1], x * 200, z * 200))[:, None]


def main(out, seed=5):
    random = np.random.RandomState(seed)
    maps = fractal(random, 1.6), fractal(random, 0.9)
    rows = Row(random, -1, 1.0), Row(random, 1, 3.0)
    y, x = (np.mgrid[0 : 2 * HEIGHT, 0 : 2 * WIDTH] + 0.5) / 2
    direction = np.stack([(x - WIDTH / 2 + 40) / FOCUS, (HORIZON - y) / FOCUS, np.ones_like(x)], -1).reshape(-1, 3)
    picture, nearest = trace(EYE, direction, rows, maps)

    below = np.flatnonzero((direction[:, 1] < 0) & (nearest > EYE[1] / -np.minimum(direction[:, 1], -1e-6)))
    ray = direction[below]
    far = -EYE[1] / ray[:, 1]
    point = EYE + ray * far[:, None]
    back, colour = pavement(point, maps)
    edge = abs(point[:, 0]) - 3.1  # the kerb, and the flagstones behind it
    flags = np.where(((point[:, 2] % 0.9 < 0.04) | (abs(edge - 0.6) < 0.02))[:, None], 60, (128, 122, 116))
    colour = np.where((edge > 0)[:, None], flags, colour) * np.where(abs(edge) < 0.07, 1.5, 1)[:, None]
    near = lit(colour, point, np.array((0.0, 1, 0)), np.full(len(point), 0.95))
    mirror = ray * (1, -1, 1)
    wave = np.exp(-far / 25)
    mirror[:, 0] += 0.035 * sample(maps[1], point[:, 0] * 60, point[:, 2] * 60) * wave
    mirror[:, 1] += (0.05 * sample(maps[1], point[:, 2] * 60, point[:, 0] * 60) + 0.10 * (0.6 - back)) * wave
    mirror[:, 1] = np.maximum(mirror[:, 1], 0.002)
    seen, _ = trace(point, mirror, rows, maps)
    wet = 0.22 + 0.75 * (1 - abs(ray[:, 1])) ** 5 * np.clip(
        0.75 + 0.3 * sample(maps[0], point[:, 0] * 22, point[:, 2] * 9), 0, 1
    )
    picture[below] = near + seen * (wet * np.where(edge > 0, 0.5, 1))[:, None]

    for lamp in LAMPS[::-1]:  # the posts, the lights, and the light in the air
        right, up, ahead = lamp - EYE
        column, line = WIDTH / 2 - 40 + FOCUS * right / ahead, HORIZON - FOCUS * up / ahead
        scale = FOCUS / ahead
        dx, dy = (x.ravel() - column) / scale, (y.ravel() - line) / scale
        post = (abs(dx) < 0.05 + 0.04 * (dy > 2.3)) & (dy > 0.2) & (dy < lamp[1])
        cage = (abs(dx) < 0.30 - 0.12 * dy) & (dy > -0.48) & (dy < -0.3 + 0 * dx) | (abs(dx) < 0.16) & (
            abs(dy - 0.24) < 0.05
        )
        picture[post | cage] = (26, 26, 32)
        glass = (abs(dx) < 0.2 - 0.12 * dy) & (abs(dy + 0.05) < 0.26)
        picture[glass] = (255, 232, 170)
        picture += np.array((255, 176, 92)) * (0.55 * np.exp(-np.hypot(dx, dy) * 2.2))[:, None]
    picture = 262 * (1 - np.exp(-((np.maximum(picture, 0) / 128) ** 1.25)))
    picture = picture.reshape(HEIGHT, 2, WIDTH, 2, 3).mean((1, 3)) + random.normal(0, 1.5, (HEIGHT, WIDTH, 1))
    Image.fromarray(np.uint8(np.clip(picture, 0, 255))).save(out, quality=92)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
