"""How closely the PyTorch engine agrees with real Caffe, engine against engine, as a table.

    python -m tests.engines.beside_caffe

The real nets: "datum" is the worst error in every blob's data; "diff" the median error of all blobs' diffs that are not
zero, and "over" the share of them that are further than 1e-4 off, behind a ReLU or a pooling that rounding flips;
"steered" the worst error of all diffs, of blobs and parameters, when those switch as Caffe's do. The random nets: the
worst error of all data and diffs. Errors are relative to Caffe's number, or to the blob's mean |number| where that is
greater.
"""

import tempfile
from pathlib import Path

from deepdream.engines.torch import set_threads
from tests.engines.caffe_process import CaffeProcess
from tests.engines.random_nets import SEEDS, random_errors
from tests.engines.real_nets import CASES, load, real_errors


def main():
    set_threads(1)  # as in the tests
    caffe = CaffeProcess()
    with tempfile.TemporaryDirectory() as folder:
        _real(caffe, Path(folder))
        _random(caffe, Path(folder))
    caffe.close()


def _real(caffe, folder):
    columns = "".join(f"  {precision}: datum    diff     over steered" for precision in ("float32", "float64"))
    print(f"{'net':16}{'end':25}{'size':7}{columns}")
    loaded = nets = None
    for name, end, height, width in CASES:
        if name != loaded:
            loaded, nets = name, load(caffe, folder, name)
        row = f"{name:16}{end:25}{f'{height}x{width}':7}"
        for errors in real_errors(nets, end, height, width).values():
            row += f"{errors.data:16.1e} {errors.diff:7.1e} {errors.over:8.3%} {errors.steered:7.1e}"
        print(row, flush=True)


def _random(caffe, folder):
    results, worst = 0, {}
    for seed in SEEDS:
        for _, (precision, _), _, errors in random_errors(caffe, folder, seed):
            results += 1
            worst[precision] = max(worst.get(precision, 0), errors.max())
    texts = ", ".join(f"{error:.1e} ({precision})" for precision, error in worst.items())
    print(f"\n{len(SEEDS)} random nets, {results:,} results: at most {texts} off")


if __name__ == "__main__":
    main()
