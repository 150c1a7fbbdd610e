"""caffe.net_spec, on the stand-in and on real Caffe: a net in Python is the same prototxt."""

import pytest
from google.protobuf import text_format

from tests.pycaffe.stand_in import caffe

L, P, pb = caffe.layers, caffe.params, caffe.proto.caffe_pb2

EXPECTED = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 8 dim: 8 } } }
layer {
  name: "conv" type: "Convolution" bottom: "data" top: "conv" param { lr_mult: 1 } param { lr_mult: 2 }
  convolution_param { num_output: 4 pad: 1 pad: 1 kernel_size: 3 weight_filler { type: "xavier" } }
}
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "Pooling1" type: "Pooling" bottom: "conv" top: "Pooling1" pooling_param { pool: AVE kernel_size: 2 } }
layer {
  name: "pool" type: "Pooling" bottom: "Pooling1" top: "pool" pooling_param { pool: MAX global_pooling: true }
}
layer { name: "a" type: "Slice" bottom: "conv" top: "a" top: "b" slice_param { axis: 1 } }
layer { name: "s/x" type: "Silence" bottom: "a" bottom: "b" }
"""


def proto(text):
    return text_format.Merge(text, pb.NetParameter())


def test_a_net():
    net = caffe.NetSpec()
    net.data = L.Input(shape=dict(dim=[1, 3, 8, 8]))  # noqa: C408  # as programs write it
    filler, rates = {"type": "xavier"}, [{"lr_mult": 1}, {"lr_mult": 2}]
    net.conv = L.Convolution(net.data, num_output=4, kernel_size=3, pad=[1, 1], weight_filler=filler, param=rates)
    net.relu = L.ReLU(net.conv, in_place=True)
    mean = L.Pooling(net.relu, kernel_size=2, pool=P.Pooling.AVE)
    net.pool = L.Pooling(mean, pool=P.Pooling.MAX, global_pooling=True)
    net.a, net.b = L.Slice(net.conv, ntop=2, axis=1)
    net["s/x"] = L.Silence(net.a, net.b, ntop=0)
    assert net.to_proto() == proto(EXPECTED)
    assert net["conv"] is net.conv
    with pytest.raises(KeyError):
        net.nowhere  # noqa: B018


def test_names_are_given():
    one = L.ReLU(L.Input(input_param={"shape": {"dim": [1, 2]}}))
    expected = """
        layer { name: "Input1" type: "Input" top: "Input1" input_param { shape { dim: 1 dim: 2 } } }
        layer { name: "ReLU1" type: "ReLU" bottom: "Input1" top: "ReLU1" }
    """
    assert one.to_proto() == caffe.to_proto(one) == proto(expected)
    two = caffe.to_proto(one, L.Sigmoid(one))
    assert [layer.name for layer in two.layer] == ["Input1", "ReLU1", "Sigmoid1"]


def test_several_tops_and_parameters_of_the_layer_itself():
    data, label = L.Data(source="x", backend=P.Data.LMDB, batch_size=3, transform_param={"scale": 2}, ntop=2)
    expected = """
        layer {
          name: "Data1" type: "Data" top: "Data1" top: "Data2" transform_param { scale: 2 }
          data_param { source: "x" batch_size: 3 backend: LMDB }
        }
    """
    assert caffe.to_proto(data) == caffe.to_proto(label) == proto(expected)
    once = caffe.to_proto(L.Input(include={"phase": caffe.TRAIN}))
    assert once.layer[0].include[0].phase == caffe.TRAIN


def test_what_is_wrong_is_refused():
    with pytest.raises(TypeError):
        L.ReLU(3)
    with pytest.raises(AttributeError):
        caffe.to_proto(L.ReLU(L.Input(), nonsense=3))
    for number in (lambda: P.Pooling.NONSENSE, lambda: P.Nonsense.MAX):
        with pytest.raises(AttributeError):
            number()
