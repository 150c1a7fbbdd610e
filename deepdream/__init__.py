"""Google's DeepDream of 2015, number for number, on real Caffe or on PyTorch.

from deepdream import load_net, deepdream
dream = deepdream(load_net("bvlc_googlenet"), picture)  # (h, w, 3) float32 RGB in and out
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:  # for type checkers, which cannot read _HOMES
    from .dream import deepdream as deepdream
    from .dream import guide_features as guide_features
    from .dream import make_step as make_step
    from .modelzoo.load import load_net as load_net
    from .net_input import deprocess as deprocess
    from .net_input import preprocess as preprocess
    from .objectives import objective_channel as objective_channel
    from .objectives import objective_guide as objective_guide
    from .objectives import objective_L2 as objective_L2

__version__ = "1.0.0"

# Imported on first use: `dreamify.py --help` must not wait for NumPy and SciPy.
_HOMES = {
    "load_net": "modelzoo.load",
    "deepdream": "dream",
    "make_step": "dream",
    "preprocess": "net_input",
    "deprocess": "net_input",
    "guide_features": "dream",
    "objective_L2": "objectives",
    "objective_guide": "objectives",
    "objective_channel": "objectives",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> List[str]:
    return sorted({*globals(), *_HOMES})
