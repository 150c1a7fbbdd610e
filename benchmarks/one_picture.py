"""A process that dreams on one picture: a step for every line it reads, and what that cost as a line of JSON.

python -m benchmarks.one_picture MODEL LAYER WIDTHxHEIGHT BOUND      BOUND in bytes; 0 for none
"""

import json
import re
import resource
import sys
from pathlib import Path

from benchmarks.timing import dream_step, random_picture, timed
from deepdream import load_net


def peak_memory() -> int:
    """The most bytes that this process has had in memory."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux: getrusage would also count the process that this one was started from
        peak = re.search(r"VmHWM:\s*(\d+) kB", status.read_text())
        assert peak
        return int(peak[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes, on a Mac


def main() -> None:
    model, layer, size, bound = sys.argv[1:]
    net = load_net(model, "torch", "cpu", blobs="needed")
    net.memory = int(bound) or None
    dream_step(net, layer, random_picture("64x64"))()  # loads and prepares what any picture needs
    before = peak_memory()
    step = timed(dream_step(net, layer, random_picture(size)))
    for _ in sys.stdin:
        print(json.dumps({"seconds": step(), "before": before, "peak": peak_memory()}), flush=True)


if __name__ == "__main__":
    main()
