"""The notebook runs from top to bottom, on either engine, and dreams what the 2015 code dreams in its order.

Under PyTorch it runs in Jupyter's kernel; beside real Caffe, where there is none, its cells are executed one by one.
`python -m tests.test_notebook` runs it with the project's own picture, and keeps what it shows in the file.
"""

import ast
import base64
import io
import json
import os
import re
import subprocess
import sys
import types
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream import load_net
from deepdream.images.picture import read
from deepdream.tasks.zoom import next_frame
from tests.helpers import dream2015
from tests.helpers.shared import ENGINE, model, needs_models

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "notebooks" / "dream.ipynb"
LARGEST = 400_000  # bytes
PICTURE, GUIDE = ROOT / "docs" / "clouds-dream.jpg", ROOT / "examples" / "clouds.jpg"  # not those it takes by itself
SIZE, ITERATIONS, FRAMES = 96, 2, 2
TABLES = [  # of each of the dreams that Google published: first figure, and how many rows
    ("inception_4c/output", "26.41", 5),
    ("inception_3b/5x5_reduce", "25.01", 7),
    ("inception_3b/output, guided", "25.18", 5),
]


def notebook():
    return json.loads(NOTEBOOK.read_text(encoding="utf-8"))


def code_cells():
    """[(id, source)]"""
    return [(cell["id"], "".join(cell["source"])) for cell in notebook()["cells"] if cell["cell_type"] == "code"]


def run_in_kernel(timeout=None):
    """The notebook, executed in its own folder."""
    reason = "needs nbclient, nbformat and ipykernel, as in requirements-dev.txt"
    nbclient = pytest.importorskip("nbclient", reason=reason)
    nbformat = pytest.importorskip("nbformat", reason=reason)
    pytest.importorskip("ipykernel", reason=reason)
    document = nbformat.read(NOTEBOOK, as_version=4)
    place = {"metadata": {"path": str(NOTEBOOK.parent)}}
    return nbclient.NotebookClient(document, timeout=timeout, record_timing=False, resources=place).execute()


def shown_in_kernel():
    """([JPEG], printed text)"""
    outputs = [output for cell in run_in_kernel(120).cells for output in cell.get("outputs", [])]
    pictures = [
        base64.b64decode(output.data["image/jpeg"]) for output in outputs if output.output_type == "display_data"
    ]
    return pictures, "".join(output.text for output in outputs if output.get("name") == "stdout")


def shown_by_cells(monkeypatch):
    """The same without Jupyter, from the project's folder."""
    pictures, text, names = [], io.StringIO(), {}
    ipython, display = types.ModuleType("IPython"), types.ModuleType("IPython.display")
    display.display, display.Image = pictures.append, lambda data, format: data
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.chdir(ROOT)
    with redirect_stdout(text):
        for name, source in code_cells():
            exec(compile(source, name, "exec"), names)
    return pictures, text.getvalue()


def jpeg(rgb):
    """The file that a dream is shown as: levels cut off, Pillow's own quality."""
    file = io.BytesIO()
    Image.fromarray(np.uint8(np.clip(rgb, 0, 255))).save(file, "jpeg")
    return file.getvalue()


def dreamt_as_in_2015():
    """The JPEGs that the notebook should show, by tests.helpers.dream2015."""
    net, clean = (load_net(model("bvlc_googlenet"), ENGINE, device="cpu", leftovers=kept) for kept in (True, False))
    picture, guide = (np.float32(read(str(path), SIZE).pixels) for path in (PICTURE, GUIDE))

    def dream(base, end, objective=dream2015.objective_L2, seed=0, net=net):
        return dream2015.deepdream(net, base, ITERATIONS, 4, 1.4, end, True, objective, seed)

    first, second = (dream(picture, end) for end in ("inception_4c/output", "inception_3b/5x5_reduce"))
    assert jpeg(second) != jpeg(dream(picture, "inception_3b/5x5_reduce", net=clean)), "the first dream left nothing"
    frame = dream(np.float32(next_frame(np.float32(first))), "inception_4c/output", seed=1)
    features = dream2015.features(net, guide, "inception_3b/output")
    guided = dream(picture, "inception_3b/output", dream2015.objective_guide(features))
    return [jpeg(rgb) for rgb in (picture, first, second, frame, guide, guided)]


@needs_models
def test_it_shows_what_the_2015_code_dreams_in_its_order(monkeypatch, tmp_path, one_thread):
    settings = {"PICTURE": PICTURE, "GUIDE": GUIDE, "MAX_SIZE": SIZE, "ITERATIONS": ITERATIONS, "FRAMES": FRAMES}
    for name, value in {**settings, "ENGINE": ENGINE}.items():
        monkeypatch.setenv("DREAM_" + name, str(value))
    monkeypatch.setenv("DREAMIFY_MODELS", str(Path(model("bvlc_googlenet")).parent))
    if ENGINE == "caffe":
        pictures, text = shown_by_cells(monkeypatch)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as here: rounding depends on it
        for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
            monkeypatch.setenv(name, str(tmp_path))  # nobody's own settings
        pictures, text = shown_in_kernel()

    assert f"computed by {ENGINE}" in text
    assert "there and back without a change: True" in text
    assert "the same by hand: True" in text
    grown = re.search(r"the layer responds ([\d.]+) times as strongly", text)
    assert grown
    assert float(grown.group(1)) > 1
    assert text.count("these figures cannot agree") == 3
    for name, google, rows in TABLES:
        table = text[text.index(f"\n{name} ") :].strip().splitlines()
        assert table[0].split()[-6:] == ["PSNR", "SSIM", "mean", "|d|", "mean", "|dx|"]
        assert all(re.search(r"\S( +-?\d+\.\d+){4}$", row) for row in table[1:rows])
        assert table[2].startswith(f"Google's picture {google:>22}")
    assert pictures == dreamt_as_in_2015()


def test_its_figures_are_those_of_the_benchmark(monkeypatch):
    pytest.importorskip("skimage", reason="scikit-image is no part of what real Caffe's Python has")
    from benchmarks.figures import CAFFE, GOOGLE, shown
    from benchmarks.figures import figures as expected

    cells = dict(code_cells())
    names = {}
    definitions = [
        node
        for name in ("tools", "figures")
        for node in ast.parse(cells[name]).body
        if isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef))
        or (isinstance(node, ast.Assign) and node.targets[0].id == "PUBLISHED")
    ]
    exec(compile(ast.Module(definitions, type_ignores=[]), "figures", "exec"), names)

    before, after = (np.asarray(Image.open(path)) for path in (GUIDE, PICTURE))
    np.testing.assert_allclose(names["figures"](before, after), expected(shown(before), shown(after)), rtol=1e-9)
    for name, key in (("inception_4c/output", "l2"), ("inception_3b/output, guided", "guide")):
        google, mean, deviation = names["PUBLISHED"][name].values()
        assert google == GOOGLE[key]
        assert tuple(zip(mean, deviation)) == CAFFE[key]


@pytest.mark.parametrize("folder", [ROOT, NOTEBOOK.parent], ids=["project", "notebooks"])
def test_it_finds_the_project_and_its_picture(folder):
    settings = dict(code_cells())["settings"]
    ask = "\nimport deepdream\nprint(deepdream.__file__, PICTURE, sep='\\n')"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("DREAM_", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, "-c", settings + ask], cwd=str(folder), env=env, stdout=subprocess.PIPE, check=True
    )
    package, picture = done.stdout.decode().splitlines()
    assert Path(package).resolve().parent == ROOT / "deepdream"
    assert Path(picture).samefile(ROOT / "examples" / "clouds.jpg")


def test_its_code_is_python_38():
    for _, source in code_cells():
        ast.parse(source, feature_version=(3, 8))


def test_the_file_is_in_its_normal_form():
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text.encode()) < LARGEST
    assert text == normal_form(notebook())
    words = re.sub(r'"image/jpeg": "[^"]*"', "", text)
    assert not re.search(r"(?<![\w.<])/(home|root|tmp|usr|work|Users|mnt|opt|var)\b|[A-Z]:\\\\|0x[0-9a-f]{6}", words)
    assert "stderr" not in words
    assert [cell["execution_count"] for cell in notebook()["cells"] if cell["cell_type"] == "code"] == [
        *range(1, len(code_cells()) + 1)
    ]
    outputs = [output for cell in notebook()["cells"] for output in cell.get("outputs", [])]
    assert {output["output_type"] for output in outputs} == {"display_data", "stream"}
    assert sum(output["output_type"] == "display_data" for output in outputs) == 6


def test_the_file_is_a_valid_notebook():
    nbformat = pytest.importorskip("nbformat", reason="needs nbformat, as in requirements-dev.txt")
    nbformat.validate(nbformat.read(NOTEBOOK, as_version=4))


def normal_form(document):
    """The file's text: what a kernel or an editor adds on its own, such as its version, is left out."""
    document["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in document["cells"]:
        cell["metadata"] = {}
        for output in cell.get("outputs", []):
            if "image/jpeg" in output.get("data", {}):
                output["data"] = {"image/jpeg": output["data"]["image/jpeg"].replace("\n", "")}
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def keep_outputs():
    """Runs the notebook at a size that keeps the file small."""
    for name in [name for name in os.environ if name.startswith("DREAM_")]:
        del os.environ[name]
    os.environ["DREAM_MAX_SIZE"] = "480"
    import nbformat

    document = json.loads(nbformat.writes(run_in_kernel()))
    NOTEBOOK.write_text(normal_form(document), encoding="utf-8")


if __name__ == "__main__":
    keep_outputs()
