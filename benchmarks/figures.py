"""Is the picture statistically Google's? Four figures of our dreams of the notebook's sky, beside Google's and Caffe's.

    python benchmarks/figures.py SKY.jpg FLOWERS.jpg [--seeds 10] [--model bvlc_googlenet]

Dreams SKY at the notebook's settings once a seed, with L2 on inception_4c/output and guided by FLOWERS on
inception_3b/output, and prints mean and standard deviation of each figure: PSNR (dB) and SSIM (scikit-image's defaults,
colour) of the dream to the sky, the mean |dream - sky| and the mean |horizontal difference| of the dream, in levels of
0-255. Every picture is first brought to what the notebook showed: an 8-bit JPEG of Pillow's default quality.
Needs scikit-image; takes some three minutes on two cores.
"""

import argparse
import io
from typing import Any, Dict, List

import numpy as np
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from deepdream import deepdream, guide_features, load_net, objective_guide, objective_L2
from deepdream.images.picture import to_uint8

FIGURES = ("PSNR", "SSIM", "mean |d|", "mean |dx|")

# Of Google's published pictures (one unseeded run), and of real Caffe over seeds 0-9: mean and standard deviation.
GOOGLE = {"l2": (26.41, 0.5683, 8.63, 6.72), "guide": (25.18, 0.4923, 10.76, 6.50)}
CAFFE = {
    "l2": ((26.358, 0.123), (0.5677, 0.0034), (8.679, 0.079), (6.708, 0.064)),
    "guide": ((25.160, 0.029), (0.4872, 0.0029), (10.813, 0.046), (6.624, 0.045)),
}


def shown(rgb: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 as the notebook displayed it."""
    jpeg = io.BytesIO()
    Image.fromarray(rgb).save(jpeg, "jpeg")
    return np.asarray(Image.open(jpeg))


def figures(sky: np.ndarray, dream: np.ndarray) -> List[float]:
    """The four figures of two (h, w, 3) uint8 pictures."""
    signed = dream.astype(float)
    return [
        peak_signal_noise_ratio(sky, dream),
        np.mean([structural_similarity(sky[..., c], dream[..., c]) for c in range(3)]),
        abs(signed - sky).mean(),
        abs(np.diff(signed, axis=1)).mean(),
    ]


def measure(net: Any, sky: np.ndarray, guide: np.ndarray, seeds: int) -> Dict[str, np.ndarray]:
    """{objective: (seeds, 4)}"""
    features = guide_features(net, guide, "inception_3b/output")
    rows: Dict[str, List[List[float]]] = {"l2": [], "guide": []}
    for seed in range(seeds):
        for name, end, objective in (
            ("l2", "inception_4c/output", objective_L2),
            ("guide", "inception_3b/output", objective_guide(features)),
        ):
            dream = to_uint8(deepdream(net, sky, end=end, objective=objective, seed=seed))
            rows[name].append(figures(shown(np.uint8(sky)), shown(dream)))
            print(f"seed {seed}, {name}: " + ", ".join(f"{value:.4f}" for value in rows[name][-1]), flush=True)
    return {name: np.array(values) for name, values in rows.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sky")
    parser.add_argument("flowers")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--model", default="bvlc_googlenet")
    args = parser.parse_args()
    sky, guide = (np.float32(Image.open(path)) for path in (args.sky, args.flowers))
    measured = measure(load_net(args.model, "torch", blobs="needed"), sky, guide, args.seeds)
    print("\n| | " + " | ".join(FIGURES) + " |\n|---|---|---|---|---|")
    for name, values in measured.items():
        ours = list(zip(values.mean(0), values.std(0, ddof=1)))
        rows = {
            "Google's": [f"{value:.4g}" for value in GOOGLE[name]],
            "real Caffe": [f"{mean:.4g} ± {deviation:.2g}" for mean, deviation in CAFFE[name]],
            "ours": [f"{mean:.4g} ± {deviation:.2g}" for mean, deviation in ours],
            "ours to Caffe's": [f"{mean / caffe - 1:+.2%}" for (mean, _), (caffe, _) in zip(ours, CAFFE[name])],
            "Google's from ours": [f"{(g - mean) / dev:+.1f} sd" for g, (mean, dev) in zip(GOOGLE[name], ours)],
        }
        for label, cells in rows.items():
            print(f"| {name}, {label} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
