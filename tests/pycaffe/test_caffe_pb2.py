"""caffe_pb2: its fields beside real Caffe's, and what programs do with it."""

import json
import shlex
import subprocess
from pathlib import Path

import pytest
from google.protobuf import text_format

from tests.engines.caffe_process import COMMAND
from tests.pycaffe import messages
from tests.pycaffe.stand_in import IS_REAL, caffe

pb = caffe.proto.caffe_pb2
NEW = {"ClipParameter", "SwishParameter"}  # of the years after Debian's Caffe


@pytest.mark.skipif(not COMMAND or IS_REAL, reason="needs $CAFFE_PYTHON, a Python with real Caffe")
def test_every_field_is_real_caffes():
    program = Path(messages.__file__).read_text(encoding="utf-8")
    printed = subprocess.run([*shlex.split(COMMAND), "-c", program], stdout=subprocess.PIPE, check=True).stdout
    theirs = json.loads(printed)
    ours = json.loads(json.dumps(messages.fields(pb, theirs["messages"])))
    for name, fields in theirs["messages"].items():
        assert {field: ours["messages"][name].get(field) for field in fields} == fields, name
    for name, values in theirs["enums"].items():
        assert ours["enums"][name] == values


def test_programs_read_and_write_nets():
    net = pb.NetParameter()
    text = 'name: "a" layer { name: "p" type: "Pooling" pooling_param { pool: AVE engine: CAFFE } }'
    text_format.Merge(text, net)
    net.force_backward = True
    assert (net.layer[0].pooling_param.pool, net.layer[0].pooling_param.stride) == (pb.PoolingParameter.AVE, 1)
    assert pb.PoolingParameter.PoolMethod.Name(0) == "MAX"
    again = pb.NetParameter()
    again.ParseFromString(net.SerializeToString())
    assert again == net
    assert "force_backward: true" in str(net)
    with pytest.raises(text_format.ParseError):
        text_format.Merge('nonsense: "x"', net)


def test_programs_read_solvers():
    solver = text_format.Merge('net: "a.prototxt" base_lr: 0.5 solver_mode: CPU type: "Adam"', pb.SolverParameter())
    assert (solver.net, solver.base_lr, solver.solver_mode, solver.max_iter) == ("a.prototxt", 0.5, 0, 0)
    assert (solver.test_initialization, solver.clip_gradients, solver.random_seed) == (True, -1, -1)


def test_nets_of_2013_and_2014_have_their_types():
    old = text_format.Merge('layers { name: "a" type: CONVOLUTION blobs_lr: 1 blobs_lr: 2 }', pb.NetParameter())
    assert old.layers[0].type == pb.V1LayerParameter.CONVOLUTION == 4
    assert list(old.layers[0].blobs_lr) == [1, 2]


def test_numbers_are_packed():
    blob = pb.BlobProto(data=[1, 2], shape={"dim": [2]})
    assert blob.SerializeToString().hex() == "2a080000803f000000403a030a0102"
