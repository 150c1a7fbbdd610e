"""Every default, once: for signatures, --help, the recipe and whatever other front ends come.

Standard library only, so that `dreamify.py --help` starts at once. Field names are the 2015 code's; `option` in a
field's metadata is its name on the command line and in the recipe.
"""

from dataclasses import dataclass, field
from typing import Any, Optional


def _setting(default: Any, option: str, help: str) -> Any:
    return field(default=default, metadata={"option": option, "help": help})


@dataclass(frozen=True)
class DreamSettings:
    """One dream, as the notebook of July 2015 had it."""

    end: str = _setting("inception_4c/output", "layer", "the layer to dream on")
    iter_n: int = _setting(10, "iterations", "steps of gradient ascent in each octave")
    octave_n: int = _setting(4, "octaves", "sizes that the picture is dreamt at, the smallest first")
    octave_scale: float = _setting(1.4, "scale", "ratio of one octave's size to the one before")
    step_size: float = _setting(1.5, "step", "mean change of a pixel in one step, in levels of 0-255")
    jitter: int = _setting(32, "jitter", "greatest random shift before each step, in pixels")
    clip: bool = _setting(True, "clip", "keep the picture within 0-255 after each step")


@dataclass(frozen=True)
class NetSettings:
    """The net that dreams, and what computes it."""

    model: str = _setting(
        "bvlc_googlenet", "model", "a model's name, or a folder with a deploy.prototxt and a .caffemodel"
    )
    engine: str = _setting("auto", "engine", "caffe, torch, or auto: Caffe where it can be imported, else PyTorch")
    device: str = _setting("auto", "device", "cpu, cuda, cuda:N, mps, or auto: a GPU where there is one")
    precision: str = _setting("float32", "precision", "float32, or float64: the same picture on every machine")
    threads: Optional[int] = _setting(None, "threads", "processor threads (default: the engine's own choice)")


DREAM = DreamSettings()
NET = NetSettings()
