"""The models folder of the project, and what it takes to use it."""

import subprocess
import sys
from pathlib import Path

import pytest

from deepdream import model_zoo
from deepdream.model_zoo import find

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "models"


def test_the_projects_own_readmes_are_complete():
    known = model_zoo._known_models()
    assert set(known) == {"bvlc_googlenet", "googlenet_places205", "googlenet_places365", "squeezenet_v1.1"}
    for model in known.values():
        for file in (model.prototxt, model.weights):
            assert file.urls
            assert all(url.startswith("http") for url in file.urls)
            assert all(len(digest) == 64 and int(digest, 16) for digest in file.sums)
            # An archive is only taken where its own sum and the member are known.
            assert bool(file.member) == bool(file.archive_sha1) == any(url.endswith(".tar.gz") for url in file.urls)
        assert model.prototxt.sums
        assert model.layers
    assert known["bvlc_googlenet"].mean == (104.0, 116.0, 122.0)


def test_both_googlenet_files_are_genuine():
    sums = model_zoo._known_models()["bvlc_googlenet"].weights.sums
    assert [digest[:8] for digest in sums] == ["6f7101e3", "afd678ca"]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/models")
@pytest.mark.parametrize("name", ["bvlc_googlenet", "squeezenet_v1.1"])
def test_the_shared_models_are_genuine(name, monkeypatch):
    monkeypatch.setenv("DREAMIFY_MODELS", str(SHARED))
    model = find(name)
    assert model.verified
    assert model.weights.parent == SHARED / name
    layers = [line.split('"')[1] for line in model.prototxt.read_text().splitlines() if line.startswith("  name: ")]
    assert [prefix for prefix in model.layers if not any(layer.startswith(prefix) for layer in layers)] == []


def test_models_on_disk_need_nothing_but_yaml(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "deploy.prototxt").touch()
    (folder / "mine.caffemodel").touch()
    hidden = ["pooch", "requests", "platformdirs", "tqdm", "numpy", "torch"]
    program = (
        f"import sys; sys.modules.update(dict.fromkeys({hidden}));"
        f"from deepdream import model_zoo; print(model_zoo.find({str(folder)!r}).name, model_zoo._cache())"
    )
    output = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, check=True
    ).stdout.decode()
    assert output.split() == ["mine", str(tmp_path / ".cache" / "dreamify" / "models")]
