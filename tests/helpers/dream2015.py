"""The 2015 notebook's algorithm, written down plainly from its description: NumPy, SciPy and a pycaffe Net.

Nothing here comes from deepdream.dream; the global numpy.random draws the shifts.
"""

import numpy as np
import scipy.ndimage as nd


def preprocess(net, img):
    bgr = np.float32(np.rollaxis(img, 2)[::-1])
    return bgr - net.transformer.mean["data"]


def deprocess(net, img):
    return np.dstack((img + net.transformer.mean["data"])[::-1])


def objective_L2(dst):
    dst.diff[:] = dst.data


def objective_guide(guide_features):
    def objective(dst):
        x = dst.data[0].copy()
        channels = x.shape[0]
        x = x.reshape(channels, -1)
        y = guide_features.reshape(channels, -1)
        products = x.T.dot(y)
        dst.diff[0].reshape(channels, -1)[:] = y[:, products.argmax(1)]

    return objective


def features(net, img, end):
    src = net.blobs["data"]
    src.reshape(1, 3, img.shape[0], img.shape[1])
    src.data[0] = preprocess(net, img)
    net.forward(end=end)
    return net.blobs[end].data[0].copy()


def make_step(net, step_size, end, jitter, clip, objective):
    src = net.blobs["data"]
    dst = net.blobs[end]
    ox, oy = np.random.randint(-jitter, jitter + 1, 2)
    src.data[0] = np.roll(np.roll(src.data[0], ox, -1), oy, -2)
    net.forward(end=end)
    objective(dst)
    net.backward(start=end)
    g = src.diff[0]
    src.data[:] += step_size / np.abs(g).mean() * g
    src.data[0] = np.roll(np.roll(src.data[0], -ox, -1), -oy, -2)
    if clip:
        bias = net.transformer.mean["data"]
        src.data[:] = np.clip(src.data, -bias, 255 - bias)


def deepdream(net, img, iter_n, octave_n, octave_scale, end, clip, objective, seed, step_size=1.5, jitter=32):
    np.random.seed(seed)
    octaves = [preprocess(net, img)]
    while len(octaves) < octave_n:
        octaves.append(nd.zoom(octaves[-1], (1, 1.0 / octave_scale, 1.0 / octave_scale), order=1))
    src = net.blobs["data"]
    detail = np.zeros_like(octaves[-1])
    for number, base in enumerate(reversed(octaves)):
        h, w = base.shape[-2:]
        if number > 0:
            h1, w1 = detail.shape[-2:]
            detail = nd.zoom(detail, (1, 1.0 * h / h1, 1.0 * w / w1), order=1)
        src.reshape(1, 3, h, w)
        src.data[0] = base + detail
        for _ in range(iter_n):
            make_step(net, step_size, end, jitter, clip, objective)
        detail = src.data[0] - base
    return deprocess(net, src.data[0])
