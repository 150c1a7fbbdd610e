import sys

import pytest

from deepdream import load_net
from deepdream.errors import DreamError, UsageError
from tests.nets import input_layer, layer, write_net
from tests.shared import ENGINE


@pytest.mark.skipif(ENGINE == "caffe", reason="Caffe has been imported here")
@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (None, "cannot import name 'Classifier'"),
        (
            "print('things might go wrong')\nraise TypeError('Descriptors cannot be created\\nand more')",
            "Descriptors.*",
        ),
    ],
    ids=["any folder", "broken pycaffe"],
)
def test_what_is_called_caffe_but_does_not_work_is_not_caffe(net, tmp_path, monkeypatch, capsys, program, reason):
    (tmp_path / "caffe").mkdir()
    if program:
        (tmp_path / "caffe" / "__init__.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "caffe", raising=False)
    assert load_net(net).engine == "torch"
    with pytest.raises(DreamError, match=rf"^Caffe cannot be imported \({reason}.*use --engine torch$"):
        load_net(net, "caffe")
    assert capsys.readouterr().out == ""
    sys.modules.pop("caffe", None)


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
