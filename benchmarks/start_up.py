"""How long the command takes to start."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Dict, List

import numpy as np
from PIL import Image

from benchmarks.timing import in_turn, summary, timed, told

COMMAND = [sys.executable, str(Path(__file__).resolve().parents[1] / "dreamify.py")]
SIDE = 256  # px; a step on so small a picture takes next to no time


def measure(model: str, runs: int) -> Dict[str, Any]:
    """The seconds from start to end of the help, and of a dream of one step."""
    with TemporaryDirectory() as folder:
        source, target = (str(Path(folder) / name) for name in ("in.png", "out.png"))
        noise = np.random.RandomState(0).randint(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
        Image.fromarray(noise).save(source)
        net = ["--model", model, "--engine", "torch", "--device", "cpu"]
        dream = [*COMMAND, source, target, *net, "--iterations", "1", "--octaves", "1"]

        def run(command: List[str]) -> None:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        # The first run of each, which is not counted, finds compiled what the other measurements have not used.
        steps = {"help": timed(lambda: run([*COMMAND, "--help"])), "one_step": timed(lambda: run(dream))}
        seconds = in_turn(steps, runs)
    return {"size": f"{SIDE}x{SIDE}", "runs": runs, "seconds": {name: summary(s) for name, s in seconds.items()}}


def told_in_full(measured: Dict[str, Any]) -> str:
    """What measure has found, in lines."""
    seconds = measured["seconds"]
    return (
        f"  --help         {told(seconds['help'])}\n"
        f"  one step       {told(seconds['one_step'])}, from start to the written picture of {measured['size']}"
    )
