"""load_net: loads a model as a Net, on real Caffe or on PyTorch."""

from typing import TYPE_CHECKING, Union

from ..caffe_format.topology import Topology, read_topology
from ..caffe_format.weights import with_weights
from ..engines import choose_engine
from ..errors import UsageError
from ..settings import GOOGLENET, NET, NetSettings
from . import zoo
from .model import Model

if TYPE_CHECKING:
    from ..engines.interface import Engine, NeededNet, PycaffeNet


def load_net(
    model: str = GOOGLENET,
    engine: str = NET.engine,
    device: str = NET.device,
    precision: str = NET.precision,
    blobs: str = "all",
    leftovers: bool = False,
    convolutional: bool = False,
) -> "Union[PycaffeNet, NeededNet]":
    """Loads a net with the interface of pycaffe. Downloads the model if it is missing; prints nothing.

    Args:
        model: a name in the model zoo, or a folder with one deploy.prototxt and one .caffemodel.
        engine: "caffe", "torch", or "auto": Caffe if `import caffe` finds that of BVLC, else PyTorch.
        device: "cpu", "cuda", "cuda:N", "mps", or "auto".
        precision: "float32"; "float64" (PyTorch on CPU and CUDA); "tf32" (CUDA); "bfloat16" (PyTorch, blobs="needed").
        blobs: "all" keeps every blob and runs every layer, as pycaffe does. "needed" runs only the layers that `end`
            depends on; then only the input blob and the blob of `end` are valid.
        leftovers: with blobs="all", keep diffs between backward passes, as Caffe does.
        convolutional: apply the classifier at every position of a picture of any size, by running its InnerProduct
            layers as convolutions with the same weights.

    Raises:
        UsageError: a value is not one of these, or the device is not available.
        DreamError: the model is not available, or its files are damaged or belong to another net.
    """
    NetSettings(model, engine, device, precision)  # raises UsageError for invalid values
    if blobs not in ("all", "needed"):
        raise UsageError(f'blobs must be "all" or "needed", not {blobs!r}')
    if leftovers and blobs != "all":
        raise UsageError('leftovers requires blobs="all"')

    found = zoo.resolve(model)
    return make_net(found, choose_engine(engine), device, precision, blobs, leftovers, convolutional)


def usable_topology(model: Model) -> Topology:
    """The layers of a model that can be computed: their types are known and their weights are there."""
    return with_weights(read_topology(model.prototxt), model.weights)


def make_net(
    model: Model,
    engine: "Engine",
    device: str,
    precision: str,
    blobs: str = "all",
    leftovers: bool = False,
    convolutional: bool = False,
) -> "Union[PycaffeNet, NeededNet]":
    """Loads a net for a model and an engine that have been found; its attribute `model` is the model."""
    net = engine.make_net(model, device, precision, blobs, leftovers, convolutional)
    net.model = model
    return net
