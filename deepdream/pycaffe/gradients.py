"""Finds which diffs Caffe's backward pass computes (Net::Init of net.cpp).

A layer runs backward if it has something to learn, or passes a diff to one that has, and if a loss follows from it. A
prototxt with force_backward runs all of them.
"""

from typing import Dict, List, NamedTuple, Set

from ..caffe_format.layer_spec import LayerSpec
from ..caffe_format.topology import Topology

_LOSSES = ("SoftmaxWithLoss",)  # read labels, which have no diff


class Wanted(NamedTuple):
    """What a layer computes when it runs backward."""

    runs: bool
    bottoms: List[bool]
    params: List[bool]


def wanted(topology: Topology, force_backward: bool) -> List[Wanted]:
    """For each layer of a net, of which bottoms and parameters the diffs are computed."""
    if force_backward:
        return [
            Wanted(True, _all_but_labels(layer), [True] * len(topology.param_shapes[layer.name]))
            for layer in topology.layers
        ]
    return _under_a_loss(topology, _with_something_to_learn(topology))


def loss_weights(topology: Topology) -> Dict[str, float]:
    """{blob: the factor of its sum in the loss}, of the blobs that have one. A Split hands it to its first top."""
    found: Dict[str, float] = {}
    for layer in topology.layers:
        if layer.type == "Split" and layer.bottoms[0] in found:
            found[layer.tops[0]] = found.pop(layer.bottoms[0])
        weights = layer.param.loss_weight or ([1.0] if layer.type in _LOSSES else [])
        found.update({top: weight for top, weight in zip(layer.tops, weights) if weight})
    return found


def _all_but_labels(layer: LayerSpec) -> List[bool]:
    return [layer.type not in _LOSSES or i == 0 for i in range(len(layer.bottoms))]


def _with_something_to_learn(topology: Topology) -> List[Wanted]:
    follows: Set[str] = set()  # blobs that depend on a parameter with a learning rate
    found = []
    for layer in topology.layers:
        bottoms = [bottom in follows for bottom in layer.bottoms]
        rates = [spec.lr_mult for spec in layer.param.param]
        params = [i >= len(rates) or rates[i] != 0 for i in range(len(topology.param_shapes[layer.name]))]
        runs = any(bottoms) or any(params)
        if runs:
            follows.update(layer.tops)
        found.append(Wanted(runs, list(layer.param.propagate_down) or bottoms, params))
    return found


def _under_a_loss(topology: Topology, learning: List[Wanted]) -> List[Wanted]:
    losses = loss_weights(topology)
    leads_to_loss: Set[str] = set()
    stops: Set[str] = set()  # blobs whose diff no reader computes
    found = []
    for layer, one in zip(reversed(topology.layers), reversed(learning)):
        adds = any(top in losses or top in leads_to_loss for top in layer.tops)
        runs = one.runs and adds and any(top not in stops for top in layer.tops)
        bottoms = [want and adds and (runs or not one.runs) for want in one.bottoms]
        if adds:
            leads_to_loss.update(layer.bottoms)
        stops.update(bottom for bottom, want in zip(layer.bottoms, bottoms) if not want)
        found.append(Wanted(runs, bottoms, one.params))
    return found[::-1]
