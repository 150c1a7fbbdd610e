"""caffe.io: pictures, crops and messages, on the stand-in and on real Caffe."""

import numpy as np
import pytest
from PIL import Image

from tests.pycaffe.stand_in import IS_REAL, caffe

io = caffe.io
only_here = pytest.mark.skipif(IS_REAL, reason="Debian's load_image calls a scikit-image of another year")


def picture(height=20, width=30, channels=3):
    y, x, c = np.mgrid[0:height, 0:width, 0:channels]
    return ((7 * y + 3 * x * x + 31 * c) % 97 / 96).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("size", [(11, 13), (40, 31), (20, 10), (20, 30)])
def test_resize_is_scikit_images(size, channels):
    transform = pytest.importorskip("skimage.transform")
    image = picture(channels=channels)
    found = io.resize_image(image, size)
    assert found.dtype == np.float32
    if channels == 5:
        assert found.shape == (*size, 5)
        assert abs(found.mean() - image.mean()) < 0.05
        return
    low, high = image.min(), image.max()
    expected = transform.resize((image - low) / (high - low), size, order=1, mode="constant") * (high - low) + low
    assert abs(found - expected).max() < 2e-6


@pytest.mark.parametrize("order", [0, 1, 3])
def test_resize_stays_in_range(order):
    found = io.resize_image(picture(), (40, 50), order)
    assert picture().min() - 1e-6 <= found.min() < found.max() <= picture().max() + 1e-6


def test_resize_of_one_colour():
    found = io.resize_image(np.full((4, 5, 3), 7.0), (8, 3))
    assert found.shape == (8, 3, 3)
    assert (found == 7).all()


@only_here
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "1", "I;16"])
def test_load_image(tmp_path, mode):
    path = str(tmp_path / "a.png")
    levels = (picture(4, 6, 3) * 255).astype(np.uint8)
    if mode == "I;16":
        Image.fromarray((picture(4, 6, 1)[:, :, 0] * 65535).astype(np.uint16)).save(path)
    else:
        Image.fromarray(levels).convert(mode).save(path)
    colour, grey = io.load_image(path), io.load_image(path, False)
    assert (colour.shape, grey.shape) == ((4, 6, 3), (4, 6, 1))
    assert colour.dtype == grey.dtype == np.float32
    if mode in ("RGB", "RGBA"):
        assert abs(colour - levels / 255).max() < 1e-6
        assert abs(grey[:, :, 0] - (levels / 255) @ [0.2125, 0.7154, 0.0721]).max() < 1e-6
    if mode == "I;16":
        assert abs(grey - picture(4, 6, 1)).max() < 2e-5
    if mode == "L":
        assert (colour == grey).all()


def test_oversample():
    image = picture(9, 8)
    crops = io.oversample([image, image + 1], (4, 5))
    assert crops.shape == (20, 4, 5, 3)
    corners = [image[:4, :5], image[:4, 3:], image[5:, :5], image[5:, 3:], image[2:6, 1:6]]
    assert (crops[:5] == corners).all()
    assert (crops[5:10] == np.array(corners)[:, :, ::-1]).all()
    assert (crops[10:] == crops[:10] + 1).all()


def test_messages():
    array = picture(2, 3)
    blob = io.array_to_blobproto(array, diff=array + 1)
    assert (io.blobproto_to_array(blob) == array).all()
    assert (io.blobproto_to_array(blob, True) == array + 1).all()
    old = caffe.proto.caffe_pb2.BlobProto(num=1, channels=2, height=3, width=1, data=range(6))
    assert io.blobproto_to_array(old).shape == (1, 2, 3, 1)
    text = io.arraylist_to_blobprotovector_str([array, array * 2])
    assert [a.sum() for a in io.blobprotovector_str_to_arraylist(text)] == [
        pytest.approx(array.sum()),
        pytest.approx(2 * array.sum()),
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_data():
    levels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    datum = io.array_to_datum(levels, 7)
    assert (datum.label, datum.channels, datum.height, datum.width, len(datum.data)) == (7, 2, 3, 4, 24)
    assert (io.datum_to_array(datum) == levels).all()
    numbers = io.datum_to_array(io.array_to_datum(levels / 2))
    assert (numbers.dtype, numbers.sum()) == (np.float64, levels.sum() / 2)
    with pytest.raises(ValueError):  # noqa: PT011
        io.array_to_datum(levels[0])
