import pytest

from deepdream import load_net
from deepdream.errors import DreamError, UsageError
from tests.nets import input_layer, layer, write_net
from tests.shared import ENGINE


@pytest.mark.skipif(ENGINE == "caffe", reason="Caffe has been imported here")
def test_a_folder_called_caffe_is_not_caffe(net, tmp_path, monkeypatch):
    (tmp_path / "caffe").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert load_net(net).engine == "torch"
    with pytest.raises(DreamError, match=r"Caffe cannot be imported .* use --engine torch"):
        load_net(net, "caffe")


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
    "wrong", [{"engine": "tea"}, {"precision": "float16"}, {"blobs": "few"}, {"blobs": "needed", "leftovers": True}]
)
def test_what_is_none_of_the_choices_is_refused(net, wrong):
    with pytest.raises(UsageError):
        load_net(net, **wrong)
