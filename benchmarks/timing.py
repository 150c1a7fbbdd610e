"""What the benchmarks share: a step of the dream, steps timed in turn, and how seconds are told."""

import statistics
import subprocess
import time
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Sequence, TypeVar

import numpy as np

from deepdream import objective_L2

MODEL = "bvlc_googlenet"
SIZE = "1024x575"  # WIDTHxHEIGHT; the notebook's sky
LAYER = "inception_4c/output"  # the notebook's first choice

Name = TypeVar("Name")
Work = Callable[[], Any]
Step = Callable[[], float]  # does a step, and returns the seconds it took


def random_picture(size: str) -> np.ndarray:
    """(1, 3, h, w) of numbers as the net sees them, the same ones each time."""
    width, height = map(int, size.split("x"))
    return np.random.RandomState(0).uniform(-120, 140, (1, 3, height, width)).astype(np.float32)


def dream_step(net: Any, layer: str, picture: np.ndarray) -> Work:
    """A function that does the forward and the backward pass of a step, and returns the gradient."""
    net.blobs["data"].reshape(*picture.shape)
    net.blobs["data"].data[...] = picture

    def step() -> np.ndarray:
        net.forward(end=layer)
        objective_L2(net.blobs[layer])
        net.backward(start=layer)
        gradient: np.ndarray = net.blobs["data"].diff
        return gradient

    return step


def timed(work: Work) -> Step:
    """A function that does the work and returns the seconds it took."""

    def run() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return run


def in_turn(steps: Dict[Name, Step], runs: int) -> Dict[Name, List[float]]:
    """{name: seconds of each run}. What disturbs the machine for a while disturbs them all."""
    seconds: Dict[Name, List[float]] = {name: [] for name in steps}
    for run in range(runs + 1):
        for name, step in steps.items():
            taken = step()
            if run:  # the first one warms up
                seconds[name].append(taken)
    return seconds


def summary(seconds: Sequence[float]) -> Dict[str, float]:
    """The median and the range."""
    measures = {"median": statistics.median(seconds), "min": min(seconds), "max": max(seconds)}
    return {name: round(value, 4) for name, value in measures.items()}


def ratio(times: Sequence[float], to: Sequence[float]) -> float:
    """The median of the ratios of runs that were next to each other."""
    return round(statistics.median(a / b for a, b in zip(times, to)), 3)


def told(seconds: Dict[str, float]) -> str:
    """A summary in words."""
    return f"{seconds['median']:7.3f} s ({seconds['min']:.3f} to {seconds['max']:.3f})"


@contextmanager
def answering(command: Sequence[str], given: bytes = b"") -> Iterator[Callable[[], str]]:
    """A function that asks a process, which has first been given those bytes, for one more line of its output."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin
        assert stdout
        stdin.write(given)

        def ask() -> str:
            stdin.write(b"\n")
            stdin.flush()
            line = stdout.readline().decode()
            if not line:
                raise RuntimeError(f"{command[0]} has ended before its time")
            return line

        yield ask
