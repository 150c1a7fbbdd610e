"""python -m tests.fuzz: damaged files by the thousand, and what came of them."""

import argparse
import sys
import time

from tests.fuzz.hunt import KINDS, hunt


def main():
    """Prints the counts; returns 1 where the program failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=3000, help="cases of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, action="append", help="of the files; default: all")
    parser.add_argument("--only", type=int, help="the number of one case")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--keep", default="build/fuzz", help="a folder for the cases that failed")
    args = parser.parse_args()
    numbers = range(args.count) if args.only is None else [args.only]
    print(f"{'':12}  tried  accepted  refused  failed  slowest   memory  seconds")
    failed = False
    for kind in args.kind or KINDS:
        begin = time.monotonic()
        tally = hunt(kind, args.seed, numbers, args.workers, args.keep)
        counts = [tally.counts[outcome] for outcome in ("accepted", "refused", "failed")]
        took = f"{tally.slowest:5.1f} s  {tally.most / 2**20:5.0f} MB  {time.monotonic() - begin:7.0f}"
        print("{:12}  {:5}  {:8}  {:7}  {:6}  {}".format(kind, sum(counts), *counts, took), flush=True)
        for number, detail in sorted(tally.failed.items()):
            print(f"  --kind {kind} --seed {args.seed} --only {number}: {detail.strip().splitlines()[-1][:300]}")
        failed = failed or bool(tally.failed)
    if failed:
        print(f"the cases that failed are in {args.keep}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
