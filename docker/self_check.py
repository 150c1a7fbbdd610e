"""Whether this Caffe, with these weights, computes what another build of Caffe does: one forward and one backward pass.

The picture is a formula, so that nothing else is needed; what is expected was computed with Debian 11's Caffe.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from deepdream import load_net, preprocess

END = "inception_4c/output"
EXPECTED = {"mean of the data": 4.58654, "mean size of the gradient": 25.4105}
WITHIN = 1e-3  # of the expected: another BLAS may flip a switch or two


def picture() -> np.ndarray:
    """(160, 224, 3): waves of several lengths, one for each channel."""
    y, x = np.mgrid[0:160, 0:224]
    waves = [np.sin(x / 9 + y / 23), np.cos(y / 7 - x / 31), np.sin((x + y) / 13) * np.cos(x / 5)]
    return np.float32(127.5 + 110 * np.stack(waves, -1))


def main() -> None:
    net = load_net("bvlc_googlenet", engine="caffe", device="cpu")
    src, dst = net.blobs["data"], net.blobs[END]
    src.reshape(1, 3, 160, 224)
    src.data[0] = preprocess(net, picture())
    net.forward(end=END)
    dst.diff[...] = dst.data
    net.backward(start=END)
    found = {"mean of the data": dst.data.mean(), "mean size of the gradient": abs(src.diff).mean()}
    for what, expected in EXPECTED.items():
        if not abs(found[what] - expected) <= WITHIN * expected:
            sys.exit(f"self-check failed: the {what} of {END} is {found[what]:.6g}, and should be {expected:.6g}")
    print("self-check passed:", ", ".join(f"{what} {value:.6g}" for what, value in found.items()))


if __name__ == "__main__":
    main()
