"""A step on one thread, on two, on four, up to as many as PyTorch would use."""

from typing import Any, Dict

import torch

from benchmarks.timing import Step, dream_step, in_turn, random_picture, ratio, summary, timed, told
from deepdream import load_net


def measure(model: str, layer: str, size: str, runs: int) -> Dict[str, Any]:
    """The seconds for each number of threads, and how many times faster than one thread that is."""
    step = timed(dream_step(load_net(model, "torch", "cpu", blobs="needed"), layer, random_picture(size)))
    usual = torch.get_num_threads()

    def on(threads: int) -> Step:
        def run() -> float:
            torch.set_num_threads(threads)
            return step()

        return run

    try:
        seconds = in_turn({2**i: on(2**i) for i in range(usual.bit_length())}, runs)
    finally:
        torch.set_num_threads(usual)
    return {
        **{"layer": layer, "size": size, "runs": runs},
        "seconds": {str(threads): summary(times) for threads, times in seconds.items()},
        "times_faster": {str(threads): ratio(seconds[1], times) for threads, times in seconds.items()},
    }


def told_in_full(measured: Dict[str, Any]) -> str:
    """What measure has found, in lines."""
    lines = ["{layer}, {size}, float32".format(**measured)]
    for threads, seconds in measured["seconds"].items():
        name = f"{threads} thread{'s'[: int(threads) - 1]}"
        lines.append(f"  {name:15}{told(seconds)}, {measured['times_faster'][threads]:.2f} times as fast as one")
    return "\n".join(lines)
