"""A stand-in for the module caffe, for inference and gradients, on PyTorch: `import deepdream.pycaffe as caffe`.

`dreamify run program.py` gives it to a program that says `import caffe`. docs/pycaffe.md has what is there.
"""

from . import io
from .classifier import Classifier
from .detector import Detector
from .fillers import set_random_seed
from .mode import set_device, set_mode_cpu, set_mode_gpu
from .net import Net, layer_type_list
from .net_spec import NetSpec, layers, params, to_proto
from .proto.caffe_pb2 import TEST, TRAIN
from .training import (
    AdaDeltaSolver,
    AdaGradSolver,
    AdamSolver,
    Layer,
    NesterovSolver,
    RMSPropSolver,
    SGDSolver,
    get_solver,
)

__version__ = "1.0.0"  # of the Caffe whose interface this is

__all__ = [
    "TEST",
    "TRAIN",
    "AdaDeltaSolver",
    "AdaGradSolver",
    "AdamSolver",
    "Classifier",
    "Detector",
    "Layer",
    "NesterovSolver",
    "Net",
    "NetSpec",
    "RMSPropSolver",
    "SGDSolver",
    "get_solver",
    "io",
    "layer_type_list",
    "layers",
    "params",
    "set_device",
    "set_mode_cpu",
    "set_mode_gpu",
    "set_random_seed",
    "to_proto",
]
