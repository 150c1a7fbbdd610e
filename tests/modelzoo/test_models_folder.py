"""$DREAMIFY_MODELS: the folder above those of models, not one of them."""

import pytest

from deepdream.errors import UsageError
from deepdream.modelzoo import zoo
from tests.helpers.tiny import tiny_net


def test_a_models_own_folder_is_no_folder_of_models(tmp_path, monkeypatch):
    tiny_net(tmp_path / "tiny")
    monkeypatch.setenv("DREAMIFY_MODELS", str(tmp_path / "tiny"))
    for ask in (
        lambda: zoo.find("bvlc_googlenet"),
        lambda: zoo.find("tiny"),
        zoo.list_models,
        lambda: zoo.fetch("vgg16"),
    ):
        with pytest.raises(
            UsageError, match=r"names the folder of one model, .*tiny: name the folder above, "
        ) as refusal:
            ask()
        assert str(refusal.value).endswith(str(tmp_path))
    assert zoo.find(str(tmp_path / "tiny")).name == "tiny"
    monkeypatch.setenv("DREAMIFY_MODELS", str(tmp_path))
    assert zoo.find("tiny").name == "tiny"
    assert zoo.is_name("tiny")
    assert zoo.is_name("vgg16")
    assert not zoo.is_name("teeny")
