"""The models folder of the project, and what it takes to use it."""

import hashlib
import subprocess
import sys
from math import prod
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.caffe_format.geometry import convolution_geometry, pooling_geometry
from deepdream.caffe_format.topology import read_topology
from deepdream.cli import main
from deepdream.modelzoo import containers, zoo
from deepdream.modelzoo.card import front_matter, read_known_card
from deepdream.modelzoo.zoo import find
from tests.engines.zoo_nets import ZOO_NETS
from tests.helpers.nets import write_net, write_prototxt
from tests.helpers.shared import ENGINE
from tests.helpers.tiny import tiny_picture

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "models"

# As published with the nets; MIT's two are GoogLeNet with 1,024 weights and a bias for each class.
PARAMETERS = {
    "bvlc_alexnet": 60_965_224,
    "bvlc_googlenet": 6_998_552,
    "bvlc_reference_caffenet": 60_965_224,
    "efficientnet_lite0": 4_652_008 - 21_008,  # one bias for each batch normalization's factor and bias
    "googlenet_places205": 6_998_552 - (1000 - 205) * 1025,
    "googlenet_places365": 6_998_552 - (1000 - 365) * 1025,
    "resnet50": 25_557_032 + 64,  # Caffe's has a bias in its first convolution, which other ResNet-50s do without
    "squeezenet_v1.1": 1_235_496,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
}
# `fingerprint` of the deploy.prototxt whose checksum is in the readme. Those of the Places nets were not at hand.
PUBLISHED = {
    "bvlc_alexnet": "1d4cf61b59d479c8",
    "bvlc_googlenet": "d5485eb586a8ba37",
    "bvlc_reference_caffenet": "3c15d3337a995f49",
    "resnet50": "ca9fa3cc5c00789c",
    "squeezenet_v1.1": "104ea9872bb42407",
    "vgg16": "b27c95c228c49d8e",
    "vgg19": "f4bac7e6412d9fff",
}
# A layer of each net that a dream can be on.
LAYERS = {
    "bvlc_alexnet": "conv3",
    "bvlc_googlenet": "inception_4c/output",
    "bvlc_reference_caffenet": "pool2",
    "efficientnet_lite0": "block5/output",
    "googlenet_places205": "inception_3b/5x5_reduce",
    "googlenet_places365": "inception_4c/output",
    "resnet50": "res3a",
    "squeezenet_v1.1": "fire5/concat",
    "vgg16": "conv3_1",
    "vgg19": "pool4",
}


def fingerprint(topology):
    """Tells one net from another: the names, types, connections, shapes and windows of all layers."""
    lines = []
    for layer in topology.layers[1:]:  # the input is a layer with a name of its own in newer files only
        shapes = [topology.shapes[top][1:] for top in layer.tops], topology.param_shapes[layer.name]
        window = ""
        if layer.type == "Convolution":
            window = *convolution_geometry(layer.param.convolution_param), layer.param.convolution_param.group
        elif layer.type == "Pooling":
            size = topology.shapes[layer.bottoms[0]][2:]
            window = *pooling_geometry(layer.param.pooling_param, *size), layer.param.pooling_param.pool
        elif layer.type == "LRN":
            lrn = layer.param.lrn_param
            window = lrn.norm_region, lrn.local_size, f"{lrn.alpha:g} {lrn.beta:g} {lrn.k:g}"
        lines.append(f"{layer.name} {layer.type} {layer.bottoms} {layer.tops} {shapes} {window}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@pytest.fixture(scope="module")
def topologies(tmp_path_factory):
    """{name: Topology} of every known model, from tests/engines/zoo_nets.py."""
    folder = tmp_path_factory.mktemp("nets")
    return {name: read_topology(write_prototxt(folder, net())) for name, net in ZOO_NETS.items()}


def test_the_projects_own_readmes_are_complete():
    known = {name: read_known_card(readme) for name, readme in zoo._known_readmes().items()}
    assert set(known) == set(ZOO_NETS)
    for model in known.values():
        fields = front_matter(ROOT / "models" / model.name / "readme.md")
        assert {"name", "license", "mean", "classes"} <= set(fields)
        assert len(fields.get("sha1", "0" * 40)) == 40
        assert model.classes == {"205": "places205", "365": "places365"}.get(model.name[-3:], "imagenet")
        # In this order, a photograph's averages; or the middle.
        assert 100 < model.mean[0] < model.mean[1] < model.mean[2] < 125 or model.mean == (127.0, 127.0, 127.0)
        for file in model.files:
            urls = [url for source in file.sources for url in source.urls]
            assert bool(urls) == (model.package is None)
            assert all(url.startswith("http") for url in urls)
            assert len(urls) == len(set(urls))
            assert not any("apache-mxnet" in url for url in urls)  # dead since 2024
            assert not any("berkeleyvision" in url for url in urls[:-1])  # it rarely answers
            assert all(len(digest) == 64 and int(digest, 16) for digest in file.sums)
            for source in file.sources:
                assert source.kind in ("prototxt", *containers.READERS)
                # An archive of weights is only taken where its own sum and the member are known.
                assert bool(source.member) == (source.kind in ("archive", "pieces"))
                assert bool(source.sha1) == (source.kind == "archive")
        prototxt, weights = model.files
        assert prototxt.sums
        assert bool(weights.sums) == ("places" not in model.name)
        assert model.layers
    assert known["bvlc_googlenet"].mean == (104.0, 116.0, 122.0)


@pytest.mark.parametrize("name", sorted(ZOO_NETS))
def test_the_parameters_are_as_many_as_published(name, topologies):
    shapes = [
        shape
        for layer in topologies[name].layers
        if layer.type != "BatchNorm"  # whose statistics are not learnt
        for shape in topologies[name].param_shapes[layer.name]
    ]
    assert sum(map(prod, shapes)) == PARAMETERS[name]


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_the_layers_are_the_published_ones(name, topologies):
    assert fingerprint(topologies[name]) == PUBLISHED[name]
    if (SHARED / name).is_dir():
        assert fingerprint(read_topology(SHARED / name / "deploy.prototxt")) == PUBLISHED[name]


@pytest.mark.parametrize("name", sorted(ZOO_NETS))
def test_every_layer_has_a_note_and_every_note_a_layer(name, topologies):
    notes, layers = zoo._known_card(name).layers, topologies[name].dreamable()
    assert [note for note in notes if not any(layer.startswith(note) for layer in layers)] == []
    assert [layer for layer in layers if not any(layer.startswith(note) for note in notes)] == []


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_folder_with_such_a_net_dreams_by_its_path(name, tmp_path, capsys):
    write_net(tmp_path, ZOO_NETS[name](16))
    picture, out = tiny_picture(tmp_path / "in.png", 96, 72), tmp_path / "out.png"
    settings = ["--iterations", "1", "--octaves", "1", "--seed", "0", "--engine", ENGINE]
    assert main([picture, str(out), LAYERS[name], "--model", str(tmp_path), *settings]) == 0, capsys.readouterr().err
    before, after = (np.asarray(Image.open(path), float) for path in (picture, out))
    assert after.shape == before.shape
    assert 0.1 < np.abs(after - before).mean() < 10  # a step moves by 1.5 levels on average


def test_both_googlenet_files_are_genuine():
    sums = zoo._known_card("bvlc_googlenet").files[1].sums
    assert [digest[:8] for digest in sums] == ["6f7101e3", "afd678ca", "613c97bc"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/models")
@pytest.mark.parametrize("name", ["bvlc_googlenet", "squeezenet_v1.1"])
def test_the_shared_models_are_genuine(name, monkeypatch):
    monkeypatch.setenv("DREAMIFY_MODELS", str(SHARED))
    model = find(name)
    assert model.verified
    assert model.weights.parent == SHARED / name
    layers = [line.split('"')[1] for line in model.prototxt.read_text().splitlines() if line.startswith("  name: ")]
    assert [prefix for prefix in model.card.layers if not any(layer.startswith(prefix) for layer in layers)] == []


def test_models_on_disk_need_nothing_but_yaml(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "deploy.prototxt").touch()
    (folder / "mine.caffemodel").touch()
    hidden = ["requests", "platformdirs", "tqdm", "numpy", "torch"]
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden}));"
        f"from deepdream.modelzoo import zoo; print(zoo.find({str(folder)!r}).name, zoo._cache())"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    assert output.split() == ["mine", str(tmp_path / ".cache" / "dreamify" / "models")]
