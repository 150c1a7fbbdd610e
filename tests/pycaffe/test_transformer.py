"""caffe.io.Transformer, on the stand-in and on real Caffe."""

import numpy as np
import pytest

from tests.pycaffe.stand_in import caffe
from tests.pycaffe.test_io import picture


@pytest.fixture
def transformer():
    return caffe.io.Transformer({"data": (1, 3, 8, 6)})


def test_there_and_back(transformer):
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_channel_swap("data", (2, 1, 0))
    transformer.set_raw_scale("data", 255)
    transformer.set_mean("data", np.array([104.0, 117, 123]))
    transformer.set_input_scale("data", 0.5)
    image = picture(8, 6)
    data = transformer.preprocess("data", image)
    assert data.shape == (3, 8, 6)
    assert abs(data[0] - (image[:, :, 2] * 255 - 104) / 2).max() < 1e-4
    assert abs(transformer.deprocess("data", data[None]) - image).max() < 1e-6
    assert transformer.mean["data"].shape == (3, 1, 1)


def test_it_resizes_pictures_and_means(transformer):
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_mean("data", picture(16, 12).transpose(2, 0, 1) * 255)
    assert transformer.mean["data"].shape == (3, 8, 6)
    image = picture(20, 30)
    data = transformer.preprocess("data", image)
    expected = caffe.io.resize_image(image, (8, 6)).transpose(2, 0, 1) - transformer.mean["data"]
    assert abs(data - expected).max() < 1e-4


def test_it_writes_into_the_programs_own_array_without_a_swap(transformer):
    transformer.set_transpose("data", (2, 0, 1))
    transformer.set_raw_scale("data", 2)
    image = np.ones((8, 6, 3), np.float32)
    transformer.preprocess("data", image)
    assert (image == 2).all()


@pytest.mark.parametrize(
    ("setting", "value", "error"),
    [
        ("transpose", (1, 0), Exception),
        ("channel_swap", (1, 0), Exception),
        ("mean", np.zeros(4), ValueError),
        ("mean", np.zeros((1, 3, 8, 6)), ValueError),
    ],
)
def test_what_does_not_fit_is_refused(transformer, setting, value, error):
    with pytest.raises(error):
        getattr(transformer, "set_" + setting)("data", value)


def test_another_name_is_refused(transformer):
    for call in (transformer.set_raw_scale, transformer.preprocess, transformer.deprocess):
        with pytest.raises(Exception, match="other is not one of"):
            call("other", picture())
