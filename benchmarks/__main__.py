"""Every measurement in one run: printed as it goes, and kept as JSON and as a chart.

    python -m benchmarks [--quick]        (make bench)

Writes docs/bench.json and docs/bench.svg, in a quarter of an hour on two idle cores, a third of which goes to
torch.compile; with --quick, which is for trying it, small pictures and few runs into build/. Needs bvlc_googlenet and
efficientnet_lite0 (fetched or made where they are missing), and for real Caffe's times $CAFFE_PYTHON, the command of a
Python that has pycaffe.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any, Dict, NamedTuple, Tuple

from benchmarks import layer_types, machine, sizes, start_up, step_time, threads, tiles
from benchmarks.chart import draw
from benchmarks.timing import LAYER, MODEL, SIZE

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("conv2/3x3", "inception_3b/output", LAYER, "inception_5b/output")
STEPS = [
    *((MODEL, layer, "float32") for layer in LAYERS),
    (MODEL, LAYER, "float64"),
    *(("efficientnet_lite0", layer, "float32") for layer in ("block8/output", "block12/output")),
]


class Effort(NamedTuple):
    """How large the pictures are, how often each step is done, and where the results go."""

    size: str
    megapixels: Tuple[float, ...]
    runs: int
    runs_of_large: int
    folder: str


FULL = Effort(SIZE, (0.25, 0.5, 1, 2, 4), 9, 7, "docs")
QUICK = Effort("512x288", (0.125, 0.25, 0.5), 2, 2, "build")


def measure(effort: Effort) -> Dict[str, Any]:
    """All of bench.json, each part printed when it is there."""
    start = time.perf_counter()

    def part(title: str, module: Any, *args: Any) -> Any:
        print(f"\n[{time.perf_counter() - start:.0f} s] {title}", flush=True)
        measured = module.measure(*args)
        print(module.told_in_full(measured), flush=True)
        return measured

    size, runs, runs_of_large = effort.size, effort.runs, effort.runs_of_large
    results: Dict[str, Any] = {"model": MODEL, "machine": part("the machine", machine)}
    results["steps"] = [
        part("seconds a step", step_time, model, layer, size, runs, precision) for model, layer, precision in STEPS
    ]
    results["layer_types"] = part("layer types", layer_types, MODEL, LAYER, size, runs)
    results["threads"] = part("threads", threads, MODEL, LAYER, size, runs)
    results["sizes"] = part("sizes", sizes, MODEL, LAYER, effort.megapixels, runs_of_large)
    results["tiles"] = part("tiles", tiles, MODEL, LAYER, results["sizes"]["pictures"][-1], runs_of_large)
    results["start_up"] = part("start-up", start_up, MODEL, runs)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small pictures and few runs, into build/")
    effort = QUICK if parser.parse_args().quick else FULL
    folder = ROOT / effort.folder
    folder.mkdir(exist_ok=True)
    results = measure(effort)
    (folder / "bench.json").write_text(json.dumps(results, indent=2) + "\n")
    draw(results, folder / "bench.svg")
    print(f"\nwritten: {effort.folder}/bench.json and {effort.folder}/bench.svg")


if __name__ == "__main__":
    main()
