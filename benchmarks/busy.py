"""Seconds of dreams, films and batches on a machine that has nothing else to do, and beside busy processes.

    python -m benchmarks.busy [--busy 0,1,2,4] [--rounds 3]

Each is a whole command, once as it is and once with the wait that GCC's OpenMP has by default; the two take turns.
Beside the wall's seconds stand those of processor time, of the command and all its workers.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Tuple

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
DREAM = ["--seed", "0", "--iterations", "5", "--engine", "torch", "--device", "cpu"]
SETTINGS: Dict[str, Dict[str, str]] = {"as it is": {}, "OpenMP's default": {"GOMP_SPINCOUNT": "300000"}}
FRAMES, PICTURES, WIDTH = 3, 4, 400


class Seconds(NamedTuple):
    wall: float
    processor: float


def commands(folder: Path) -> Dict[str, List[str]]:
    """What is measured. Each writes into a folder of its own, which is new each time."""
    sources = folder / "in"
    sources.mkdir()
    with Image.open(ROOT / "examples" / "clouds.jpg") as image:
        picture = image.convert("RGB")
        for number in range(PICTURES):
            part = picture.crop((8 * number, 0, picture.width - 64 + 8 * number, picture.height))
            part.resize((WIDTH, WIDTH * part.height // part.width)).save(sources / f"{number}.png")
        frames = [Image.open(sources / f"{number}.png") for number in range(FRAMES)]
        frames[0].save(folder / "film.gif", save_all=True, append_images=frames[1:], duration=100)
    return {
        "a dream": [str(sources / "0.png"), "out.png", *DREAM],
        f"a film of {FRAMES} frames": ["video", str(folder / "film.gif"), "out.gif", *DREAM],
        f"a batch of {PICTURES}": ["batch", str(sources), "out", *DREAM],
    }


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keeps that many processes busy."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def seconds(command: List[str], environ: Dict[str, str]) -> Seconds:
    """What one run of dreamify takes."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    with tempfile.TemporaryDirectory() as folder:
        start, before = time.perf_counter(), os.times()
        subprocess.run(
            [sys.executable, str(ROOT / "dreamify.py"), *command],
            **{"check": True, "cwd": folder, "stderr": subprocess.DEVNULL, "env": {**inherited, **environ}},
        )
        wall, after = time.perf_counter() - start, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return Seconds(wall, used)


def told(times: List[Seconds]) -> str:
    """The medians in words."""
    wall, processor = (statistics.median(values) for values in zip(*times))
    return f"{wall:6.2f} s ({processor:.2f} s of processor time)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", default="0,1,2,4", help="how many other processes, one after the other")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured = commands(Path(folder))
        for count in map(int, args.busy.split(",")):
            taken: Dict[Tuple[str, str], List[Seconds]] = {}
            with busy(count):
                for _ in range(args.rounds):
                    for what, command in measured.items():
                        for setting, environ in SETTINGS.items():
                            taken.setdefault((what, setting), []).append(seconds(command, environ))
            print(f"beside {count} busy processes (load of the machine: {os.getloadavg()[0]:.1f})")
            for (what, setting), times in taken.items():
                print(f"  {what:20} {setting:18} {told(times)}", flush=True)


if __name__ == "__main__":
    main()
