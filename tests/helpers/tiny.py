"""A net of four layers that dreams in milliseconds, and what the tests of the command line share."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from deepdream.cli import main
from tests.helpers.nets import input_layer, layer, write_net
from tests.helpers.shared import ENGINE

ROOT = Path(__file__).resolve().parents[2]

# The 2015 default layer is one of them, so that nothing needs to be said but the model. It needs 9 pixels: 5 behind
# the pooling, which rounds up. fc fits the prototxt's own size only, as the classifiers of real nets do.
TEXT = (
    input_layer((1, 3, 32, 32))
    + layer("conv1", "Convolution", "data", param="convolution_param { num_output: 4 kernel_size: 3 pad: 1 }")
    + layer("relu1", "ReLU", "conv1", "conv1")
    + layer("pool1", "Pooling", "conv1", param="pooling_param { pool: MAX kernel_size: 2 stride: 2 }")
    + layer("inception_4c/output", "Convolution", "pool1", param="convolution_param { num_output: 6 kernel_size: 5 }")
    + layer("fc", "InnerProduct", "inception_4c/output", param="inner_product_param { num_output: 5 }")
)
LEAST = 9
SHORT_FILM = ["--iterations", "2", "--octaves", "2", "--seed", "7", "--step", "9"]
SHORT_ZOOM = ["--iterations", "2", "--octaves", "2", "--frames", "4"]


def tiny_net(folder, text=TEXT, seed=0):
    """The folder, as text, with a net in it."""
    folder.mkdir(exist_ok=True)
    write_net(folder, text, seed)
    return str(folder)


def tiny_picture(path, width=40, height=28, mode="RGB"):
    """The path, as text, of a colourful picture."""
    y, x = np.mgrid[0:height, 0:width]
    bands = [128 + 100 * np.sin(x / 5), 128 + 100 * np.cos(y / 4), 3.0 * x + 2 * y, 4.0 * x + 60]
    Image.fromarray(np.stack(bands[: len(mode)], -1).clip(0, 255).astype(np.uint8), mode).save(path)
    return str(path)


def dream_of_old(seed=0):
    """The bytes of a picture that dreamify has made, which another dream may replace."""
    recipe, file = PngImagePlugin.PngInfo(), io.BytesIO()
    recipe.add_text("dreamify", json.dumps({"dreamify": {"program": "dreamify", "seed": seed}}))
    Image.new("RGB", (4, 3)).save(file, "PNG", pnginfo=recipe)
    return file.getvalue()


def frame_names(count, digits=4):
    """The names of a sequence's frames; a zoom's have 4 digits, a film's 6."""
    return [f"{number:0{digits}}.png" for number in range(count)]


def snapshot(folder):
    """{path: bytes} of everything in a folder, with None for a folder."""
    paths = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in paths}


# What a dream says of itself before it begins; a fault may turn up after any of these.
SAID = re.compile(
    "dreamify: (.* is unverified: .*|tiny, seed [0-9]+|left out, .*"
    "|.*, layer .*, seed [0-9]+|computing with .*|finishing this step; .*"
    "|that dream was made .*|.*: the dream goes to .*)"
)


def refused(capsys, folder, args, code=1):
    """The one sentence with which a command line is refused, while `folder` stays as it is."""
    before = snapshot(folder)
    capsys.readouterr()
    assert main([str(arg) for arg in args]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    *said, line = printed.err.splitlines()
    assert all(SAID.fullmatch(other) for other in said), printed.err
    assert line.startswith("dreamify: ")
    assert snapshot(folder) == before
    return line


def command(*args, **options):
    """dreamify.py as a process of its own, its output caught as bytes."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.Popen([sys.executable, str(ROOT / "dreamify.py"), *map(str, args)], env=environ, **pipes)


def forked(*args, cwd):
    """The same from a process that has imported everything, which saves seconds; where there is none, command."""
    if ENGINE == "torch" and hasattr(os, "fork"):
        from tests.helpers import ready

        return ready.Command(*args, cwd=cwd)
    return command(*args, cwd=cwd)


def interrupt(process, ready, patience=60, number=signal.SIGINT):
    """Ctrl-C, or another signal, as soon as ready() is true."""
    deadline = time.monotonic() + patience
    while not ready():
        assert process.poll() is None, "it ended by itself"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
