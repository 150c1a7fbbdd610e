"""Pictures an hour: one by one, and as a batch of one process and of several.

    python -m benchmarks.batch [--pictures 12] [--size 640x360] [OPTION OF dreamify ...]

Every way dreams the same crops of examples/clouds.jpg, start of the programs included; the ways take turns, twice. One
by one is the plain command, once a picture.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 2


def crops(folder: Path, count: int, size: str) -> List[Path]:
    """Pictures of that size in a folder."""
    width, height = map(int, size.split("x"))
    with Image.open(ROOT / "examples" / "clouds.jpg") as image:
        larger = image.convert("RGB").resize((width + 8 * count, height + 4 * count), Image.Resampling.LANCZOS)
    paths = [folder / f"{number:03}.png" for number in range(count)]
    for number, path in enumerate(paths):
        larger.crop((8 * number, 4 * number, 8 * number + width, 4 * number + height)).save(path)
    return paths


def seconds(commands: Sequence[Sequence[str]]) -> float:
    start = time.perf_counter()
    for command in commands:
        subprocess.run([sys.executable, str(ROOT / "dreamify.py"), *command], check=True, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def arguments(description: Optional[str]) -> Tuple[argparse.Namespace, List[str]]:
    """How many pictures of what size; and the options for dreamify."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=12)
    parser.add_argument("--size", default="640x360")
    return parser.parse_known_args()


def main() -> None:
    args, options = arguments(__doc__)
    cores = len(os.sched_getaffinity(0))
    taken: Dict[str, List[float]] = {}
    for turn in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "in"
            source.mkdir()
            paths = crops(source, args.pictures, args.size)
            ways = {
                "one by one": [[str(path), f"{folder}/{path.name}", "--seed", "0", *options] for path in paths],
                **{
                    f"a batch of {workers} process(es), {cores // workers} thread(s) each": [
                        [
                            "batch",
                            str(source),
                            f"{folder}/{workers}",
                            "--workers",
                            str(workers),
                            "--seed",
                            "0",
                            *options,
                        ]
                    ]
                    for workers in sorted({1, cores})
                },
            }
            for way, commands in ways.items():
                taken.setdefault(way, []).append(seconds(commands))
                print(f"{turn + 1} of {ROUNDS}, {way}: {taken[way][-1]:.1f} s", file=sys.stderr, flush=True)
    print(f"{'':45} {'s a picture':>12} {'an hour':>8}")
    for way, times in taken.items():
        each = statistics.median(times) / args.pictures
        print(f"{way:45} {each:12.2f} {3600 / each:8.0f}")


if __name__ == "__main__":
    main()
