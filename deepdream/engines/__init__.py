"""load_net: a model as a Net, on real Caffe or on PyTorch."""

import os
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Optional

from .. import system
from ..errors import DreamError, UsageError
from ..modelzoo import zoo
from ..modelzoo.zoo import Model
from ..settings import GOOGLENET, NET, NetSettings
from . import real_caffe


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


def is_caffe(engine: str) -> bool:
    """Whether an engine, "auto" too, is real Caffe."""
    return bool(choose_engine(engine).__name__ == f"{__name__}.caffe")


def not_caffe() -> Optional[str]:
    """Why "auto" does not take the module that is called caffe; None where there is none, or it does."""
    if not real_caffe.is_installed():
        return None
    try:
        from . import caffe  # noqa: F401
    except real_caffe.NotCaffe as error:
        return error.why
    return None


def choose_engine(engine: str) -> Any:
    """The module of an engine; "auto" is Caffe where BVLC's can be imported."""
    if engine in ("auto", "caffe"):
        try:
            from . import caffe

            return caffe
        except DreamError:
            if engine == "caffe":
                raise
    if not find_spec("torch"):
        raise DreamError("neither Caffe nor PyTorch is installed: pip install torch (it wants Python 3.10 or later)")
    # Asks PyTorch, which reads it once, for huge pages: a fresh blob in pages of 4 kB takes longer to get than to fill.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    return _torch()


@lru_cache(maxsize=None)
def _torch() -> Any:
    """The engine on PyTorch. Raises DreamError where that cannot be loaded."""
    system.check(system.PYTORCH)
    try:
        from . import torch
    except (ImportError, MemoryError, OSError) as error:
        reason = str(error).strip() or type(error).__name__
        raise DreamError(
            f"PyTorch cannot be loaded ({reason}): give the program more memory, or install PyTorch anew"
        ) from None
    return torch
