"""Random nets in the PyTorch engine beside real Caffe, and what there is in them."""

import pytest

from deepdream.caffe_format import schema
from deepdream.caffe_format.topology import read_topology
from deepdream.engines.torch.layers import LAYERS
from tests.engines.random_nets import (
    FIELDS,
    FORWARD_ONLY,
    IN_PLACE,
    OF_BRANCHES,
    SEEDS,
    WITH_LABELS,
    random_errors,
    random_net,
)
from tests.helpers.nets import write_prototxt

pytestmark = pytest.mark.usefixtures("one_thread")
# What a repeated number is when it is left out.
REPEATED_USUAL = {"pad": 0, "stride": 1, "dilation": 1}


@pytest.mark.parametrize("seed", SEEDS)
def test_beside_caffe(caffe, tmp_path, seed):
    print(random_net(seed))
    # Measured 9e-6: float32's rounding, 6e-8 a number, through several layers of sums of up to some hundred.
    wrong = [
        f"pass {number}, {'/'.join(mode)}: {name} is {errors.max():.1e} off"
        for number, mode, name, errors in random_errors(caffe, tmp_path, seed)
        if not errors.max() <= 1e-4
    ]
    assert not wrong


def test_the_nets_have_every_layer_and_every_parameter(tmp_path):
    found, old, headers = set(), 0, 0
    for seed in SEEDS:
        text = random_net(seed)
        old += "layers {" in text
        headers += text.startswith("input:")
        for layer in read_topology(write_prototxt(tmp_path, text)).layers:
            found.update(_features(layer))
    wanted = {
        *set(LAYERS).difference(FORWARD_ONLY, OF_BRANCHES, WITH_LABELS),
        *((kind, "in place") for kind in IN_PLACE),
    }
    for kind in set(FIELDS).intersection(LAYERS).difference(FORWARD_ONLY, OF_BRANCHES, WITH_LABELS):
        wanted.update(_wanted(kind))
    missing = wanted - found
    assert not missing
    assert old >= 20
    assert headers - old >= 20


def _wanted(kind):
    """Every field of a type's parameters, and every value of an enum other than the default."""
    holder = schema.LayerParameter.DESCRIPTOR.fields_by_name.get(FIELDS[kind])
    for field in holder.message_type.fields if holder else ():
        if field.number > 1000:  # another branch's name of a field
            continue
        if field.enum_type:
            labels = {label.name for label in field.enum_type.values if label.number != field.default_value}
            yield from ((kind, field.name, label) for label in labels - {"STOCHASTIC"})  # which is refused
        elif "olution" not in kind or field.name != "axis":  # of a convolution only axis 1 is supported
            yield kind, field.name


def _features(layer):
    """What of this there is in a layer, where it differs from the default."""
    yield layer.type
    if layer.bottoms == layer.tops:
        yield layer.type, "in place"
    param = getattr(layer.param, FIELDS.get(layer.type, ""), None)
    for field, value in param.ListFields() if param else ():
        usual = REPEATED_USUAL.get(field.name, field.default_value)
        values = value if hasattr(value, "__len__") else [value]
        if field.enum_type:
            yield layer.type, field.name, field.enum_type.values_by_number[value].name
        elif any(value != usual for value in values):
            yield layer.type, field.name
