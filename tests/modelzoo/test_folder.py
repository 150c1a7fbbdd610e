"""A folder of the user's own: which files are taken, and what is said of the mean and the scale there."""

import numpy as np
import pytest

from deepdream import load_net
from deepdream.caffe_format import schema
from deepdream.cli import main
from deepdream.errors import DreamError, UsageError
from deepdream.modelzoo import zoo
from tests.helpers.shared import ENGINE
from tests.helpers.tiny import tiny_net, tiny_picture

MEANS = np.array([10.0, 20.0, 30.0], np.float32)


@pytest.fixture
def own(tmp_path):
    tiny_net(tmp_path / "net")
    return tmp_path / "net"


def found(folder):
    return zoo.find(str(folder))


def binaryproto(means=MEANS):
    net = schema.NetParameter()
    blob = net.layer.add().blobs.add(num=1, channels=len(means), height=2, width=2)
    blob.data = np.repeat(means, 4).astype("<f4").tobytes()
    return blob.SerializeToString()


def test_capitals_and_any_name(own):
    (own / "deploy.prototxt").rename(own / "Any.PROTOTXT")
    (own / "net.caffemodel").rename(own / "OTHER.CaffeModel")
    model = found(own)
    assert (model.prototxt.name, model.weights.name) == ("Any.PROTOTXT", "OTHER.CaffeModel")


def test_the_deploy_prototxt_is_taken_before_others(own):
    (own / "train_val.prototxt").write_text("")
    (own / "solver.prototxt").write_text("")
    assert found(own).prototxt.name == "deploy.prototxt"


def test_of_several_one_is_chosen_by_its_path(own):
    text = (own / "deploy.prototxt").read_text()
    (own / "deploy.prototxt").unlink()
    for name in ("a", "b"):
        (own / f"{name}.prototxt").write_text(text)
    (own / "b.caffemodel").write_bytes((own / "net.caffemodel").read_bytes())
    with pytest.raises(UsageError, match=r"holds a.prototxt, b.prototxt: keep .*give the path of the prototxt"):
        found(own)
    model = found(own / "b.prototxt")
    assert (model.prototxt.name, model.weights.name) == ("b.prototxt", "b.caffemodel")
    with pytest.raises(UsageError, match=r"exactly one .*caffemodel but holds b.caffemodel, net.caffemodel"):
        found(own / "a.prototxt")


@pytest.mark.parametrize("name", ["readme.md", "README.md", "ReadMe.MD"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_readme_of_any_case_with_a_byte_order_mark(own, name, mark):
    (own / name).write_text(f"{mark}---\nmean: [1, 2, 3]\n---\nA net.\n", encoding="utf-8")
    assert found(own).mean == (1, 2, 3)


@pytest.mark.parametrize("name", ["mean.binaryproto", "the_mean.npy"])
def test_a_mean_file_is_used_and_told(own, name):
    if name.endswith(".npy"):
        np.save(own / name, np.ones((3, 4, 5), np.float32) * MEANS[:, None, None])
    else:
        (own / name).write_bytes(binaryproto())
    model = found(own)
    assert model.mean == pytest.approx(tuple(MEANS))
    assert model.mean_told == f"its mean is that of {name}: 10.0, 20.0, 30.0 (blue, green, red)"
    (own / "readme.md").write_text("---\nmean: [1, 2, 3]\n---\n")
    assert (found(own).mean, found(own).mean_told) == ((1, 2, 3), "")


def test_a_mean_of_each_channel_alone_and_a_grey_one(own):
    np.save(own / "mean.npy", MEANS)
    assert found(own).mean == tuple(MEANS)
    np.save(own / "mean.npy", np.full((1, 4, 4), 7.0))
    assert found(own).mean == (7, 7, 7)


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("mean.binaryproto", b"nonsense", "cannot be read .it is damaged"),
        ("mean.npy", b"nonsense", "cannot be read .it is damaged"),
        ("mean.binaryproto", binaryproto(np.ones(2)), "has the shape 2x2x2, not one or three channels"),
    ],
)
def test_a_mean_that_is_none_is_refused(own, name, body, says):
    (own / name).write_bytes(body)
    with pytest.raises(DreamError, match=rf"the mean .*{name} {says}.*readme.md"):
        found(own)


@pytest.mark.parametrize(
    ("fields", "mean", "scale"),
    [
        ("mean_value: 1 mean_value: 2 mean_value: 3", (1, 2, 3), 1),
        ("mean_value: 7 scale: 0.5", (7, 7, 7), 0.5),
        ("scale: 0.25", (104, 116, 122), 0.25),
    ],
)
def test_the_mean_and_scale_of_a_data_layer_are_used_and_told(own, fields, mean, scale):
    text = (own / "deploy.prototxt").read_text()
    data = f'layer {{ name: "data" type: "Data" top: "data" transform_param {{ crop_size: 32 {fields} }} }}\n'
    (own / "deploy.prototxt").write_text(data + text.partition("\n")[2])
    model = found(own)
    assert (model.mean, model.scale) == (mean, scale)
    assert model.mean_told.startswith("its mean and scale are those of its data layer: ")
    (own / "readme.md").write_text("---\nmean: [4, 5, 6]\n---\n")
    assert (found(own).mean, found(own).scale, found(own).mean_told) == ((4, 5, 6), 1, "")


def test_two_means_are_refused(own):
    for name in ("a.binaryproto", "b.binaryproto"):
        (own / name).write_bytes(binaryproto())
    with pytest.raises(UsageError, match=r"several means, a.binaryproto, b.binaryproto: keep one"):
        found(own)


@pytest.mark.parametrize(
    ("text", "mean", "scale"),
    [
        ("scale: 0.5", (104, 116, 122), 0.5),
        ("input_scale: 0.017\nmean: [1, 2, 3]", (1, 2, 3), 0.017),
        ("mean: 33", (33, 33, 33), 1),
        ("raw_scale: 1\nmean: [0.4, 0.5, 0.6]", (102, 127.5, 153), 1 / 255),
        ("raw_scale: 1", (104, 116, 122), 1 / 255),
    ],
)
def test_scales(own, text, mean, scale):
    (own / "readme.md").write_text(f"---\n{text}\n---\n")
    assert found(own).mean == pytest.approx(mean)
    assert found(own).scale == pytest.approx(scale)


@pytest.mark.parametrize("text", ["scale: big", "scale: 0", "raw_scale: .inf", "mean: [1, 2]"])
def test_a_scale_or_mean_that_is_none_is_refused(own, text):
    (own / "readme.md").write_text(f"---\n{text}\n---\n")
    with pytest.raises(UsageError, match=r"fix or delete .*readme.md"):
        found(own)


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_the_scale_multiplies_what_the_first_layer_reads(own, blobs):
    """So the top of conv1, with its bias taken off, and the gradient are multiplied by it."""
    results = []
    for text in ("", "---\nscale: 0.5\n---\n"):
        (own / "readme.md").write_text(text)
        net = load_net(str(own), ENGINE, "cpu", blobs=blobs)
        picture = np.random.RandomState(0).normal(0, 50, (1, 3, 32, 32))
        net.blobs["data"].data[...] = picture
        net.forward(end="conv1")
        bias = net.params["conv1"][1].data[:, None, None]
        top = np.array(net.blobs["conv1"].data) - bias
        net.blobs["conv1"].diff[...] = 1
        net.backward(start="conv1")
        results.append((top, np.array(net.blobs["data"].diff)))
        assert "input scale" not in net.topology.dreamable()
    for whole, half in zip(*results):
        np.testing.assert_allclose(half, whole / 2, rtol=1e-4, atol=1e-4)


def test_a_scaled_net_dreams(own, tmp_path):
    (own / "README.md").write_text("---\nscale: 0.017\n---\n")
    args = [tiny_picture(tmp_path / "in.png"), str(tmp_path / "out.png"), "conv1", "2", "1", "--model", str(own)]
    assert main(args) == 0


def test_a_classifier_that_no_dream_needs_is_not_copied(own):
    net = load_net(str(own), "torch", "cpu", blobs="needed") if ENGINE == "torch" else None
    if net is not None:
        net.forward(end="conv1")
        assert list(net.params) == ["conv1", "inception_4c/output", "fc"]
        assert list(net.params._made) == ["conv1"]
