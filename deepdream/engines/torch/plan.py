"""The layers that a dream on one layer needs, in the order they run, and the places where that run can be cut."""

from typing import Dict, List, NamedTuple, Sequence, Tuple

from ...caffe_format.topology import Topology
from .layers.base import Layer


class Step(NamedTuple):
    """One layer of a plan and the names of the blobs that it reads and writes."""

    layer: Layer
    bottoms: Tuple[str, ...]
    tops: Tuple[str, ...]


class Plan(NamedTuple):
    """The steps from the net's inputs to `tops`."""

    steps: List[Step]
    tops: Tuple[str, ...]


def make_plan(topology: Topology, layers: Sequence[Layer], end: str) -> Plan:
    """The plan for the tops of layer `end`. `layers` are all layers of the net, in the order of the topology."""
    specs = [spec for spec in topology.needed(end) if spec.type != "Input"]
    places = {id(spec): i for i, spec in enumerate(topology.layers)}  # several layers may have one name
    steps = [Step(layers[places[id(spec)]], spec.bottoms, spec.tops) for spec in specs]
    plan = Plan(steps, topology.layers[topology.position(end)].tops)
    return plan._replace(steps=_rectified_last(plan))


def _rectified_last(plan: Plan) -> List[Step]:
    """Swaps each ReLU with the max pooling that is its only reader. The tops and diffs stay the same, at less cost.

    The maximum of a window does not depend on whether its negative values are set to 0 first, and where all values are
    negative the ReLU passes no diff.
    """
    steps = list(plan.steps)
    readers: Dict[str, List[int]] = {}
    for i, step in enumerate(steps):
        for name in step.bottoms:
            readers.setdefault(name, []).append(i)
    for i, rectify in enumerate(steps):
        if not _is(rectify, "ReLU", slope=0) or rectify.tops[0] in plan.tops:
            continue
        later = [k for k in readers.get(rectify.tops[0], ()) if k > i]
        if later == [i + 1] and _is(steps[i + 1], "Pooling", is_max=True):
            pool = steps[i + 1]
            if any(pool.tops[0] in step.tops for step in steps[i + 2 :]):
                continue  # the ReLU would read its signs from values that another layer has overwritten
            steps[i] = pool._replace(bottoms=rectify.bottoms)
            steps[i + 1] = rectify._replace(bottoms=pool.tops, tops=pool.tops)
    return steps


def _is(step: Step, kind: str, **attributes: object) -> bool:
    layer = step.layer
    return layer.spec.type == kind and all(getattr(layer, name) == value for name, value in attributes.items())


def cuts(plan: Plan) -> Dict[int, str]:
    """{number of steps before the cut: blob} wherever all later steps read one blob only and do not overwrite it."""
    unread = set(plan.tops)
    found = {}
    for i in range(len(plan.steps) - 1, 0, -1):
        step = plan.steps[i]
        unread -= set(step.tops)
        unread |= set(step.bottoms)
        if len(unread) == 1 and step.bottoms != step.tops:
            found[i] = next(iter(unread))
    return dict(sorted(found.items()))
