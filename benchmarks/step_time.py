"""Seconds a step (one forward and one backward pass): this engine beside others, in turn, in one run.

    python -m benchmarks.step_time [--layer inception_4c/output] [--size 1024x575] [--runs 9] [--model bvlc_googlenet]
        [--precision float64]

All run the same net from the same files on the same random picture. The others are what one would write with PyTorch
(torch.nn.functional calls in the prototxt's order, F.local_response_norm, and backward()), with blobs laid out as
usual, with the channels last, and the latter by torch.compile where that can run (it needs a C++ compiler; compiling,
which is not timed, takes up to two minutes, and is kept in its cache); and, where $CAFFE_PYTHON is the command of a
Python that has pycaffe, real Caffe as the notebook used it. The floor is the convolutions' products at the rate at
which PyTorch multiplies large matrices, measured between the runs.
"""

import argparse
import os
from contextlib import ExitStack
from typing import Any, Dict

import numpy as np
import torch

from benchmarks.others import autograd_step, caffe_step, compiled_step, floor
from benchmarks.timing import LAYER, MODEL, SIZE, dream_step, in_turn, random_picture, ratio, summary, timed, told
from deepdream import load_net

OURS, COMPILED = "this engine", "torch.compile"


def measure(model: str, layer: str, size: str, runs: int, precision: str = "float32") -> Dict[str, Any]:
    """The seconds of each, why others have none, and how much the gradients of ours and of autograd differ."""
    net, plain = (load_net(model, "torch", "cpu", precision, blobs) for blobs in ("needed", "all"))
    picture = random_picture(size)
    ours = dream_step(net, layer, picture)

    def laid_out(layout: torch.memory_format) -> torch.Tensor:
        return torch.from_numpy(picture).to(plain.dtype, memory_format=layout)

    def autograd(layout: torch.memory_format = torch.contiguous_format) -> np.ndarray:
        return autograd_step(plain, layer, laid_out(layout)).numpy()

    difference = np.median(abs(ours() - autograd())) / abs(ours()).mean()
    with ExitStack() as processes:
        steps = {OURS: timed(ours)}
        if os.environ.get("CAFFE_PYTHON") and precision == "float32":
            steps["real Caffe"] = processes.enter_context(caffe_step(net.model, layer, picture))
        steps["plain autograd"] = timed(autograd)
        steps["channels last"] = timed(lambda: autograd(torch.channels_last))
        skipped = {}
        try:
            steps[COMPILED] = timed(compiled_step(plain, layer, laid_out(torch.channels_last)))
        except Exception as error:  # it raises anything
            skipped[COMPILED] = str(error).strip().split("\n")[0] or type(error).__name__
        steps["floor"] = floor(net, layer, picture.shape[2:])
        seconds = in_turn(steps, runs)
    return {
        **{"model": model, "layer": layer, "size": size, "precision": precision, "runs": runs},
        "seconds": {name: summary(times) for name, times in seconds.items()},
        "times_ours": {name: ratio(times, seconds[OURS]) for name, times in seconds.items() if name != OURS},
        **({"skipped": skipped} if skipped else {}),
        "median_gradient_difference": float(f"{difference:.1e}"),
    }


def told_in_full(measured: Dict[str, Any]) -> str:
    """What measure has found, in lines."""
    lines = ["{model}, {layer}, {size}, {precision}".format(**measured)]
    for name, seconds in measured["seconds"].items():
        ours = f", {measured['times_ours'][name]:.2f} times ours" if name != OURS else ""
        lines.append(f"  {name:15}{told(seconds)}{ours}")
    lines += [f"  {name:15}skipped: {reason}" for name, reason in measured.get("skipped", {}).items()]
    difference = measured["median_gradient_difference"]
    return "\n".join([*lines, f"  ours and autograd's gradient differ by {difference:.1e} of its mean in the median"])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layer", default=LAYER)
    parser.add_argument("--size", default=SIZE, help="WIDTHxHEIGHT")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--model", default=MODEL)
    parser.add_argument("--precision", default="float32")
    args = parser.parse_args()
    print(told_in_full(measure(args.model, args.layer, args.size, args.runs, args.precision)))


if __name__ == "__main__":
    main()
