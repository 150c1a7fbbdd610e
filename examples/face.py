"""Draw a breakfast that looks back at whoever eats it, to dream on: 600 x 450 pixels, seen from above.

    python examples/face.py OUT [SEED]

The table is a map of heights. Each thing on it, laid down after the other, is higher than what is below it, and
has colours of its own; then the light comes from a window at the upper left, and what is high casts a shadow. The
face is a plate, eyes of orange halves, a pear, a chilli and hair of grapes. A seed always gives the same picture.
"""

import sys
from copy import copy

import numpy as np
from PIL import Image

WIDTH, HEIGHT, FINER = 600, 450, 2
SIZE = 1024  # of the square maps of noise, which repeat
Y, X = (np.mgrid[0 : HEIGHT * FINER, 0 : WIDTH * FINER] + 0.5) / FINER


def fractal(random, power):
    """Noise of amplitude 1 / frequency ** power, as large as the picture: mean 0, standard deviation 1."""
    frequency = np.hypot(np.fft.fftfreq(2 * SIZE)[:, None], np.fft.rfftfreq(2 * SIZE)) * SIZE
    noise = np.fft.irfft2(np.fft.rfft2(random.standard_normal((2 * SIZE, 2 * SIZE))) / (frequency + 2) ** power)
    return ((noise - noise.mean()) / noise.std())[: Y.shape[0], : Y.shape[1]]


def mix(a, b, share):
    """Colours from a to b; share is an array of 0-1, one for each pixel."""
    return a + (np.asarray(b, float) - a) * np.clip(share, 0, 1)[..., None]


def blur(field, down, right=None):
    """The field, smoothed by a Gaussian of so many points down and, unless that is the same, to the right."""
    right = down if right is None else right
    y, x = np.fft.fftfreq(field.shape[0])[:, None], np.fft.rfftfreq(field.shape[1])
    return np.fft.irfft2(
        np.fft.rfft2(field) * np.exp(-2 * np.pi**2 * ((down * y) ** 2 + (right * x) ** 2)), field.shape
    )


class Table:
    """Heights in pixels, colours, and how much each point shines."""

    def __init__(self, random):
        self.random, self.x, self.y = random, X, Y
        self.coarse, self.fine = fractal(random, 1.7), fractal(random, 0.7)
        plank = np.floor((Y + 30) / 92)
        grain = np.sin((Y * 0.35 + 9 * np.roll(self.coarse, 77, 1) + plank * 40) + 3.5 * np.sin(X / 260 + plank * 2))
        streak = blur(self.fine, 0, 40) * 6
        self.colour = mix((78, 50, 34), (126, 86, 56), 0.5 + 0.22 * grain + 0.2 * streak + 0.12 * np.sin(plank * 5))
        gap = abs((Y + 30) % 92 - 46) > 45
        self.colour[gap] *= 0.4
        self.height = 0.25 * grain + 0.3 * streak - 3.0 * gap
        self.shine = np.full(Y.shape, 0.10)

    def around(self, x, y, reach):
        """The part of the table within reach of a point; what is laid there lies on the table."""
        rows, columns = (slice(max(int((at - reach) * FINER), 0), max(int((at + reach) * FINER), 0)) for at in (y, x))
        part = copy(self)
        for name in ("x", "y", "coarse", "fine", "colour", "height", "shine"):
            setattr(part, name, getattr(self, name)[rows, columns])
        return part

    def lay(self, height, inside, colour, shine=0.5, rough=0.0):
        """Lay down a thing where it is inside; its height is from the table's top, or a number above what is there."""
        height = height + rough * self.fine
        inside = inside & (height > self.height)
        self.height[inside] = height[inside]
        self.colour[inside] = np.broadcast_to(colour, self.colour.shape)[inside]
        self.shine[inside] = shine


def ball(table, x, y, radius, squeeze=1.0, turn=0.0):
    """Of a ball, or an egg: the distance from its middle (1 at its rim), angles, and its upper half's height."""
    right, down = table.x - x, table.y - y
    u = right * np.cos(turn) + down * np.sin(turn)
    v = (down * np.cos(turn) - right * np.sin(turn)) / squeeze
    r = np.hypot(u, v) / radius
    return r, np.arctan2(v, u), radius * np.sqrt(np.clip(1 - r**2, 0, 1)), u / radius, v / radius


def plate(table, x, y, radius, squeeze, colour, ring):
    r, angle, _, _, _ = ball(table, x, y, radius, squeeze)
    rise = 7 + 9 * np.clip((r - 0.70) / 0.14, 0, 1) ** 2 * (3 - 2 * np.clip((r - 0.70) / 0.14, 0, 1))
    rise = rise - 8 * np.clip((r - 0.965) / 0.035, 0, 1) ** 2
    paint = mix(np.broadcast_to(colour, table.colour.shape), (255, 252, 244), 0.03 * table.coarse)
    leaf = (np.sin(angle * 36) * 0.025 + 0.915 - r) * 60
    band = (abs(r - 0.93) < 0.008) | (abs(leaf) < 0.7) & (r > 0.86) | (abs(r - 0.82) < 0.006)
    table.lay(rise, r < 1, np.where(band[..., None], ring, paint), 0.7, 0.05)


def orange_half(table, x, y, radius):
    table = table.around(x, y, radius)
    r, angle, _, _, _ = ball(table, x, y, radius)
    part = angle * 10 / (2 * np.pi)
    wall = abs(part - np.round(part)) * r * 2 * np.pi / 10
    cells = np.sin(r * 26 + 3 * np.sin(part * 19)) * np.sin(part * 2 * np.pi * 3)
    flesh = mix((238, 118, 14), (255, 176, 52), 0.5 + 0.3 * cells + 0.2 * table.fine)
    flesh = mix(flesh, (255, 226, 164), 1 - (wall - 0.004) / 0.022)
    flesh = mix(flesh, (255, 232, 184), (r - 0.85) / 0.03)
    flesh = mix(flesh, (236, 124, 16), (r - 0.93) / 0.02)
    table.lay(24 - 14 * np.clip((r - 0.93) / 0.07, 0, 1) ** 2 + 0.7 * cells * (r < 0.85), r < 1, flesh, 0.55, 0.25)


def grape(table, x, y, radius, colour, lift):
    table = table.around(x, y, radius)
    r, _, top, _, v = ball(table, x, y, radius, 0.9, table.random.uniform(0, np.pi))
    skin = mix(np.array(colour) * 0.75, np.array(colour) * 1.35, 0.5 + 0.25 * table.coarse - 0.4 * v)
    skin = mix(skin, (198, 200, 220), 0.16 + 0.08 * table.fine)  # the bloom
    table.lay(top + lift, r < 1, skin, 0.9)


def apple(table, x, y, radius, red, gold):
    table = table.around(x, y, radius)
    r, angle, top, _, _ = ball(table, x, y, radius)
    streaks = np.sin(angle * 23 + 2 * table.coarse) * 0.2 + np.sin(angle * 57) * 0.1
    skin = mix(gold, red, 0.25 + 0.75 * r + streaks + 0.22 * table.coarse)
    skin = mix(skin, (246, 226, 168), (table.fine > 2.1) * 0.6)
    dent = 10 * np.exp(-((r / 0.2) ** 2))
    table.lay(top - dent + 6, r < 1, mix(skin, (96, 84, 30), np.exp(-((r / 0.13) ** 2))), 0.7)


def pear(table, x, y):
    table = table.around(x, y, 80)
    top1 = ball(table, x, y + 26, 37)[2]
    top2 = ball(table, x + 2, y - 26, 20, 1.3)[2]
    neck = np.clip((table.y - (y - 46)) / 70, 0, 1)
    half = 15 + 21 * neck**1.5
    across = (table.x - x - 2 + 2 * neck) / half
    top3 = half * np.sqrt(np.clip(1 - across**2, 0, 1)) * ((table.y > y - 44) & (table.y < y + 26))
    top = np.maximum.reduce([top1, top2, top3])
    skin = mix((146, 158, 44), (222, 190, 70), 0.5 + (table.x - x) / -60 + 0.2 * table.coarse)
    skin = mix(skin, (204, 96, 52), (table.x - x) / 42 - 0.25 + 0.25 * table.coarse)
    skin = mix(skin, (120, 84, 30), (table.fine > 1.5) * 0.55)
    table.lay(top + 3, top > 0.5, skin, 0.55, 0.08)
    stem = abs(table.x - x - 4 - 6 * np.sin((table.y - y + 50) / 16)) < 2.6 - 0.02 * (table.y - y + 70)
    table.lay(np.full(table.y.shape, 24.0), stem & (table.y > y - 72) & (table.y < y - 46), (74, 50, 28), 0.2)


def curve(table, points, widths, colour, shine, lift=0.0, ribs=0.0):
    """A bent, round rod through points, thick as widths say."""
    table = table.around(*np.mean(points, 0), np.ptp(points, 0).max() / 2 + max(widths) + 30)
    best, place, beside = np.zeros((3, *table.y.shape))
    for t in np.linspace(0, 1, 90):
        at = [np.interp(t, np.linspace(0, 1, len(points)), part) for part in np.transpose(points)]
        width = np.interp(t, np.linspace(0, 1, len(widths)), widths)
        square = width**2 - (table.x - at[0]) ** 2 - (table.y - at[1]) ** 2
        top = np.sqrt(np.maximum(square, 0))
        higher = top > best
        best[higher], place[higher], beside[higher] = top[higher], t, ((table.y - at[1]) / width)[higher]
    skin = colour(place, beside)
    table.lay(best * (1 + ribs * np.sin(place * 70)) + lift, best > 0, skin, shine)


def smooth(points, count=40):
    """Points on the parabola through three."""
    t = np.linspace(0, 1, count)[:, None]
    a, b, c = np.array(points, float)
    return a * (1 - t) * (1 - 2 * t) + b * 4 * t * (1 - t) + c * t * (2 * t - 1)


def leaf(table, x, y, length, turn, colour, lift=6.0):
    table = table.around(x, y, length)
    right, down = table.x - x, table.y - y
    u = (right * np.cos(turn) + down * np.sin(turn)) / length
    v = (down * np.cos(turn) - right * np.sin(turn)) / length
    v = v - 0.12 * np.sin(u * 3)
    half = 0.34 * np.sqrt(np.clip(u, 0, 1)) * (1 - np.clip(u, 0, 1)) * 1.7 * (1 + 0.07 * np.sin(u * 60))
    vein = np.minimum(abs(v) * 26, abs(((u - abs(v) * 0.9) * 9) % 1 - 0.5) * 3 + 0.25)
    green = mix(np.array(colour) * 1.5, np.array(colour), vein) * (1 + 0.08 * table.fine)[..., None]
    bulge = 6 * np.sin(np.clip(u, 0, 1) * np.pi) + 2.2 * np.clip(vein, 0, 1)
    table.lay(lift + bulge, (u > 0) & (u < 1) & (abs(v) < half), green, 0.3)


def walnut(table, x, y, radius):
    table = table.around(x, y, radius)
    r, _, top, u, v = ball(table, x, y, radius, 0.85, table.random.uniform(0, 3))
    folds = np.sin(6 * u + 3 * np.sin(7 * v + 2 * table.coarse)) * np.cos(8 * v + 2 * u)
    shell = mix((112, 74, 40), (196, 150, 96), 0.55 + 0.35 * folds + 0.1 * table.fine)
    table.lay(top + 1.6 * folds - 3 * (abs(v) < 0.06), r < 1, shell, 0.25)


def light(table):
    """The picture: a window's light at the upper left, soft shadows, and the dark between things that touch."""
    height = blur(table.height, 0.8)
    down, right = np.gradient(height, 1 / FINER)
    normal = np.stack([-right, -down, np.full(Y.shape, 1.0)], -1)
    normal /= np.sqrt((normal**2).sum(-1, keepdims=True))
    sun = np.array((-0.52, -0.56, 0.65))
    coarse = height[::FINER, ::FINER]
    shadow = np.zeros(coarse.shape)
    for spread in np.linspace(-0.28, 0.28, 7):
        blocked = np.zeros(coarse.shape, bool)
        for step in range(1, 42):
            down, right = (round(step * part) for part in (0.73 + spread * 0.3, 0.68 - spread * 0.3))
            higher = np.pad(coarse, ((down, 0), (right, 0)), "edge")[: coarse.shape[0], : coarse.shape[1]]
            blocked |= higher > coarse + step * (0.95 + spread) + 0.8
        shadow += blocked / 7
    shadow = blur(shadow.repeat(FINER, 0).repeat(FINER, 1), 1.5)
    near = sum(np.clip(blur(height, s) - height, 0, 14) / 14 for s in (4, 10, 22)) / 3
    facing = np.clip(normal @ sun, 0, 1)
    half = sun + np.array((0, 0, 1))
    gleam = np.clip(normal @ (half / np.sqrt((half**2).sum())), 0, 1)
    sky = 0.5 + 0.5 * normal[..., 2] - 0.15 * normal[..., 0]
    warm, cool = np.array((1.06, 0.98, 0.84)), np.array((0.34, 0.40, 0.50))
    bright = warm * (facing * (1 - 0.85 * shadow))[..., None] * 1.05 + cool * (sky * (1 - 0.8 * near))[..., None]
    spot = (gleam**60 * 150 + gleam**9 * 22) * table.shine * (1 - shadow)
    fade = 1.12 - 0.30 * np.hypot((X - 210) / WIDTH, (Y - 150) / HEIGHT)
    return (table.colour * bright + spot[..., None]) * fade[..., None]


def main(out, seed=4):
    random = np.random.RandomState(seed)
    table = Table(random)
    fold = 1.2 * np.clip(blur(table.coarse, 12), -1, 1) + 0.4 * np.sin(X / 2.1) * np.sin(Y / 2.1)
    stripe = (abs((X * 0.96 + Y * 0.28) % 66 - 33) < 7) | (abs((Y * 0.96 - X * 0.28) % 66 - 33) < 3)
    weave = (
        np.where(stripe[..., None], (64, 92, 132), (206, 198, 180))
        * (1 + 0.06 * np.sin(X * 2.9) * np.sin(Y * 2.9) + 0.04 * table.fine)[..., None]
    )
    cloth = abs(X * 0.96 + Y * 0.28 - 350) < 262 + 3 * np.sin(Y / 40)
    table.lay(3.4 + fold, cloth & (abs(Y * 0.96 - X * 0.28 - 135) < 226), weave, 0.04)
    plate(table, 300, 238, 200, 0.97, (232, 226, 208), (58, 92, 150))

    for x, y, size in ((52, 66, 21), (96, 40, 19), (548, 398, 22), (505, 425, 18), (40, 400, 20)):
        walnut(table, x, y, size)
    for x in (94, 506):  # the ears
        apple(table, x, 246, 44, (190, 34, 30), (226, 178, 60))
    for turn in np.linspace(-2.9, -0.25, 9):
        start = 300 + 150 * np.cos(turn), 206 + 128 * np.sin(turn)
        leaf(table, *start, random.uniform(64, 92), turn + random.normal(0, 0.25), (46, 92, 34))
    for layer in range(3):  # the hair
        for turn in np.linspace(-2.95, -0.2, 20 - 3 * layer):
            away = 1 + random.normal(0, 0.045) - 0.09 * layer
            x, y = 300 + 164 * away * np.cos(turn), 208 + 140 * away * np.sin(turn)
            tint = ((70, 34, 88), (96, 40, 84), (126, 146, 58))[random.choice(3, p=(0.5, 0.3, 0.2))]
            grape(table, x, y, random.uniform(14, 18), tint, 4 + 7 * layer)
    for side in (-1, 1):
        eye = 300 + side * 72
        orange_half(table, eye, 204, 45)
        grape(table, eye - 5, 206, 17, (52, 40, 92), 22)
        brow = smooth([(300 + side * 128, 158), (300 + side * 84, 136), (300 + side * 34, 152)])
        curve(
            table, brow, (3, 8, 8, 7, 3), lambda t, v: mix((58, 108, 34), (134, 176, 66), 0.4 - 0.3 * v), 0.45, 5, 0.05
        )
        apple(table, 300 + side * 108, 296, 25, (204, 40, 44), (236, 120, 70))
    pear(table, 300, 256)

    def red(t, v):
        return mix(mix((150, 14, 16), (222, 42, 26), 0.5 - 0.4 * v), (70, 110, 40), (t - 0.93) * 30)

    curve(table, smooth([(222, 338), (304, 386), (380, 330)]), (3, 9, 13, 15, 15, 14, 12, 6, 4), red, 0.95, 5)
    curve(table, smooth([(232, 336), (302, 356), (372, 330)]), (2, 7, 9, 9, 8, 6, 2), red, 0.95, 5)
    picture = 255 * (1 - np.exp(-((np.maximum(light(table), 0) / 138) ** 1.2)))
    picture = picture.reshape(HEIGHT, FINER, WIDTH, FINER, 3).mean((1, 3))
    Image.fromarray(np.uint8(np.clip(picture, 0, 255))).save(out, quality=92)


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
