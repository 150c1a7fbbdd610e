"""The fillers: their statistics by formula, and numpy.random is left alone."""

import numpy as np
import pytest

import deepdream.pycaffe as caffe
from deepdream.errors import DreamError
from deepdream.pycaffe.fillers import filled
from tests.helpers.nets import layer

pb = caffe.proto.caffe_pb2
SHAPE = (40, 30, 5, 5)


def made(text, shape=SHAPE, kind="Convolution"):
    param = pb.ConvolutionParameter(weight_filler=pb.FillerParameter(**text))
    return filled(kind, param, [shape, shape[:1]])[0]


@pytest.mark.parametrize(
    ("filler", "mean", "deviation"),
    [
        ({"type": "constant", "value": 3}, 3, 0),
        ({"type": "uniform", "min": 1, "max": 2}, 1.5, 12**-0.5),
        ({"type": "gaussian", "mean": 2, "std": 0.5}, 2, 0.5),
        ({"type": "gaussian", "sparse": 10}, 0, 0.5),  # a quarter of the numbers
        ({"type": "xavier"}, 0, 750**-0.5),
        ({"type": "xavier", "variance_norm": 1}, 0, 1000**-0.5),
        ({"type": "msra", "variance_norm": 2}, 0, (2 / 875) ** 0.5),
        ({"type": "positive_unitball"}, 1 / 750, 3**-0.5 / 750),
    ],
)
def test_statistics(filler, mean, deviation):
    caffe.set_random_seed(1)
    numbers = made(filler)
    assert numbers.dtype == np.float32
    assert abs(numbers.mean() - mean) <= 0.02 * max(abs(mean), deviation)
    assert abs(numbers.std() - deviation) <= 0.02 * deviation


def test_bilinear_enlarges():
    line = [0.25, 0.75, 0.75, 0.25]
    assert np.allclose(made({"type": "bilinear"}, (2, 1, 4, 4)), np.outer(line, line))
    with pytest.raises(DreamError, match="square"):
        made({"type": "bilinear"}, (2, 1, 4, 3))


def test_an_unknown_filler():
    with pytest.raises(DreamError, match="no filler nonsense"):
        made({"type": "nonsense"})


def test_without_a_filler():
    values = {"Convolution": [0, 0], "Scale": [1, 0], "PReLU": [0.25, 0]}
    for kind, expected in values.items():
        assert [array.mean() for array in filled(kind, None, [(4,), (4,)])] == expected


OLD = 'layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" inner_product_param { num_output: 2 %s } }'
OLDEST = 'layers { layer { name: "fc" type: "innerproduct" num_output: 2 %s } bottom: "data" top: "fc" }'


@pytest.mark.parametrize(
    "text", [OLD, OLDEST, layer("fc", "InnerProduct", "data", param="inner_product_param { num_output: 2 %s }")]
)
def test_a_net_repeats_its_numbers_with_the_seed_and_leaves_numpys_alone(tmp_path, text):
    path = tmp_path / "a.prototxt"
    path.write_text(
        'input: "data" input_shape { dim: 1 dim: 3 } '
        + text % 'weight_filler { type: "gaussian" } bias_filler { value: 4 }'
    )
    np.random.seed(3)
    expected = np.random.RandomState(3).uniform()

    def weights():
        caffe.set_random_seed(7)
        net = caffe.Net(str(path), caffe.TEST)
        assert (net.params["fc"][1].data == 4).all()
        return net.params["fc"][0].data.copy()

    first = weights()
    assert first.any()
    assert np.array_equal(first, weights())
    assert np.random.uniform() == expected
