"""Seconds a step (one forward and one backward pass): this engine beside plain PyTorch autograd, in one run.

    python benchmarks/step_time.py [--layer inception_4c/output] [--size 1024x575] [--runs 7] [--model bvlc_googlenet]

Both run the same net from the same files on the same random picture, in turn; the medians are printed. The autograd net
is what one would write: torch.nn.functional calls in the prototxt's order, F.local_response_norm, and backward().
"""

import argparse
import statistics
import time
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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--layer", default="inception_4c/output")
    parser.add_argument("--size", default="1024x575", help="WIDTHxHEIGHT")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--model", default="bvlc_googlenet")
    args = parser.parse_args()
    width, height = map(int, args.size.split("x"))
    net, plain = (load_net(args.model, "torch", "cpu", blobs=blobs) for blobs in ("needed", "all"))
    picture = np.random.RandomState(0).uniform(-120, 140, (1, 3, height, width)).astype(np.float32)
    net.blobs["data"].reshape(*picture.shape)
    net.blobs["data"].data[...] = picture

    def ours() -> np.ndarray:
        net.forward(end=args.layer)
        objective_L2(net.blobs[args.layer])
        net.backward(start=args.layer)
        return net.blobs["data"].diff

    def autograd() -> np.ndarray:
        return autograd_step(plain, args.layer, torch.from_numpy(picture)).numpy()

    difference = abs(ours() - autograd())
    print(f"gradients differ by {np.median(difference) / abs(ours()).mean():.1e} of their mean size in the median")
    seconds: Dict[str, List[float]] = {"this engine": [], "plain autograd": []}
    for _ in range(args.runs):
        for name, step in (("this engine", ours), ("plain autograd", autograd)):
            start = time.perf_counter()
            step()
            seconds[name].append(time.perf_counter() - start)
    print(f"{args.layer}, {args.size}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for name, times in seconds.items():
        print(f"{name:15} {statistics.median(times):.3f} s a step ({min(times):.3f} to {max(times):.3f})")
    ratio = statistics.median(a / b for a, b in zip(*seconds.values()))
    print(f"this engine takes {ratio:.2f} of autograd's time")


if __name__ == "__main__":
    main()
