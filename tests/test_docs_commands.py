"""Every command of README.md and docs/usage.md, and every example of docs/python.md, is run on small pictures."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.cli.main import VERBS
from tests.helpers import pages
from tests.helpers.nets import input_layer, layer
from tests.helpers.tiny import ROOT, tiny_net, tiny_picture
from tests.video import clips

CONV = "convolution_param {{ num_output: {} kernel_size: 1 }}"
TEXT = (
    input_layer((1, 3, 24, 24))
    + layer("pool1", "Pooling", "data", param="pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
    + layer("inception_3b/output", "Convolution", "pool1", param=CONV.format(6))
    + layer("fire6/concat", "Convolution", "inception_3b/output", param=CONV.format(3))
    + layer("inception_4b/output", "Convolution", "fire6/concat", param=CONV.format(31))
    + layer("inception_4c/output", "Convolution", "inception_4b/output", param=CONV.format(4))
    + layer("fc", "InnerProduct", "inception_4c/output", param="inner_product_param { num_output: 1000 }")
    + layer("prob", "Softmax", "fc")
)
# What is not run here, and why.
NOT_RUN = {
    "make dream": "downloads the network; .ci/run runs it",
    "make test": "runs this",
    'make dream PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"': "installs",
    "pip install .": "installs; test_packaging.py installs the wheel",
    'pip install ".[video,web]"': "installs",
    "pipx run --spec . dreamify in.jpg out.png": "installs",
    "uvx --from . dreamify in.jpg out.png": "installs",
    "docker build -t dreamify .": "builds an image; tests/containers does",
    'docker run --rm -v "$PWD:/data" dreamify in.jpg out.png': "starts a container; tests/containers does",
    "vagrant up": "starts a virtual machine; tests/containers runs its provisioner",
    "conda env create -f environment.yml": "installs; test_environment.py parses the file",
    "dreamify web": "serves until Ctrl-C; tests/web starts it",
    "dreamify web --host 0.0.0.0 --port 8000 --allow-host dreams.example --upload 5M --upload-hourly 100M --storage 2G "
    "--megapixels 20 --max-size 1024 --waiting 8": "serves until Ctrl-C; test_docs.py parses it",
    "dreamify html page.html": "needs the page that `make browser` builds; tests/browser runs it",
    "dreamify run program.py": "runs a program of one's own; tests/cli/test_run.py has some",
    "dreamify models fetch vgg16": "downloads half a gigabyte; tests/modelzoo has downloads",
    "dreamify models add vgg16 deploy.prototxt VGG_ILSVRC_16_layers.caffemodel": "takes the real file; test_add.py has "
    "small ones of every kind",
}
LINES = list(dict.fromkeys(pages.commands(ROOT / "README.md") + pages.commands(ROOT / "docs" / "usage.md")))
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return tiny_net(tmp_path_factory.mktemp("models") / "net", TEXT)


@pytest.fixture(scope="module")
def filled(model, tmp_path_factory):
    """A folder with every file that the commands read."""
    folder = tmp_path_factory.mktemp("filled")
    for name in ("photos", "frames", "dreams"):
        (folder / name).mkdir()
    (folder / "list.txt").write_text("in.jpg\nphotos\n")
    for name in ("in.jpg", "flowers.jpg", "photos/1.jpg", "frames/0.png", "frames/1.png"):
        tiny_picture(folder / name, 40, 36)
    (folder / "dreamify.html").write_text("<!-- net -->")
    Image.new("L", (40, 36), 255).save(folder / "mask.png")
    clips.clip(str(folder / "in.mp4"), clips.moving_frames(3, 36, 40), sound=("aac", clips.beep(0.1)))
    assert main([str(folder / "in.jpg"), str(folder / "out.png"), "--iterations", "1", "--model", model]) == 0
    return folder


@pytest.fixture
def current(filled, tmp_path, own_cache, here, monkeypatch):
    """A copy of it, as the current folder; no network but the project's own names is found."""
    folder = shutil.copytree(filled, tmp_path / "folder")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DREAMIFY_MODELS", str(tmp_path))
    return folder


def with_model(words, model):
    """A command line that dreams with this model, whichever it names, on little noise and few threads."""
    words = [word.replace("noise:640x480", "noise:64x48") for word in words]
    if words[0] in ("info", "models", "help", "--version"):
        return words
    if "--model" in words:
        at = words.index("--model")
        words = words[:at] + words[at + 2 :]
    takes_threads = words[0] not in ("keys", "again", "html") and "--threads" not in words
    return [*words, "--model", model, *(["--threads", "1"] if takes_threads else [])]


def test_what_is_not_run_is_still_there():
    assert set(NOT_RUN) <= set(LINES)


@pytest.mark.parametrize("line", [line for line in LINES if line not in NOT_RUN])
def test_a_command(line, current, model, monkeypatch):
    before = set(current.rglob("*"))
    if "|" in line or "<" in line or ">" in line:
        script = f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "dreamify.py"}" "$@" --model "{model}"\n'
        Path("bin").mkdir()
        Path("bin/dreamify").write_text(script)
        Path("bin/dreamify").chmod(0o755)
        path = f"{current / 'bin'}{os.pathsep}{os.environ['PATH']}"
        subprocess.run(["sh", "-c", line], env={**os.environ, "PATH": path}, check=True)
        return
    program, *words = shlex.split(line)
    assert program == "dreamify", "say in NOT_RUN why this is not run"
    if words == ["--version"]:
        with pytest.raises(SystemExit, match="0"):
            main(words)
        return
    assert main(with_model(words, model)) == 0
    prints = words[0] in ("keys", "info", "models", "help")
    assert prints or (words[0] not in VERBS and "out.png" in words) or set(current.rglob("*")) > before


def test_the_examples_in_python(current, model, monkeypatch):
    from deepdream.modelzoo import zoo

    resolve = zoo.resolve
    monkeypatch.setattr(zoo, "resolve", lambda name: resolve(model))
    named = {}
    for block in pages.blocks(ROOT / "docs" / "python.md", "python"):
        exec(compile(block, "docs/python.md", "exec"), named)
    assert named["dream"].shape == named["guided"].shape == named["one_channel"].shape == (36, 40, 3)
    assert abs(named["gradient"]).mean() > 0
    for block in pages.blocks(ROOT / "README.md", "python"):
        exec(compile(block, "README.md", "exec"), {"picture": named["picture"], "np": np})
