"""caffe.Classifier and caffe.Detector, on the stand-in and on real Caffe: the mean of each channel is the class."""

import numpy as np
import pytest
from PIL import Image

from tests.helpers.nets import input_layer, layer
from tests.pycaffe.stand_in import IS_REAL, caffe
from tests.pycaffe.test_io import picture

pytestmark = pytest.mark.usefixtures("one_thread")
TEXT = input_layer((4, 3, 6, 6)) + layer(
    "mean", "Pooling", "data", param="pooling_param { pool: AVE global_pooling: true }"
)
TEXT += layer("scale", "Scale", "mean", param="scale_param { filler { value: 1 } }")
BGR = (2, 1, 0)


@pytest.fixture
def files(tmp_path):
    prototxt, weights = tmp_path / "deploy.prototxt", tmp_path / "net.caffemodel"
    prototxt.write_text(TEXT)
    caffe.Net(str(prototxt), caffe.TEST).save(str(weights))
    return str(prototxt), str(weights)


def test_predict_the_centre(files):
    net = caffe.Classifier(*files, image_dims=(10, 8), raw_scale=255, channel_swap=BGR, mean=np.array([1.0, 2, 3]))
    images = [picture(10, 8), picture(10, 8) / 2, picture(20, 16)]
    found = net.predict(images, oversample=False)
    assert found.shape == (3, 3, 1, 1)
    expected = images[0][2:8, 1:7].mean((0, 1))[::-1] * 255 - [1, 2, 3]
    assert abs(found[0, :, 0, 0] - expected).max() < 1e-4
    small = caffe.io.resize_image(images[2], (10, 8))[2:8, 1:7].mean((0, 1))[::-1] * 255 - [1, 2, 3]
    assert abs(found[2, :, 0, 0] - small).max() < 1e-3


def test_predict_the_mean_of_ten_crops(files):
    net = caffe.Classifier(*files, image_dims=(9, 8), input_scale=2)
    image = picture(9, 8)
    crops = [image[:6, :6], image[:6, 2:], image[3:, :6], image[3:, 2:], image[1:7, 1:7]]
    found = net.predict([image, image * 3])
    assert found.shape == (2, 3)
    assert abs(found[0] - 2 * np.mean([crop.mean((0, 1)) for crop in crops], 0)).max() < 1e-5
    assert abs(found[1] - 3 * found[0]).max() < 1e-5


def test_the_defaults_are_those_of_the_input(files):
    net = caffe.Classifier(*files)
    assert list(net.crop_dims) == list(net.image_dims) == [6, 6]
    assert net.transformer.transpose["data"] == (2, 0, 1)
    assert not net.transformer.mean
    assert isinstance(net, caffe.Net)


@pytest.mark.skipif(IS_REAL, reason="Debian's Detector reads pictures with a scikit-image of another year")
def test_detect_windows(files, tmp_path):
    net = caffe.Detector(*files, raw_scale=255, channel_swap=BGR)
    path = str(tmp_path / "a.png")
    levels = np.uint8(picture(20, 30) * 255)
    Image.fromarray(levels).save(path)
    found = net.detect_windows([(path, [(2, 3, 8, 9), (0, 0, 20, 30)]), (path, [np.array([10, 10, 16, 16])])])
    assert [one["filename"] for one in found] == [path] * 3
    assert found[0]["window"] == (2, 3, 8, 9)
    assert abs(found[0]["prediction"][:, 0, 0] - levels[2:8, 3:9].mean((0, 1))[::-1]).max() < 1e-3
    whole = caffe.io.resize_image(caffe.io.load_image(path), (6, 6)).mean((0, 1))[::-1] * 255
    assert abs(found[1]["prediction"][:, 0, 0] - whole).max() < 1e-3


@pytest.mark.skipif(IS_REAL, reason="with context, pycaffe fails on a Python of today")
def test_what_is_around_a_window_is_seen(files):
    net = caffe.Detector(*files, context_pad=1, mean=np.array([10.0, 20, 30]), raw_scale=10, channel_swap=BGR)
    image = np.zeros((40, 40, 3), np.float32)
    image[10:20, 10:20] = 1
    crop = net.crop(image, np.array([10, 10, 19, 19]))
    assert crop.shape == (6, 6, 3)
    assert crop[1:5, 1:5].mean() > 0.8 > 0.3 > crop[0].mean()  # a border of one pixel shows what is around
    corner = net.crop(image + 7, np.array([0, 0, 9, 9]))
    assert abs(corner[0] - [3, 2, 1]).max() < 1e-6  # outside of the picture is the mean, as RGB
