"""Numbers from other files than a .caffemodel, without a download; the real ones where ../shared/models is."""

import hashlib
import io
from pathlib import Path

import numpy as np
import pytest

from deepdream.caffe_format.topology import read_topology
from deepdream.caffe_format.weights import read_weights
from deepdream.errors import DreamError
from deepdream.modelzoo import numbers
from deepdream.modelzoo.card import ModelFile, Source, read_known_card
from deepdream.modelzoo.containers import _tensor_names
from deepdream.modelzoo.verify import verified
from tests.helpers.containers import Origin, onnx_file, piece_bytes, pth_file, tar_file
from tests.helpers.nets import layer
from tests.helpers.shared import SHARED, needs_models

MORE = "inner_product_param { num_output: 2 }"


@pytest.fixture
def origin(tmp_path):
    return Origin(tmp_path / "origin")


def test_code_in_a_pth_is_not_run(origin, tmp_path):
    torch = pytest.importorskip("torch")

    class Code:
        def __reduce__(self):
            return (tmp_path / "harmed").touch, ()

    file = io.BytesIO()
    torch.save({"conv1.weight": Code()}, file)
    path = tmp_path / "net.pth"
    path.write_bytes(file.getvalue())
    with pytest.raises(ValueError, match="such as code"):
        verified(ModelFile("net.caffemodel"), Source("pth"), path, origin.prototxt, tmp_path)
    assert not (tmp_path / "harmed").exists()


@pytest.mark.parametrize("change", ["a layer less", "another shape", "transposed"])
@pytest.mark.parametrize("kind", ["onnx", "pth"])
def test_arrays_that_do_not_fit_are_told_by_name(kind, change, origin, tmp_path):
    if kind == "pth":
        pytest.importorskip("torch")
    suffixes = ("_w_0", "_b_0") if kind == "onnx" else (".weight", ".bias")
    arrays = {f"{layer}{suffixes[i]}": array for layer, i, array in origin.arrays()}
    name = f"fc{suffixes[0]}"
    if change == "a layer less":
        del arrays[name]
    else:
        arrays[name] = arrays[name].T if change == "transposed" else arrays[name][:, 1:]
    (tmp_path / "file").write_bytes({"onnx": onnx_file, "pth": pth_file}[kind](arrays))
    with pytest.raises(ValueError, match=f"it has no array {name} for layer fc|{name} is of the shape"):
        verified(ModelFile("net.caffemodel"), Source(kind), tmp_path / "file", origin.prototxt, tmp_path)


@pytest.mark.parametrize("packed", [True, False])
def test_an_onnx_file_may_hold_its_numbers_as_floats(packed, origin, tmp_path):
    arrays = {f"{layer}_{'wb'[i]}_0": array for layer, i, array in origin.arrays()}
    (tmp_path / "file").write_bytes(onnx_file(arrays, "packed floats" if packed else "floats"))
    source = Source("onnx", tensors={"*": "*_w_0 *_b_0"})
    file = ModelFile("net.caffemodel", numbers_sha256=origin.numbers)
    assert verified(file, source, tmp_path / "file", origin.prototxt, tmp_path) == origin.canonical


def test_any_damage_to_an_onnx_file_is_refused_in_a_sentence(origin, tmp_path):
    arrays = {f"{layer}_{'wb'[i]}_0": array for layer, i, array in origin.arrays()}
    whole_file, random = onnx_file(arrays), np.random.RandomState(0)
    file = ModelFile("net.caffemodel", numbers_sha256=origin.numbers)
    for _ in range(200):
        broken = bytearray(whole_file[: random.randint(1, len(whole_file))] if random.rand() < 0.5 else whole_file)
        broken[random.randint(len(broken))] ^= 1 << random.randint(8)
        (tmp_path / "file").write_bytes(broken)
        try:
            kept = verified(file, Source("onnx"), tmp_path / "file", origin.prototxt, tmp_path)
        except (ValueError, DreamError):
            continue
        assert kept == origin.canonical  # what was damaged is not a number of the net


# With the real numbers.


@needs_models
@pytest.mark.parametrize("name", ["bvlc_googlenet", "squeezenet_v1.1"])
def test_the_digest_in_the_card_is_that_of_the_shared_numbers(name):
    card = read_known_card(Path(__file__).parents[2] / "models" / name / "readme.md")
    folder = SHARED / "models" / name
    found = numbers.of_files(folder / f"{name}.caffemodel", folder / "deploy.prototxt", ("", name))
    assert found == card.files[1].numbers_sha256
    assert found[:8] in ("11fedd33", "b422cec0")


@needs_models
@pytest.mark.parametrize("name", ["bvlc_googlenet", "squeezenet_v1.1"])
def test_the_caffemodel_of_the_card_is_made_from_pieces(name, tmp_path):
    card, there = read_known_card(Path(__file__).parents[2] / "models" / name / "readme.md"), SHARED / "models" / name
    topology = read_topology(there / "deploy.prototxt")
    pieces = piece_bytes(read_weights(there / f"{name}.caffemodel", topology))
    assert sum(map(len, pieces.values())) == {"bvlc_googlenet": 27_994_208, "squeezenet_v1.1": 4 * 1_235_496}[name]
    assert len(pieces) == {"bvlc_googlenet": 116, "squeezenet_v1.1": 52}[name]
    for piece, content in pieces.items():
        (tmp_path / piece).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / piece).write_bytes(content)
    source = next(source for source in card.files[1].sources if source.kind == "pieces")
    kept = verified(card.files[1], source, tmp_path, there / "deploy.prototxt", tmp_path)
    assert hashlib.sha256(kept).hexdigest() in card.files[1].sums
    packed = tmp_path / "packed"
    packed.write_bytes(tar_file({f"caffejs-d161/{source.member}/{piece}": data for piece, data in pieces.items()}, 1))
    assert verified(card.files[1], source, packed, there / "deploy.prototxt", tmp_path) == kept


@needs_models
def test_the_onnx_of_googlenet_would_be_read_by_its_names(tmp_path):
    card = read_known_card(Path(__file__).parents[2] / "models" / "bvlc_googlenet" / "readme.md")
    there = SHARED / "models" / "bvlc_googlenet"
    weights = read_weights(there / "bvlc_googlenet.caffemodel", read_topology(there / "deploy.prototxt"))
    arrays = {f"{layer}_{'wb'[i]}_0": array for layer, both in weights.items() for i, array in enumerate(both)}
    (tmp_path / "file").write_bytes(onnx_file(arrays))
    source = next(source for source in card.files[1].sources if source.kind == "onnx")
    own = Source("onnx", tensors=source.tensors)
    kept = verified(card.files[1], own, tmp_path / "file", there / "deploy.prototxt", tmp_path)
    assert hashlib.sha256(kept).hexdigest() in card.files[1].sums


@needs_models
def test_the_names_in_the_pth_of_the_places_nets_reach_every_layer():
    card = read_known_card(Path(__file__).parents[2] / "models" / "googlenet_places205" / "readme.md")
    table = next(source for source in card.files[1].sources if source.kind == "pth").tensors
    topology = read_topology(SHARED / "models" / "bvlc_googlenet" / "deploy.prototxt")
    names = {layer: _tensor_names(layer, table) for layer, shapes in topology.param_shapes.items() if shapes}
    assert len({name for both in names.values() for name in both}) == 116
    assert names["conv2/3x3"] == ["conv2.weight", "conv2.bias"]
    assert names["inception_4c/5x5_reduce"] == [
        "inception_4c.conv_5x5_reduce.weight",
        "inception_4c.conv_5x5_reduce.bias",
    ]
    assert names["inception_3a/pool_proj"][0] == "inception_3a.pool_proj.weight"


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr("deepdream.storage.cache_dir.cache_root", lambda: tmp_path / "cache")
    numbers.of_files.cache_clear()
    return tmp_path / "cache" / "numbers"


def test_a_small_net_is_read_once_in_a_process_and_a_large_one_once(origin, cache, monkeypatch):
    files = origin.prototxt.parent / "net.caffemodel", origin.prototxt
    assert numbers.of_files(*files, ("a", "b")) == origin.numbers
    assert not cache.exists()
    monkeypatch.setattr(numbers, "_LARGE", 1)
    numbers.of_files.cache_clear()
    assert numbers.of_files(*files, ("a", "b")) == origin.numbers
    (kept,) = cache.iterdir()
    numbers.of_files.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(numbers, "_read", None)
        assert numbers.of_files(*files, ("a", "b")) == origin.numbers
    for damaged in (b"", b"\xff", b"0" * 63):
        kept.write_bytes(damaged)
        numbers.of_files.cache_clear()
        assert numbers.of_files(*files, ("a", "b")) == origin.numbers
    assert numbers.of_files(*files, ("a", "c")) == origin.numbers
    assert len(list(cache.iterdir())) == 2


def test_where_nothing_can_be_kept_a_large_net_is_read_every_time(origin, cache, monkeypatch):
    cache.parent.touch()
    monkeypatch.setattr(numbers, "_LARGE", 1)
    files = origin.prototxt.parent / "net.caffemodel", origin.prototxt
    assert numbers.of_files(*files, ("a", "b")) == origin.numbers


def test_weights_that_lack_something_have_no_sum(origin, tmp_path, cache):
    other = tmp_path / "other.caffemodel"
    other.write_bytes(origin.canonical[: len(origin.canonical) // 2])
    assert numbers.of_files(other, origin.prototxt, ("a", "b")) == ""
    (tmp_path / "more.prototxt").write_text(origin.net.decode() + layer("more", "InnerProduct", "fc", param=MORE))
    assert numbers.of_files(origin.prototxt.parent / "net.caffemodel", tmp_path / "more.prototxt", ("a", "c")) == ""
