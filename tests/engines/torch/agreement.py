"""How closely the PyTorch engine agrees with what real Caffe computed (../shared/reference), as a table.

    python -m tests.engines.torch.agreement [float32|float64]

Steps: from Caffe's picture before a step, one step of ours: the gradient's error |g - g_caffe| / mean|g_caffe|, and the
picture's after it. Blobs: one forward and one backward pass, every blob at 64 places: the errors of data and diff,
relative to the value, or to the blob's mean |value| where that is greater.
"""

import functools
import json
import sys
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import numpy as np

from deepdream import load_net, make_step, objective_guide, objective_L2
from tests.helpers.shared import SHARED, model

REFERENCE = SHARED / "reference"
STEPS = (
    "googlenet_3b_5x5_reduce",
    "googlenet_3b_output",
    "googlenet_4c_output",
    "googlenet_5b_output_noclip",
    "googlenet_class_unit",
    "googlenet_conv2_3x3",
    "googlenet_guide_3b_output",
    "googlenet_pool4",
    "squeezenet_fire8",
)
BLOBS = ("googlenet_blobs_4c", "googlenet_blobs_prob", "squeezenet_blobs_prob")


class StepErrors(NamedTuple):
    """The worst over a case's recorded steps."""

    gradient_median: float
    gradient_mean: float
    after_median: float  # levels


class BlobErrors(NamedTuple):
    blob: str
    kind: str  # the type of the layer that wrote the blob, and of those that worked on it in place
    data: np.ndarray  # (64,)
    diff: np.ndarray


@functools.lru_cache(maxsize=None)
def load(name: str, precision: str, blobs: str) -> Any:
    """A net; the same for all that is asked of it."""
    return load_net(model(name), "torch", "cpu", precision, blobs)


class _Recorded:
    """A RandomState that draws the shift that Caffe's run drew."""

    def __init__(self, shift: np.ndarray):
        self._shift = shift

    def randint(self, *_: int) -> np.ndarray:
        return self._shift


def _net(case: Dict[str, Any], precision: str, blobs: str) -> Any:
    net = load(case["model"], precision, blobs)
    net.transformer.mean["data"] = np.float32([104, 116, 122])[:, None, None]  # of the recordings, for every model
    return net


def step_errors(name: str, precision: str, blobs: str) -> StepErrors:
    """One recorded case, run from each recorded `before`."""
    record = np.load(REFERENCE / f"{name}.npz")
    case = json.loads(str(record["case"]))
    net = _net(case, precision, blobs)
    objective = _objective(case.get("objective"), record)
    errors = []
    for step in (f"step{number:02}" for number in case["keep"]):
        before, gradient = record[step + "_before"], record[step + "_gradient"]
        src = net.blobs["data"]
        src.reshape(1, *before.shape)
        src.data[0] = before
        shift = _Recorded(record[step + "_jitter"])
        make_step(net, end=case["layer"], clip=case.get("clip", True), objective=objective, rng=shift)
        error = abs(src.diff[0] - gradient) / abs(gradient).mean()
        errors.append((np.median(error), error.mean(), np.median(abs(src.data[0] - record[step + "_after"]))))
    return StepErrors(*np.max(errors, axis=0))


def _objective(kind: Any, record: Any) -> Any:
    if kind is None:
        return objective_L2
    if kind["kind"] == "guide":
        return objective_guide(record["guide_features"])

    def unit(dst: Any) -> None:
        dst.diff[:] = 0
        dst.diff[:, kind["channel"]] = 1

    return unit


def blob_errors(name: str, precision: str) -> Iterator[BlobErrors]:
    """Every blob of one recorded pass."""
    record = np.load(REFERENCE / f"{name}.npz")
    case = json.loads(str(record["case"]))
    net = _net(case, precision, "all")
    net.blobs["data"].reshape(1, *record["input"].shape)
    net.forward(data=record["input"][None], end=case["layer"])
    objective_L2(net.blobs[case["layer"]])
    net.backward(start=case["layer"])
    kinds: Dict[str, str] = {}
    for layer in net.topology.layers:
        for top in layer.tops:
            kinds[top] = f"{kinds[top]}, {layer.type} in place" if top in layer.bottoms else layer.type
    for key in (key[:-6] for key in record if key.endswith("@index")):
        blob = key.replace("|", "/")
        yield BlobErrors(blob, kinds[blob], *_sample_errors(record, key, net.blobs[blob]))


def _sample_errors(record: Any, key: str, blob: Any) -> Tuple[np.ndarray, np.ndarray]:
    assert tuple(record[key + "@shape"]) == blob.shape
    sums = record[key + "@norms"]
    errors = []
    for which, total in zip(("data", "diff"), sums):
        ours = getattr(blob, which).reshape(-1)[record[key + "@index"]]
        theirs = record[f"{key}@{which}"]
        size = np.maximum(abs(theirs), total / np.prod(blob.shape))
        errors.append(abs(ours - theirs) / np.where(size, size, 1))
    return errors[0], errors[1]


def main(precision: str = "float32") -> None:
    print(f"{'step, ' + precision:34} {'blobs':7} gradient: median     mean   after: median (levels)")
    for name in STEPS:
        for blobs in ("all", "needed"):
            print("{:34} {:7} {:16.1e} {:8.1e} {:15.1e}".format(name, blobs, *step_errors(name, precision, blobs)))
    columns = "".join(f"  {which}: median  greatest   over 1e-4" for which in ("data", "diff"))
    print(f"\n{'layer type, ' + precision:34} blobs{columns}")
    by_kind: Dict[str, List[BlobErrors]] = {}
    for name in BLOBS:
        for errors in blob_errors(name, precision):
            by_kind.setdefault(errors.kind, []).append(errors)
    for kind, group in sorted(by_kind.items()):
        row = f"{kind:34} {len(group):5}"
        for values in (np.concatenate([e.data for e in group]), np.concatenate([e.diff for e in group])):
            row += f"  {np.median(values):12.1e} {values.max():9.1e} {np.mean(values > 1e-4):10.2%} "
        print(row)


if __name__ == "__main__":
    main(*sys.argv[1:])
