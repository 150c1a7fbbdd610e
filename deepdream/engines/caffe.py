"""Real BVLC Caffe as the engine: a caffe.Classifier with what our Net has beyond it."""

import os
import tempfile
from pathlib import Path
from typing import Any, Optional

import numpy as np

from ..caffe_format.topology import read_topology
from ..caffe_format.weights import read_weights
from ..errors import DreamError, UsageError

os.environ.setdefault("GLOG_minloglevel", "2")  # Caffe's log would bury every message; read when caffe is imported
try:
    import caffe
    from caffe import Classifier  # any folder called caffe could be imported
except ImportError as reason:
    raise DreamError(f"Caffe cannot be imported ({reason}): install pycaffe, or use --engine torch") from None


class CaffeNet(Classifier):
    """caffe.Classifier, whose backward pass starts from clean diffs unless `leftovers` says otherwise."""

    engine = "caffe"
    engine_version = caffe.__version__
    precision = "float32"
    device = "cpu"
    leftovers = False
    topology: Any = None
    model: Any = None  # the model_zoo.Model that the net was made from

    @property
    def threads(self) -> int:
        """The threads of the matrix products: what OpenBLAS was told, else all processors."""
        return int(os.environ.get("OPENBLAS_NUM_THREADS") or os.cpu_count() or 1)

    def backward(self, diffs: Any = None, start: Optional[str] = None, end: Optional[str] = None, **tops: Any) -> Any:
        """pycaffe's backward. Without leftovers, every diff but those of the blobs it starts at is zeroed first."""
        if not self.leftovers:
            kept = self.top_names[start] if start else self.outputs
            for name, blob in self.blobs.items():
                if name not in kept:
                    blob.diff[...] = 0
        return super().backward(diffs=diffs, start=start, end=end, **tops)


def set_threads(threads: int) -> None:
    """How many threads OpenBLAS uses; it listens only until it is loaded."""
    os.environ["OPENBLAS_NUM_THREADS"] = str(threads)


def make_net(model: Any, device: str, precision: str, blobs: str, leftovers: bool) -> CaffeNet:
    """A Net for a model_zoo.Model; the arguments are load_net's.

    With blobs="needed" nothing is left out here: pycaffe's forward(end=) stops at `end` anyway.
    """
    if precision != "float32":
        raise UsageError("Caffe computes in float32 only: use --engine torch for float64")
    if device not in ("auto", "cpu"):
        raise UsageError(f"the engine caffe has no device {device} yet: use --device cpu, or --engine torch")
    topology = read_topology(model.prototxt)
    read_weights(model.weights, topology)  # Caffe would abort the process over weights of another net
    caffe.set_mode_cpu()
    with tempfile.TemporaryDirectory() as folder:
        prototxt = Path(folder) / "deploy.prototxt"
        text = Path(model.prototxt).read_text(encoding="utf-8")
        prototxt.write_text(text + "\nforce_backward: true\n", encoding="utf-8")
        net = CaffeNet(str(prototxt), str(model.weights), mean=np.float32(model.mean), channel_swap=(2, 1, 0))
    net.topology, net.leftovers = topology, leftovers
    return net
