"""load_net: a model as a Net, on real Caffe or on PyTorch."""

from typing import Any

from ..engines import choose_engine
from ..errors import UsageError
from ..settings import GOOGLENET, NET, NetSettings
from . import zoo
from .zoo import Model


def load_net(
    model: str = GOOGLENET,
    engine: str = NET.engine,
    device: str = NET.device,
    precision: str = NET.precision,
    blobs: str = "all",
    leftovers: bool = False,
    convolutional: bool = False,
) -> Any:
    """A net that runs, with pycaffe's interface; downloads the model where it is missing, and prints nothing.

    Args:
        model: a name of the model zoo, or a folder with one deploy.prototxt and one .caffemodel.
        engine: "caffe", "torch", or "auto": Caffe where `import caffe` finds BVLC's, else PyTorch.
        device: "cpu", "cuda", "cuda:N", "mps", or "auto".
        precision: "float32"; "float64" (PyTorch on CPU and CUDA); "tf32" (CUDA); "bfloat16" (PyTorch, blobs="needed").
        blobs: "all" keeps every blob and runs every layer, as pycaffe does. "needed" runs what `end` depends on, and
            only the input blob and that of `end` can be relied on.
        leftovers: with blobs="all", keep diffs between backward passes as Caffe does.
        convolutional: apply the classifier at every position of a picture of any size, its InnerProduct layers as
            convolutions with the same weights.

    Raises:
        UsageError: a value that is none of these, or a device that is not there.
        DreamError: the model cannot be had, or its files are damaged or of another net.
    """
    NetSettings(model, engine, device, precision)  # refuses what is none of the choices
    if blobs not in ("all", "needed"):
        raise UsageError(f'blobs must be "all" or "needed", not {blobs!r}')
    if leftovers and blobs != "all":
        raise UsageError('leftovers need blobs="all"')

    found = zoo.resolve(model)
    return make_net(found, choose_engine(engine), device, precision, blobs, leftovers, convolutional)


def make_net(
    model: Model,
    engine: Any,
    device: str,
    precision: str,
    blobs: str = "all",
    leftovers: bool = False,
    convolutional: bool = False,
) -> Any:
    """load_net's net for a model and an engine that have been found; the net's `model` tells which."""
    net = engine.make_net(model, device, precision, blobs, leftovers, convolutional)
    net.model = model
    return net
