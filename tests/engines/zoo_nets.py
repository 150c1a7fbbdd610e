"""The layers of the nets in models/, as prototxt, for tests of those whose files are not at hand.

Types, connections, names, windows and strides are the published nets'. `width` divides the channels between the picture
and the classes, so that a net computes quickly; 1 is the published net.
"""

import re
from functools import partial
from pathlib import Path

from tests.helpers.nets import input_layer, layer


def convolution(name, bottom, channels, size, relu, stride=1, pad=0, group=1):
    """A convolution with its ReLU in place."""
    param = f"num_output: {channels} kernel_size: {size} stride: {stride} pad: {pad} group: {group}"
    return layer(name, "Convolution", bottom, param=f"convolution_param {{ {param} }}") + layer(
        relu, "ReLU", name, name
    )


def pooling(name, bottom, size, stride, pad=0, pool="MAX"):
    param = f"pool: {pool} kernel_size: {size} stride: {stride} pad: {pad}"
    return layer(name, "Pooling", bottom, param=f"pooling_param {{ {param} }}")


def lrn(name, bottom):
    return layer(name, "LRN", bottom, param="lrn_param { local_size: 5 alpha: 0.0001 beta: 0.75 }")


def fully_connected(name, bottom, outputs):
    return layer(name, "InnerProduct", bottom, param=f"inner_product_param {{ num_output: {outputs} }}")


def hidden(number, bottom, outputs):
    """fc6 or fc7 of AlexNet and VGG, with ReLU and Dropout in place."""
    name = f"fc{number}"
    drop = layer(f"drop{number}", "Dropout", name, name, "dropout_param { dropout_ratio: 0.5 }")
    return fully_connected(name, bottom, outputs) + layer(f"relu{number}", "ReLU", name, name) + drop


def alexnet(width=1, normalized_first=True):
    """AlexNet; CaffeNet pools before it normalizes."""

    def stage(number):
        first, then = ("norm", "pool") if normalized_first else ("pool", "norm")
        made, text = f"conv{number}", ""
        for kind in (first, then):
            name = f"{kind}{number}"
            text += lrn(name, made) if kind == "norm" else pooling(name, made, 3, 2)
            made = name
        return text, made

    text = input_layer((1, 3, 227, 227)) + convolution("conv1", "data", 96 // width, 11, "relu1", stride=4)
    for number, channels, size, group in ((2, 256, 5, 2), (3, 384, 3, 1)):
        more, bottom = stage(number - 1)
        name = f"conv{number}"
        text += more + convolution(name, bottom, channels // width, size, f"relu{number}", pad=size // 2, group=group)
    text += convolution("conv4", "conv3", 384 // width, 3, "relu4", pad=1, group=2)
    text += convolution("conv5", "conv4", 256 // width, 3, "relu5", pad=1, group=2) + pooling("pool5", "conv5", 3, 2)
    text += hidden(6, "pool5", 4096 // width) + hidden(7, "fc6", 4096 // width)
    return text + fully_connected("fc8", "fc7", 1000) + layer("prob", "Softmax", "fc8")


def vgg(depths, width=1):
    """VGG with so many convolutions a stage."""
    text, bottom = input_layer((1, 3, 224, 224)), "data"
    for stage, (depth, channels) in enumerate(zip(depths, (64, 128, 256, 512, 512)), 1):
        for number in range(1, depth + 1):
            place = f"{stage}_{number}"
            text += convolution("conv" + place, bottom, channels // width, 3, "relu" + place, pad=1)
            bottom = "conv" + place
        text += pooling(f"pool{stage}", bottom, 2, 2)
        bottom = f"pool{stage}"
    text += hidden(6, "pool5", 4096 // width) + hidden(7, "fc6", 4096 // width)
    return text + fully_connected("fc8", "fc7", 1000) + layer("prob", "Softmax", "fc8")


def resnet50(width=1):
    def normalized(name, place, bottom, channels, size, stride=1, bias=False):
        """A convolution, BatchNorm and Scale; `place` is what their names end in."""
        param = (
            f"num_output: {channels} kernel_size: {size} stride: {stride} pad: {size // 2} bias_term: {bias}".lower()
        )
        return (
            layer(name, "Convolution", bottom, param=f"convolution_param {{ {param} }}")
            + layer("bn" + place, "BatchNorm", name, name, "batch_norm_param { use_global_stats: true }")
            + layer("scale" + place, "Scale", name, name, "scale_param { bias_term: true }")
        )

    def relu(name):
        return layer(name + "_relu", "ReLU", name, name)

    def block(place, bottom, channels, stride):
        """res2a and the like: three convolutions, added to what the block reads or to a projection of it."""
        name, text, added = "res" + place, "", bottom
        if place.endswith("a"):
            added = name + "_branch1"
            text += normalized(added, place + "_branch1", bottom, 4 * channels, 1, stride)
        for part, outputs, size in (("a", channels, 1), ("b", channels, 3), ("c", 4 * channels, 1)):
            branch = f"{place}_branch2{part}"
            text += normalized("res" + branch, branch, bottom, outputs, size, stride if part == "a" else 1)
            text += relu("res" + branch) if part != "c" else ""
            bottom = "res" + branch
        return text + layer(name, "Eltwise", f"{added} {bottom}") + relu(name)

    text = input_layer((1, 3, 224, 224)) + normalized("conv1", "_conv1", "data", 64 // width, 7, 2, bias=True)
    text += relu("conv1") + pooling("pool1", "conv1", 3, 2)
    bottom = "pool1"
    for stage, blocks in ((2, "abc"), (3, "abcd"), (4, "abcdef"), (5, "abc")):
        for letter in blocks:
            stride = 2 if letter == "a" and stage > 2 else 1
            text += block(f"{stage}{letter}", bottom, 2 ** (stage + 4) // width, stride)
            bottom = f"res{stage}{letter}"
    text += pooling("pool5", bottom, 7, 1, pool="AVE")
    return text + fully_connected("fc1000", "pool5", 1000) + layer("prob", "Softmax", "fc1000")


# Of each inception module: 1x1, 3x3_reduce, 3x3, 5x5_reduce, 5x5, pool_proj.
INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def googlenet(classes, width=1):
    """GoogLeNet; the Places nets differ in the number of their classes alone."""

    def part(module, name, bottom, channels, size=1, **options):
        return convolution(f"{module}/{name}", bottom, channels, size, f"{module}/relu_{name}", **options)

    def inception(module, bottom, channels):
        one, reduce3, three, reduce5, five, proj = channels
        branches = " ".join(f"{module}/{name}" for name in ("1x1", "3x3", "5x5", "pool_proj"))
        return (
            part(module, "1x1", bottom, one)
            + part(module, "3x3_reduce", bottom, reduce3)
            + part(module, "3x3", module + "/3x3_reduce", three, 3, pad=1)
            + part(module, "5x5_reduce", bottom, reduce5)
            + part(module, "5x5", module + "/5x5_reduce", five, 5, pad=2)
            + pooling(module + "/pool", bottom, 3, 1, pad=1)
            + part(module, "pool_proj", module + "/pool", proj)
            + layer(module + "/output", "Concat", branches)
        )

    text = input_layer((1, 3, 224, 224))
    text += convolution("conv1/7x7_s2", "data", 64 // width, 7, "conv1/relu_7x7", stride=2, pad=3)
    text += pooling("pool1/3x3_s2", "conv1/7x7_s2", 3, 2) + lrn("pool1/norm1", "pool1/3x3_s2")
    text += part("conv2", "3x3_reduce", "pool1/norm1", 64 // width)
    text += part("conv2", "3x3", "conv2/3x3_reduce", 192 // width, 3, pad=1)
    text += lrn("conv2/norm2", "conv2/3x3") + pooling("pool2/3x3_s2", "conv2/norm2", 3, 2)
    bottom = "pool2/3x3_s2"
    for place, channels in INCEPTIONS.items():
        text += inception("inception_" + place, bottom, [max(1, number // width) for number in channels])
        bottom = f"inception_{place}/output"
        if place in ("3b", "4e"):
            name = f"pool{place[0]}/3x3_s2"
            text += pooling(name, bottom, 3, 2)
            bottom = name
    pool = "pool5/7x7_s1"
    text += pooling(pool, bottom, 7, 1, pool="AVE")
    text += layer("pool5/drop_7x7_s1", "Dropout", pool, pool, "dropout_param { dropout_ratio: 0.4 }")
    return text + fully_connected("loss3/classifier", pool, classes) + layer("prob", "Softmax", "loss3/classifier")


def squeezenet(width=1):
    def fire(module, bottom, squeezed, expanded):
        text = convolution(module + "/squeeze1x1", bottom, squeezed, 1, module + "/relu_squeeze1x1")
        for size in (1, 3):
            kind, bottom = f"expand{size}x{size}", module + "/squeeze1x1"
            text += convolution(f"{module}/{kind}", bottom, expanded, size, f"{module}/relu_{kind}", pad=size // 2)
        return text + layer(module + "/concat", "Concat", f"{module}/expand1x1 {module}/expand3x3")

    text = input_layer((1, 3, 227, 227)) + convolution("conv1", "data", 64 // width, 3, "relu_conv1", stride=2)
    text += pooling("pool1", "conv1", 3, 2)
    bottom = "pool1"
    for number, squeezed in enumerate((16, 16, 32, 32, 48, 48, 64, 64), 2):
        text += fire(f"fire{number}", bottom, squeezed // width, 4 * squeezed // width)
        bottom = f"fire{number}/concat"
        if number in (3, 5):
            text += pooling(f"pool{number}", bottom, 3, 2)
            bottom = f"pool{number}"
    drop = layer("drop9", "Dropout", bottom, bottom, "dropout_param { dropout_ratio: 0.5 }")
    text += drop + convolution("conv10", bottom, 1000, 1, "relu_conv10")
    pool = layer("pool10", "Pooling", "conv10", param="pooling_param { pool: AVE global_pooling: true }")
    return text + pool + layer("prob", "Softmax", "pool10")


def efficientnet_lite0(width=1):
    """The project's own prototxt."""
    prototxt = Path(__file__).resolve().parents[2] / "models" / "efficientnet_lite0" / "deploy.prototxt"
    *rest, classes = prototxt.read_text(encoding="utf-8").rpartition('layer { name: "classifier"')
    narrowed = re.sub(r"(num_output|group): (\d+)", lambda found: f"{found[1]}: {int(found[2]) // width}", rest[0])
    return "".join([narrowed, rest[1], classes])


# By the name of its folder in models/.
ZOO_NETS = {
    "bvlc_alexnet": alexnet,
    "bvlc_googlenet": partial(googlenet, 1000),
    "bvlc_reference_caffenet": partial(alexnet, normalized_first=False),
    "efficientnet_lite0": efficientnet_lite0,
    "googlenet_places205": partial(googlenet, 205),
    "googlenet_places365": partial(googlenet, 365),
    "resnet50": resnet50,
    "squeezenet_v1.1": squeezenet,
    "vgg16": partial(vgg, (2, 2, 3, 3, 3)),
    "vgg19": partial(vgg, (2, 2, 4, 4, 4)),
}
