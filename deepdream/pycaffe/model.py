"""Reads a net for a program: all of its layers, in the prototxt's order, as Caffe does.

What real Caffe would abort over is an error here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Dict, NamedTuple, Sequence

from ..caffe_format import schema
from ..caffe_format.layer_spec import LayerSpec
from ..caffe_format.splits import with_splits
from ..caffe_format.topology import Topology, fault_of, layer_spec, read_net
from ..caffe_format.upgrade import data_layers, upgraded
from ..errors import DreamError

if TYPE_CHECKING:
    from ..caffe_format.message import Message

TRAIN, TEST = 0, 1
_TRAINED = ("Dropout", "BatchNorm")  # computes something else in the TRAIN phase


# {layer of type DummyData: {blob: the filler of its numbers}}
Data = Dict[str, "dict[str, Message]"]


class ReadNet(NamedTuple):
    """A net as its prototxt declares it."""

    name: str
    topology: Topology
    force_backward: bool
    data: Data


def read(path: str, phase: int, level: int, stages: Sequence[str]) -> ReadNet:
    """Reads a prototxt for a phase, a level and stages.

    Raises RuntimeError if there is no such file, and DreamError if it is no net or has a layer that is not supported.
    """
    if not Path(path).is_file():
        raise RuntimeError(f"Could not open file {path}")
    net, faults = read_net(Path(path))
    net.state.phase, net.state.level = phase, level
    net.state.stage.extend(stages)
    readers = data_layers(net, faults)
    if readers:
        raise DreamError(
            f"{path}: layer {readers[0].name} ({readers[0].type}) reads a data set, which is not supported: "
            "use the net's deploy.prototxt"
        )
    drafts = upgraded(net, faults)
    fault = next((fault_of(draft) for draft in drafts if draft.faults), None)
    if fault:
        raise DreamError(f"{path}: {fault}")
    specs = [layer_spec(draft.param) for draft in drafts]
    if phase == TRAIN:
        _check_training(path, specs)
    data = {spec.name: _fillers(spec) for spec in specs if spec.type == "DummyData"}
    return ReadNet(net.name, Topology(with_splits(specs)), net.force_backward, data)


def _fillers(spec: LayerSpec) -> dict[str, Message]:
    """Takes the fillers out of a DummyData layer, since the engine computes no random numbers; zeros stay behind."""
    param = spec.param.dummy_data_param
    fillers = list(param.data_filler) or [schema.FillerParameter()]
    param.ClearField("data_filler")
    for filler in fillers:
        filler.type = filler.type or "constant"
    return dict(zip(spec.tops, fillers * len(spec.tops) if len(fillers) == 1 else fillers))


def _check_training(path: str, specs: Sequence[LayerSpec]) -> None:
    for spec in specs:
        fixed = spec.type == "BatchNorm" and spec.param.batch_norm_param.use_global_stats
        if spec.type in _TRAINED and not fixed:
            raise DreamError(
                f"{path}: layer {spec.name} ({spec.type}) computes something else in the TRAIN phase, which is not "
                "supported: use caffe.TEST"
            )
