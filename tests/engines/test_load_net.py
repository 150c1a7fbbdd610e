import pytest

from deepdream import load_net
from deepdream.errors import DreamError, UsageError
from tests.shared import ENGINE


@pytest.mark.skipif(ENGINE == "caffe", reason="Caffe has been imported here")
def test_a_folder_called_caffe_is_not_caffe(net, tmp_path, monkeypatch):
    (tmp_path / "caffe").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    assert load_net(net).engine == "torch"
    with pytest.raises(DreamError, match=r"Caffe cannot be imported .* use --engine torch"):
        load_net(net, "caffe")


@pytest.mark.parametrize(
    "wrong", [{"engine": "tea"}, {"precision": "float16"}, {"blobs": "few"}, {"blobs": "needed", "leftovers": True}]
)
def test_what_is_none_of_the_choices_is_refused(net, wrong):
    with pytest.raises(UsageError):
        load_net(net, **wrong)
