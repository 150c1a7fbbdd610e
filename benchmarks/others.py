"""The same step by others: PyTorch with autograd, plain or compiled, real Caffe, and the matrix products alone."""

import os
import shlex
from contextlib import contextmanager
from math import prod
from typing import Any, Callable, Dict, Iterator, List, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch.fx.experimental.proxy_tensor import make_fx

from benchmarks.timing import Step, Work, answering, timed
from deepdream.caffe_format.shapes import convolution_geometry, pooling_geometry


def autograd_step(net: Any, end: str, x: torch.Tensor) -> torch.Tensor:
    """The gradient of half the sum of squares of `end` by autograd."""
    return _gradient(lambda x: _half_square(net, end, x), x)


def compiled_step(net: Any, end: str, x: torch.Tensor) -> Work:
    """A function that does the same compiled by torch.compile, which it is already, for pictures like x.

    Raises an exception of any kind where torch.compile cannot run, such as without a C++ compiler.
    """
    autograd_step(net, end, x)  # makes the parameters, which must be there before the trace
    traced = make_fx(lambda x: _half_square(net, end, x))(x)  # the layers' own code is Python that it does not take
    compiled = torch.compile(traced, fullgraph=True, dynamic=False)

    def step() -> torch.Tensor:
        return _gradient(compiled, x)

    step()  # the first forward and backward pass compile
    return step


def _gradient(value: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    x = x.clone().requires_grad_(True)
    value(x).backward()
    assert x.grad is not None
    return x.grad


def _half_square(net: Any, end: str, x: torch.Tensor) -> torch.Tensor:
    blobs: Dict[str, torch.Tensor] = {net.inputs[0]: x}
    for layer in net.topology.needed(end):
        if layer.type != "Input":
            tops = _forward(layer, [blobs[name] for name in layer.bottoms], net.params.get(layer.name, []))
            blobs.update(zip(layer.tops, tops))
    return (blobs[end] ** 2).sum().mul(0.5)


def _forward(layer: Any, bottoms: List[torch.Tensor], params: List[Any]) -> List[torch.Tensor]:
    """The layer types of GoogLeNet, SqueezeNet and EfficientNet-Lite0 up to the classifier."""
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
        "Clip": lambda: [x.clamp(param.clip_param.min, param.clip_param.max)],
        "Eltwise": lambda: [sum(bottoms[1:], x)],
        "Concat": lambda: [torch.cat(bottoms, 1)],
        "Split": lambda: [x] * len(layer.tops),
        "Dropout": lambda: [x],
    }
    return simple[layer.type]()


# Caffe's side: takes the sizes and the bytes of prototxt, weights and picture, then does a step for every line.
CAFFE_STEPS = """
import os, sys, tempfile, time
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
for path in paths:
    os.remove(path)
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


@contextmanager
def caffe_step(model: Any, end: str, picture: np.ndarray) -> Iterator[Step]:
    """A function that has real Caffe, behind $CAFFE_PYTHON, do a step and returns the seconds it took."""
    parts = [model.prototxt.read_bytes() + b"\nforce_backward: true\n", model.weights.read_bytes(), picture.tobytes()]
    header = " ".join(map(str, (end, *map(len, parts), *picture.shape[2:]))).encode() + b"\n"
    with answering([*shlex.split(os.environ["CAFFE_PYTHON"]), "-c", CAFFE_STEPS], header + b"".join(parts)) as ask:
        yield lambda: float(ask())


def floor(net: Any, end: str, size: Sequence[int]) -> Step:
    """A function that returns the seconds that the convolutions' products would take as one large product."""
    shapes, n = net.topology.shapes_at(*size, end), 2048
    layers = [layer for layer in net.topology.needed(end) if layer.type == "Convolution"]
    products = [prod(net.topology.param_shapes[x.name][0]) * prod(shapes[x.tops[0]][2:]) for x in layers]
    a, b = torch.randn(n, n, dtype=net.dtype), torch.randn(n, n, dtype=net.dtype)
    seconds = timed(lambda: a @ b)
    return lambda: seconds() * 2 * sum(products) / n**3  # forward and backward
