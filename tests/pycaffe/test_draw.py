"""caffe.draw: what is written on a net's graph. Real Caffe's imports pydot, which is not installed here."""

import sys
from types import SimpleNamespace

import pytest
from google.protobuf import text_format

from tests.pycaffe.stand_in import IS_REAL, caffe

if IS_REAL:
    pytest.skip("real Caffe draws with pydot only", allow_module_level=True)

from deepdream.errors import DreamError
from deepdream.pycaffe import draw

TEXT = """
layer { name: "data" type: "Data" top: "data" data_param { batch_size: 3 } include { phase: TRAIN } }
layer { name: "conv" type: "Convolution" bottom: "data" top: "conv" convolution_param { num_output: 8 kernel_size: 5 } }
layer { name: "relu" type: "ReLU" bottom: "conv" top: "conv" }
layer { name: "pool" type: "Pooling" bottom: "conv" top: "pool" pooling_param { pool: AVE kernel_size: 2 pad: 1 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 9 } }
"""


@pytest.fixture
def net():
    return text_format.Merge(TEXT, caffe.proto.caffe_pb2.NetParameter())


def test_labels(net):
    _, conv, relu, pool, fc = net.layer
    assert [draw.get_edge_label(layer) for layer in net.layer] == ["Batch 3", "8", '""', '""', "9"]
    assert draw.get_layer_label(conv, "TB") == '"conv (Convolution) kernel size: 5 stride: 1 pad: 0"'
    assert draw.get_layer_label(pool, "LR") == r'"pool\n(Pooling AVE)\nkernel size: 2\nstride: 1\npad: 1"'
    assert draw.get_layer_label(fc, "BT", True) == '"fc (InnerProduct) lr mult: 1.0, 1.0"'
    assert draw.choose_color_by_layertype(fc.type) != draw.choose_color_by_layertype(relu.type)
    assert draw.get_pooling_types_dict() == {0: "MAX", 1: "AVE", 2: "STOCHASTIC"}


class Graph:
    """What is used of pydot.Dot."""

    def __init__(self, name, **options):
        self.name, self.options, self.nodes, self.edges = name, options, [], []
        self.add_node, self.add_edge = self.nodes.append, self.edges.append

    def create(self, format):
        return f"{format} of {len(self.nodes)} nodes".encode()


def test_the_graph(net, monkeypatch, tmp_path):
    part = lambda *args, **options: (args, options)  # noqa: E731
    monkeypatch.setitem(sys.modules, "pydot", SimpleNamespace(Dot=Graph, Node=part, Edge=part))
    graph = draw.get_pydot_graph(net, "TB")
    assert (graph.name, graph.options["rankdir"], len(graph.nodes), len(graph.edges)) == ("Net", "TB", 9, 9)
    assert len(draw.get_pydot_graph(net, "TB", phase=caffe.TEST).edges) == 8
    draw.draw_net_to_file(net, str(tmp_path / "a.svg"))
    assert (tmp_path / "a.svg").read_bytes() == b"svg of 9 nodes"


def test_without_pydot(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydot", None)
    with pytest.raises(DreamError, match="pip install pydot"):
        draw.draw_net(net, "LR")
