"""Seconds a step (one forward and one backward pass): this engine beside others, in turn, in one run.

    python benchmarks/step_time.py [--layer inception_4c/output] [--size 1024x575] [--runs 9] [--model bvlc_googlenet]
        [--precision float64]

All run the same net from the same files on the same random picture. The others are what one would write with PyTorch
(torch.nn.functional calls in the prototxt's order, F.local_response_norm, and backward()) and, where $CAFFE_PYTHON is
the command of a Python that has pycaffe, real Caffe as the notebook used it. The floor is the convolutions' products at
the rate at which PyTorch multiplies large matrices, measured between the runs.
"""

import argparse
import os
import shlex
import statistics
import subprocess
import time
from math import prod
from typing import Any, Callable, Dict, List

import numpy as np
import torch
import torch.nn.functional as F

from deepdream import load_net, objective_L2
from deepdream.caffe_format.shapes import convolution_geometry, pooling_geometry


def autograd_step(net: Any, end: str, x: torch.Tensor) -> torch.Tensor:
    """The gradient of half the sum of squares of `end` by autograd."""
    x = x.clone().requires_grad_(True)
    blobs: Dict[str, torch.Tensor] = {net.inputs[0]: x}
    for layer in net.topology.needed(end):
        if layer.type != "Input":
            tops = _forward(layer, [blobs[name] for name in layer.bottoms], net.params.get(layer.name, []))
            blobs.update(zip(layer.tops, tops))
    (blobs[end] ** 2).sum().mul(0.5).backward()
    assert x.grad is not None
    return x.grad


def _forward(layer: Any, bottoms: List[torch.Tensor], params: List[Any]) -> List[torch.Tensor]:
    """The layer types of GoogLeNet and SqueezeNet up to the classifier."""
    x, param = bottoms[0], layer.param
    if layer.type == "Convolution":
        g = convolution_geometry(param.convolution_param)
        weight, bias = (blob.tensor("data") for blob in params)
        return [F.conv2d(x, weight, bias, g.stride, g.pad, g.dilation, param.convolution_param.group)]
    if layer.type == "Pooling":
        g = pooling_geometry(param.pooling_param, *x.shape[2:])
        return [F.max_pool2d(x, g.kernel, g.stride, g.pad, ceil_mode=True)]
    if layer.type == "LRN":
        lrn = param.lrn_param
        return [F.local_response_norm(x, lrn.local_size, lrn.alpha, lrn.beta, lrn.k)]
    simple: Dict[str, Callable[[], List[torch.Tensor]]] = {
        "ReLU": lambda: [F.relu(x, inplace=True)],
        "Concat": lambda: [torch.cat(bottoms, 1)],
        "Split": lambda: [x] * len(layer.tops),
        "Dropout": lambda: [x],
    }
    return simple[layer.type]()


# Caffe's side: takes the sizes and the bytes of prototxt, weights and picture, then does a step for every line.
CAFFE_STEPS = """
import sys, tempfile, time
import numpy as np
import caffe
end, *sizes = sys.stdin.buffer.readline().decode().split()
parts = [sys.stdin.buffer.read(int(size)) for size in sizes[:3]]
paths = []
for part in parts[:2]:
    file = tempfile.NamedTemporaryFile(delete=False)
    file.write(part)
    file.close()
    paths.append(file.name)
net = caffe.Net(paths[0], paths[1], caffe.TEST)
picture = np.frombuffer(parts[2], np.float32).reshape([1, 3, *map(int, sizes[3:])])
net.blobs["data"].reshape(*picture.shape)
net.blobs["data"].data[...] = picture
for _ in sys.stdin.buffer:
    start = time.perf_counter()
    net.forward(end=end)
    net.blobs[end].diff[...] = net.blobs[end].data
    net.backward(start=end)
    print(time.perf_counter() - start, flush=True)
"""


def caffe_step(model: Any, end: str, picture: np.ndarray) -> Callable[[], float]:
    """A function that has real Caffe do a step and returns the seconds it took."""
    command = [*shlex.split(os.environ["CAFFE_PYTHON"]), "-c", CAFFE_STEPS]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    parts = [model.prototxt.read_bytes() + b"\nforce_backward: true\n", model.weights.read_bytes(), picture.tobytes()]
    process.stdin.write(" ".join(map(str, (end, *map(len, parts), *picture.shape[2:]))).encode() + b"\n")
    process.stdin.write(b"".join(parts))

    def step() -> float:
        process.stdin.write(b"\n")  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        return float(process.stdout.readline())  # type: ignore[union-attr]

    return step


def timed(step: Callable[[], Any]) -> Callable[[], float]:
    """A function that does a step and returns the seconds it took."""

    def run() -> float:
        start = time.perf_counter()
        step()
        return time.perf_counter() - start

    return run


def floor(net: Any, end: str, size: List[int]) -> Callable[[], float]:
    """A function that returns the seconds that the convolutions' products would take as one large product."""
    shapes, n = net.topology.shapes_at(*size, end), 2048
    layers = [layer for layer in net.topology.needed(end) if layer.type == "Convolution"]
    products = [prod(net.topology.param_shapes[x.name][0]) * prod(shapes[x.tops[0]][2:]) for x in layers]
    a, b = torch.randn(n, n, dtype=net.dtype), torch.randn(n, n, dtype=net.dtype)
    seconds = timed(lambda: a @ b)
    return lambda: seconds() * 2 * sum(products) / n**3  # forward and backward


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layer", default="inception_4c/output")
    parser.add_argument("--size", default="1024x575", help="WIDTHxHEIGHT")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--model", default="bvlc_googlenet")
    parser.add_argument("--precision", default="float32")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    net, plain = (load_net(args.model, "torch", "cpu", args.precision, blobs) for blobs in ("needed", "all"))
    picture = np.random.RandomState(0).uniform(-120, 140, (1, 3, height, width)).astype(np.float32)
    net.blobs["data"].reshape(*picture.shape)
    net.blobs["data"].data[...] = picture

    def ours() -> np.ndarray:
        net.forward(end=args.layer)
        objective_L2(net.blobs[args.layer])
        net.backward(start=args.layer)
        return net.blobs["data"].diff

    def autograd() -> np.ndarray:
        return autograd_step(plain, args.layer, torch.from_numpy(picture).to(plain.dtype)).numpy()

    difference = abs(ours() - autograd())
    print(f"gradients differ by {np.median(difference) / abs(ours()).mean():.1e} of their mean size in the median")
    steps = {"this engine": timed(ours), "plain autograd": timed(autograd)}
    if os.environ.get("CAFFE_PYTHON") and args.precision == "float32":
        steps["real Caffe"] = caffe_step(net.model, args.layer, picture)
    steps["floor"] = floor(net, args.layer, [height, width])
    seconds: Dict[str, List[float]] = {name: [] for name in steps}
    for run in range(args.runs + 1):
        for name, step in steps.items():
            taken = step()
            if run:  # the first one warms up
                seconds[name].append(taken)
    print(f"{args.layer}, {args.size}, {args.precision}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name, times in seconds.items():
        ratio = statistics.median(b / a for a, b in zip(seconds["this engine"], times))
        spread = f"{min(times):.3f} to {max(times):.3f}"
        print(f"{name:15} {statistics.median(times):.3f} s a step ({spread}), {ratio:.2f} times this engine's")


if __name__ == "__main__":
    main()
