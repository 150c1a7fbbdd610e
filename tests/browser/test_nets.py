"""Nets of every layer that the page knows, in every form of their files, against the PyTorch engine."""

import struct
from pathlib import Path

import numpy as np
import pytest

from deepdream import load_net, objective_channel, objective_L2
from deepdream.caffe_format import schema
from deepdream.caffe_format.topology import read_topology
from tests.helpers.nets import input_layer, layer
from tests.helpers.shared import SHARED, needs_models
from tests.helpers.tiny import tiny_net

CONV = "convolution_param {{ {} }}"
TEXT = (
    input_layer((1, 3, 24, 24))
    + layer("conv1", "Convolution", "data", param=CONV.format("num_output: 8 kernel_size: 5 stride: 3 pad: 2"))
    + layer("relu1", "ReLU", "conv1", "conv1")
    + layer("norm1", "LRN", "conv1", param="lrn_param { local_size: 3 alpha: 0.1 beta: 0.75 k: 2 }")
    + layer("pool1", "Pooling", "norm1", param="pooling_param { pool: MAX kernel_size: 3 stride: 2 }")
    + layer("a", "Convolution", "pool1", param=CONV.format("num_output: 6 kernel_size: 3 pad: 1 group: 2"))
    + layer("b", "Convolution", "pool1", param=CONV.format("num_output: 4 kernel_h: 1 kernel_w: 3 pad_w: 1"))
    + layer("b/clip", "Clip", "b", param="clip_param { min: -0.1 max: 0.2 }")
    + layer("wide", "Convolution", "pool1", param=CONV.format("num_output: 4 kernel_size: 3 pad: 2 dilation: 2"))
    + layer("sum", "Eltwise", "b/clip wide")
    + layer("join", "Concat", "a sum")
    + layer("drop", "Dropout", "join", "join")
    + layer("pool2", "Pooling", "join", param="pooling_param { pool: MAX kernel_size: 3 stride: 1 pad: 1 }")
    + layer("norm2", "LRN", "pool2", param="lrn_param { local_size: 5 alpha: 1 beta: 0.5 }")
    + layer("fc", "InnerProduct", "norm2", param="inner_product_param { num_output: 3 }")
)
GRADIENT = """
const weights = new Weights(await bytesOf("weights"));
const net = new Net(ort, new Topology(new TextDecoder().decode(await bytesOf("prototxt"))), weights);
const picture = {data: await floatsOf("picture"), h: arg.h, w: arg.w};
const found = await net.gradient(picture, arg.end, arg.objective);
await net.session.release();
return asText(found);
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return Path(tiny_net(tmp_path_factory.mktemp("nets") / "every", TEXT))


def weights_of(folder, form):
    """The weights of a net as each kind of file holds them."""
    new = schema.NetParameter()
    new.ParseFromString(next(folder.glob("*.caffemodel")).read_bytes())
    whole = schema.NetParameter()
    for made in new.layer:
        if not made.blobs:
            continue
        kept = (whole.layers if form == "V1" else whole.layer).add(name=made.name)
        for blob in made.blobs:
            copy = kept.blobs.add()
            dims = list(blob.shape.dim)
            if form in ("V1", "4-D"):
                copy.num, copy.channels, copy.height, copy.width = [1] * (4 - len(dims)) + dims
            else:
                copy.shape.dim.extend(dims)
            if form == "double":
                numbers = np.frombuffer(blob.data, "<f4")
                copy.double_data = struct.pack(f"<{len(numbers)}d", *numbers)
            else:
                copy.data = blob.data
    return whole.SerializeToString()


def gradients(modules, folder, end, channel=None, size=(31, 40), weights=None):
    """The gradient on noise by the page and by the PyTorch engine."""
    h, w = size
    picture = np.random.RandomState(5).uniform(-100, 100, (3, h, w)).astype(np.float32)
    modules.put("picture", picture)
    modules.put("prototxt", (folder / "deploy.prototxt").read_bytes())
    modules.put("weights", weights or next(folder.glob("*.caffemodel")).read_bytes())
    objective = {"kind": "l2"} if channel is None else {"kind": "channel", "channel": channel}
    found = modules.array(GRADIENT, {"h": h, "w": w, "end": end, "objective": objective}).reshape(picture.shape)
    net = load_net(str(folder), "torch", "cpu")
    net.blobs["data"].reshape(1, 3, h, w)
    net.forward(data=picture[None], end=end)
    (objective_L2 if channel is None else objective_channel([channel]))(net.blobs[end])
    net.backward(start=end)
    return found, net.blobs["data"].diff[0]


def close(found, wanted):
    assert abs(wanted).mean() > 0
    assert abs(found - wanted).mean() < 1e-4 * abs(wanted).mean()


@pytest.mark.parametrize("end", ["conv1", "norm1", "pool1", "a", "b/clip", "sum", "join", "norm2"])
def test_a_layer_s_gradient_is_the_engine_s(modules, folder, end):
    close(*gradients(modules, folder, end))


def test_a_channel_s_gradient_is_the_engine_s(modules, folder):
    close(*gradients(modules, folder, "join", 7))


@pytest.mark.parametrize("form", ["new", "V1", "4-D", "double"])
def test_weights_are_read_in_every_form(modules, folder, form):
    close(*gradients(modules, folder, "norm2", weights=weights_of(folder, form)))


OLD = """
input: "data" input_dim: 1 input_dim: 3 input_dim: 24 input_dim: 24
layers { name: "conv" type: CONVOLUTION bottom: "data" top: "conv"  # a comment
  blobs_lr: 1 convolution_param < num_output: 5, kernel_size: 3; stride: 2 weight_filler { type: 'xavier' } > }
layers { name: "relu" type: RELU bottom: "conv" top: "conv" }
layers { name: "norm" type: LRN bottom: "conv" top: "norm" lrn_param { local_size: 3 alpha: 1e-1 beta: .75 } }
layers { name: "trained" type: DROPOUT bottom: "norm" top: "norm" include: { phase: TRAIN } }
layers { name: "pool" type: POOLING bottom: "norm" top: "pool" pooling_param { pool: MAX kernel_size: 2 stride: 2 } }
"""


def test_a_net_of_before_2015(modules, tmp_path):
    folder = Path(tiny_net(tmp_path / "old", OLD))
    close(*gradients(modules, folder, "pool", weights=weights_of(folder, "V1")))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("layer { " * 5000, "it is nested too deep"),
        (
            'input: "data" layer { name: "a" type: "constructor" bottom: "data" top: "a" }',
            "layer a is of type constructor",
        ),
        ('input: "data" layer { name: "a" type: "ReLU" bottom: "b" top: "a" }', "layer a reads b, which no earlier"),
        ('layer { name: "a" type: "ReLU" bottom: "data" top: "a" }', "it declares no input"),
        ('input: "data" layer: 5', "a layer has no fields"),
        ("", "it holds no layers"),
        ('name: "unfinished', "it holds other bytes"),
        (f'input: "data" {CONV.format("num_output: many kernel_size: 3")}', "it holds no layers"),
    ],
)
def test_a_net_that_is_none_is_refused(modules, text, words):
    modules.put("prototxt", text.encode())
    code = """
    try { new Topology(new TextDecoder().decode(await bytesOf("prototxt"))).dreamable(); }
    catch (error) { if (error instanceof PageError) return error.message; throw error; }
    """
    assert words in modules.call(code)


TOPOLOGY = """
const topology = new Topology(new TextDecoder().decode(await bytesOf("prototxt")));
const channels = topology.dreamable();
const fits = {};
for (const end of channels.keys()) {
  let side = 1;
  while (!topology.fits(side, side, end)) side++;
  fits[end] = side;
}
const sources = {};
for (const [end, count] of channels) sources[end] = Object.values(topology.channelSource(end, count - 1));
return {channels: Object.fromEntries(channels), fits, sources};
"""


@pytest.mark.parametrize("name", ["every", "bvlc_googlenet", "squeezenet_v1.1"])
def test_layers_sizes_and_channels_are_the_command_s(modules, folder, name):
    prototxt = folder / "deploy.prototxt" if name == "every" else SHARED / "models" / name / "deploy.prototxt"
    if not prototxt.is_file():
        pytest.skip("needs the nets in ../shared/models")
    modules.put("prototxt", prototxt.read_bytes())
    found = modules.call(TOPOLOGY)
    topology = read_topology(prototxt)
    wanted = topology.dreamable()
    assert found["channels"].items() <= wanted.items()
    assert (
        found["channels"].keys() >= {end for end in wanted if end.endswith(("/output", "/concat"))} or name == "every"
    )
    for end, count in found["channels"].items():
        side = found["fits"][end]
        assert topology.shapes_at(side, side, end)
        assert tuple(found["sources"][end]) == topology.channel_source(end, count - 1)
        if side > 1:
            with pytest.raises(Exception, match="layer"):
                topology.shapes_at(side - 1, side - 1, end)


@needs_models
def test_a_dream_on_the_stand_in(modules):
    """efficientnet_lite0 is what `--model auto` has where the net of 2015 cannot be downloaded."""
    from deepdream.modelzoo import zoo

    made = zoo.resolve("efficientnet_lite0")
    modules.put("prototxt", made.prototxt.read_bytes())
    net = load_net("efficientnet_lite0", "torch", "cpu")
    picture = np.random.RandomState(6).uniform(-100, 100, (3, 64, 80)).astype(np.float32)
    modules.put("picture", picture)
    modules.put("weights", made.weights.read_bytes())
    asked = {"h": 64, "w": 80, "end": "block10/output", "objective": {"kind": "l2"}}
    found = modules.array(GRADIENT, asked).reshape(picture.shape)
    net.blobs["data"].reshape(1, 3, 64, 80)
    net.forward(data=picture[None], end="block10/output")
    objective_L2(net.blobs["block10/output"])
    net.backward(start="block10/output")
    wanted = net.blobs["data"].diff[0]
    assert abs(found - wanted).mean() < 1e-3 * abs(wanted).mean()
