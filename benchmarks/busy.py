"""Seconds of dreams, films, batches and the page's dreams, on an idle machine and beside busy processes, as one table.

    python -m benchmarks.busy [--busy 0 1 2 3 4] [--rounds 1] [--limit 30] [--model bvlc_googlenet]

Each is done once as it is and once with the wait that GCC's OpenMP, and so PyTorch, has by default; the two take turns.
The first three are whole commands. The page's dream is from the click to the finished picture, on a server that has
dreamt before. In the table are the seconds on the clock, and those of processor time, workers included. What takes
longer than the limit is ended, and the table says so; so the whole takes at most 8 times the limit for each number of
busy processes and round: 20 minutes, in practice far less.
"""

import argparse
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from PIL import Image

from benchmarks.page import Seconds, Work, served
from benchmarks.timing import MODEL

ROOT = Path(__file__).resolve().parents[1]
FRAMES, PICTURES, SIZE = 2, 2, (320, 200)
STEPS = {"iterations": 3, "octaves": 3}
OURS, THEIRS = "as it is", "PyTorch's default"
SETTINGS: Dict[str, Dict[str, str]] = {OURS: {}, THEIRS: {"GOMP_SPINCOUNT": "300000"}}
NUMBERS = ("quiet", "beside one", "beside two", "beside three", "beside four")


def pictures(folder: Path) -> List[Path]:
    """Pictures in a new folder, and a film of them beside it."""
    folder.mkdir()
    paths = [folder / f"{number}.png" for number in range(max(FRAMES, PICTURES))]
    with Image.open(ROOT / "examples" / "clouds.jpg") as image:
        larger = image.convert("RGB").resize((SIZE[0] + 8 * len(paths), SIZE[1]))
    parts = [larger.crop((8 * number, 0, 8 * number + SIZE[0], SIZE[1])) for number in range(len(paths))]
    for path, part in zip(paths, parts):
        part.save(path)
    parts[0].save(folder.with_suffix(".gif"), save_all=True, append_images=parts[1:FRAMES], duration=100)
    return paths


def commands(folder: Path, model: str) -> Dict[str, List[str]]:
    """What is measured as a whole command. Each writes into a folder of its own, which is new each time."""
    sources = folder / "in"
    first, *_ = pictures(sources)
    steps = [word for name, value in STEPS.items() for word in (f"--{name}", str(value))]
    options = [*steps, "--seed", "0", "--engine", "torch", "--device", "cpu", "--model", model]
    return {
        "a dream": [str(first), "out.png", *options],
        f"a film of {FRAMES} frames": ["video", str(folder / "in.gif"), "out.gif", *options],
        f"a batch of {PICTURES}": ["batch", str(sources), "out", *options],
    }


def environment(setting: str) -> Dict[str, str]:
    """The environment of a setting, without what was set before."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    return {**inherited, **SETTINGS[setting]}


def whole(command: Sequence[str], environ: Dict[str, str]) -> Work:
    """A function that runs dreamify."""

    def run(limit: float) -> Optional[Seconds]:
        with tempfile.TemporaryDirectory() as folder:
            start, before = time.perf_counter(), os.times()
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "dreamify.py"), *command],
                cwd=folder,
                env=environ,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                return None
            finally:  # with its workers
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            wall, after = time.perf_counter() - start, os.times()
        if code:
            raise RuntimeError(f"dreamify {' '.join(command)} has failed with {code}")
        used = after.children_user + after.children_system - before.children_user - before.children_system
        return Seconds(wall, used)

    return run


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


def told(times: Sequence[Optional[Seconds]], limit: float) -> str:
    """The medians in words; more than the limit where half of the runs or more were."""
    done = [each for each in times if each]
    if 2 * len(done) <= len(times):
        return f"more than {limit:g} s"
    wall = statistics.median([each.wall if each else limit for each in times])
    return f"{wall:.1f} s, {statistics.median(each.processor for each in done):.1f} s"


def table(taken: Dict[Tuple[str, str], List[str]], counts: Sequence[int]) -> str:
    """A table in Markdown: a row for each work and setting, a column for each number of busy processes."""
    heads = [NUMBERS[count] if count < len(NUMBERS) else f"beside {count}" for count in counts]
    rows = [[f"{what}, {setting}", *cells] for (what, setting), cells in taken.items()]
    return "\n".join(f"| {' | '.join(row)} |" for row in (["", *heads], ["---"] * (1 + len(counts)), *rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1, 2, 3, 4], help="how many, one after the other")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--limit", type=float, default=30, help="seconds of one run")
    parser.add_argument("--model", default=MODEL)
    args = parser.parse_args()
    taken: Dict[Tuple[str, str], List[str]] = {}
    with tempfile.TemporaryDirectory() as name, ExitStack() as servers:
        folder = Path(name)
        works: Dict[Tuple[str, str], Work] = {}
        for what, command in commands(folder, args.model).items():
            works.update({(what, setting): whole(command, environment(setting)) for setting in SETTINGS})
        for setting in SETTINGS:
            page = served(args.model, environment(setting), folder / "in" / "0.png", STEPS)
            works["the page's dream", setting] = servers.enter_context(page)
        for count in args.busy:
            times: Dict[Tuple[str, str], List[Optional[Seconds]]] = {key: [] for key in works}
            with busy(count):
                for _ in range(args.rounds):
                    for key, work in works.items():
                        times[key].append(work(args.limit))
            for key, values in times.items():
                taken.setdefault(key, []).append(told(values, args.limit))
                print(f"beside {count}: {', '.join(key)}: {taken[key][-1]}", file=sys.stderr, flush=True)
            load = os.getloadavg()[0]
            print(f"beside {count}: the load of the machine is {load:.1f} now", file=sys.stderr, flush=True)
    print(table(taken, args.busy))


if __name__ == "__main__":
    main()
