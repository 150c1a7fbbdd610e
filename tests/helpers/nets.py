"""Small nets with random weights, written as Caffe's files into a folder, for the tests of every engine."""

from types import SimpleNamespace

import numpy as np

from deepdream.caffe_format.topology import read_topology
from deepdream.modelzoo.caffemodel import caffemodel, net_parameter

MEAN = (104.0, 116.0, 122.0)


def write_prototxt(folder, text):
    """The path of a deploy.prototxt with this text."""
    path = folder / "deploy.prototxt"
    path.write_text(text, encoding="utf-8")
    return path


def random_weights(topology, seed=0):
    """{layer: [array, ...]} of the shapes that the net asks for, of a size that keeps data near 1 from layer to layer.

    A BatchNorm's are what Caffe stores: sums, the variances positive, and the count that divides them.
    """
    random = np.random.RandomState(seed)
    weights = {}
    for layer in topology.layers:
        shapes = topology.param_shapes[layer.name]
        arrays = [random.normal(0, np.prod(shape[1:]) ** -0.5 if len(shape) > 1 else 0.3, shape) for shape in shapes]
        if layer.type == "BatchNorm":
            arrays = [random.normal(0, 1, shapes[0]), random.uniform(0.5, 2, shapes[1]), np.array([1.6])]
        if arrays:
            weights[layer.name] = [np.asarray(array, np.float32) for array in arrays]
    return weights


def write_net(folder, text, seed=0, name="net"):
    """Writes deploy.prototxt and NAME.caffemodel, and returns the paths and the mean as model_zoo's Model has them."""
    prototxt = write_prototxt(folder, text)
    path = folder / (name + ".caffemodel")
    weights = random_weights(read_topology(prototxt), seed)
    weights["of the training net"] = [np.zeros(1, np.float32)]  # a file without any number counts as damaged
    path.write_bytes(net_parameter(weights).SerializeToString())
    return SimpleNamespace(prototxt=prototxt, weights=path, mean=MEAN, scale=1.0)


def net_bytes(folder, text, seed=0):
    """The bytes of a deploy.prototxt and of its .caffemodel, with random weights, as the program itself writes one."""
    prototxt = write_prototxt(folder, text)
    topology = read_topology(prototxt)
    return prototxt.read_bytes(), caffemodel(topology, random_weights(topology, seed))


def input_layer(*shapes):
    """An Input layer with one blob for each shape: data, data1, data2 and so on."""
    tops = " ".join(f'top: "data{i or ""}"' for i in range(len(shapes)))
    dims = " ".join("shape { " + " ".join(f"dim: {n}" for n in shape) + " }" for shape in shapes)
    return f'layer {{ name: "data" type: "Input" {tops} input_param {{ {dims} }} }}\n'


def layer(name, kind, bottoms, tops="", param=""):
    """One layer in text form; without `tops`, its top has its own name."""
    reads = " ".join(f'bottom: "{bottom}"' for bottom in bottoms.split())
    writes = " ".join(f'top: "{top}"' for top in (tops or name).split())
    return f'layer {{ name: "{name}" type: "{kind}" {reads} {writes} {param} }}\n'
