import numpy as np
import pytest
from PIL import Image

from deepdream import load_net, preprocess
from deepdream.errors import UsageError
from tests.helpers.nets import input_layer, layer, write_net
from tests.helpers.shared import ENGINE, SHARED, model, needs_models


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_an_end_that_does_not_hang_on_the_picture_has_no_gradient(tmp_path, blobs):
    text = input_layer((1, 3, 4, 4), (1, 2)) + layer("seen", "Power", "data") + layer("unseen", "Power", "data1")
    write_net(tmp_path, text)
    net = load_net(str(tmp_path), ENGINE, blobs=blobs)
    for end, gradient in (("seen", 1), ("unseen", 0)):
        net.forward(end=end)
        net.blobs[end].diff[...] = 1
        net.backward(start=end)
        assert (net.blobs["data"].diff == gradient).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"engine": "tea"},
        {"precision": "float16"},
        {"precision": "bfloat16"},  # without blobs="needed", and real Caffe has none
        {"precision": "tf32", "device": "cpu"},
        {"blobs": "few"},
        {"blobs": "needed", "leftovers": True},
    ],
)
def test_what_is_none_of_the_choices_is_refused(net, wrong):
    with pytest.raises(UsageError):
        load_net(net, **wrong)


# Without padding, so that a window of a large picture is a picture of its own; 205 classes are Places205's.
CLASSES = (
    input_layer((1, 3, 14, 12))
    + layer("conv", "Convolution", "data", param="convolution_param { num_output: 4 kernel_size: 3 stride: 2 }")
    + layer("relu", "ReLU", "conv", "conv")
    + layer("pool", "Pooling", "conv", param="pooling_param { pool: MAX kernel_size: 2 stride: 1 }")
    + layer("fc1", "InnerProduct", "pool", param="inner_product_param { num_output: 8 }")
    + layer("relu_fc1", "ReLU", "fc1", "fc1")
    + layer("fc2", "InnerProduct", "fc1", param="inner_product_param { num_output: 205 }")
    + layer("prob", "Softmax", "fc2")
)


def scores(net, picture, end):
    net.blobs["data"].reshape(1, *picture.shape)
    net.blobs["data"].data[0] = picture
    net.forward(end=end)
    return net.blobs[end].data[0].copy()


@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize("end", ["fc2", "prob"])
def test_a_convolutional_net_classifies_every_window_of_a_picture(tmp_path, blobs, end):
    write_net(tmp_path, CLASSES)
    plain, everywhere = (load_net(str(tmp_path), ENGINE, "cpu", blobs=blobs, convolutional=c) for c in (False, True))
    picture = np.random.RandomState(0).normal(0, 50, (3, 18, 22)).astype(np.float32)
    found = scores(everywhere, picture, end)
    assert found.shape == (205, 3, 6)
    for row in range(3):
        for column in range(6):
            window = picture[:, 2 * row : 2 * row + 14, 2 * column : 2 * column + 12]
            np.testing.assert_allclose(found[:, row, column], scores(plain, window, end), rtol=1e-3, atol=1e-4)


@needs_models
@pytest.mark.parametrize("blobs", ["all", "needed"])
@pytest.mark.parametrize("name", ["bvlc_googlenet", "squeezenet_v1.1"])
def test_at_its_own_size_it_is_the_plain_classifier(name, blobs):
    with Image.open(SHARED / "images" / "cat.jpg") as cat:
        image = np.float32(cat.convert("RGB").resize((224, 224)))
    plain, everywhere = (load_net(model(name), ENGINE, "cpu", blobs=blobs, convolutional=c) for c in (False, True))
    end = everywhere.topology.classifier()
    expected = scores(plain, preprocess(plain, image), end).reshape(1000)
    found = scores(everywhere, preprocess(plain, image), end)
    assert found.shape == (1000, 1, 1)
    np.testing.assert_allclose(found[:, 0, 0], expected, atol=1e-4)
    assert set(range(281, 286)).intersection(expected.argsort()[-5:])  # some cat


@pytest.mark.parametrize("blobs", ["all", "needed"])
def test_a_convolutional_net_has_the_gradient_of_its_windows_scores(tmp_path, blobs):
    """The sum of the gradients that the plain classifier has in each window."""
    write_net(tmp_path, CLASSES)
    plain, everywhere = (load_net(str(tmp_path), ENGINE, "cpu", blobs=blobs, convolutional=c) for c in (False, True))
    picture = np.random.RandomState(1).normal(0, 50, (3, 18, 22)).astype(np.float32)
    expected = np.zeros_like(picture)
    for row in range(3):
        for column in range(6):
            window = (slice(None), slice(2 * row, 2 * row + 14), slice(2 * column, 2 * column + 12))
            scores(plain, picture[window], "fc2")
            expected[window] += gradient(plain, 7)
    scores(everywhere, picture, "fc2")
    found = gradient(everywhere, 7)
    assert abs(found - expected).max() < 1e-4 * abs(expected).max()


def gradient(net, number):
    """Of the score of a class, for the picture that the net has just seen."""
    net.blobs["fc2"].diff[...] = 0
    net.blobs["fc2"].diff[0, number] = 1
    net.backward(start="fc2")
    return net.blobs["data"].diff[0].copy()
