"""Which types of layers a step's time goes to."""

import time
from contextlib import ExitStack, contextmanager
from typing import Any, Callable, Dict, Iterator, Tuple
from unittest.mock import patch

from benchmarks.timing import dream_step, random_picture, timed
from deepdream import load_net
from deepdream.engines.torch.layers import LAYERS

Clock = Dict[Tuple[str, str], float]  # {(type, "forward" or "backward"): seconds}


@contextmanager
def clocked() -> Iterator[Clock]:
    """The seconds that the layers of each type take within the block.

    The net may copy its layers for a pass, so it is the classes that are clocked.
    """
    clock: Clock = {}
    methods = [(type, cls, way, getattr(cls, way)) for type, cls in LAYERS.items() for way in ("forward", "backward")]
    with ExitStack() as patches:
        for type, cls, way, method in methods:  # each found before any is replaced: some inherit from another
            patches.enter_context(patch.object(cls, way, _clocking(method, clock, (type, way))))
        yield clock


def _clocking(method: Callable[..., Any], clock: Clock, key: Tuple[str, str]) -> Callable[..., Any]:
    def clocking(*args: Any) -> Any:
        start = time.perf_counter()
        try:
            return method(*args)
        finally:
            clock[key] = clock.get(key, 0.0) + time.perf_counter() - start

    return clocking


def measure(model: str, layer: str, size: str, runs: int) -> Dict[str, Any]:
    """The share of each type in the time of all runs; "rest" is what the net does besides its layers."""
    step = timed(dream_step(load_net(model, "torch", "cpu", blobs="needed"), layer, random_picture(size)))
    step()  # warms up
    with clocked() as clock:
        total = sum(step() for _ in range(runs))
    seconds = {type: sum(clock.get((type, way), 0.0) for way in ("forward", "backward")) for type, _ in clock}
    shares = {
        type: {way: round(clock.get((type, way), 0.0) / total, 4) for way in ("forward", "backward")}
        for type in sorted(seconds, key=lambda type: -seconds[type])
    }
    rest = round(1 - sum(seconds.values()) / total, 4)
    return {"layer": layer, "size": size, "runs": runs, "share": shares, "rest": rest}


def told_in_full(measured: Dict[str, Any]) -> str:
    """What measure has found, in lines."""
    lines = ["{layer}, {size}, float32".format(**measured)]
    for type, ways in measured["share"].items():
        lines.append(
            f"  {type:15}{sum(ways.values()):6.1%} ({ways['forward']:.1%} forward, {ways['backward']:.1%} back)"
        )
    return "\n".join([*lines, f"  {'rest':15}{measured['rest']:6.1%}"])
