"""Pictures an hour on a Dask cluster: dreams by a few workers, and how many workers one scheduler keeps busy.

    python -m benchmarks.cluster [--pictures 12] [--size 640x360] [OPTION OF dreamify ...]

The workers are processes of this machine with one thread each, as many as it has cores at most; all is there before the
clock starts but the nets, which each of them loads. Then workers that only wait, two seconds for a picture, take the
dreamers' place: of many of them, what is less than the picture that each could do every two seconds is lost on the way.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Sequence

from distributed import LocalCluster

from benchmarks.batch import ROOT, arguments, crops
from deepdream.settings import NET, WorkerSettings
from deepdream.tasks import executors
from deepdream.tasks.executors import Job

WAIT = 2.0  # seconds
WAITING = (1, 8, 64)  # workers
EACH = 8  # pictures for each of them


def cluster(workers: int, **more: object) -> LocalCluster:
    return LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None, **more)


def dreams(workers: int, pictures: int, size: str, options: Sequence[str]) -> float:
    """Seconds that a batch takes on a cluster."""
    with tempfile.TemporaryDirectory() as folder, cluster(workers) as there:
        source = Path(folder) / "in"
        source.mkdir()
        crops(source, pictures, size)
        command = ["batch", str(source), f"{folder}/out", "--seed", "0", "--scheduler", there.scheduler_address]
        start = time.perf_counter()
        subprocess.run([sys.executable, str(ROOT / "dreamify.py"), *command, *options], check=True)
        return time.perf_counter() - start


def waiting(workers: int) -> float:
    """Seconds that workers take who only wait; they are threads of this process, each with its connection."""
    with cluster(workers, processes=False, protocol="tcp://") as there:
        crew = executors.find_workers(NET, WorkerSettings(scheduler=there.scheduler_address))
        jobs = (Job(number, (WAIT,)) for number in range(EACH * workers))
        start = time.perf_counter()
        assert len(list(executors.as_completed(crew, time.sleep, jobs, lambda: None))) == EACH * workers
        return time.perf_counter() - start


def main() -> None:
    args, options = arguments(__doc__)
    os.environ["PYTHONPATH"] = str(ROOT)  # the workers' processes import the package, too
    print(f"{'workers':>20} {'pictures':>9} {'seconds':>8} {'an hour':>8} {'of what they could':>19}")
    for count in sorted({1, len(os.sched_getaffinity(0))}):
        taken = dreams(count, args.pictures, args.size, options)
        print(f"{count:20} {args.pictures:9} {taken:8.1f} {3600 * args.pictures / taken:8.0f}", flush=True)
    for count in WAITING:
        taken, done = waiting(count), EACH * count
        share = EACH * WAIT / taken
        print(f"{f'{count} who wait':>20} {done:9} {taken:8.1f} {3600 * done / taken:8.0f} {share:19.2f}", flush=True)


if __name__ == "__main__":
    main()
