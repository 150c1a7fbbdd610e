"""What the processes of ready.py have done before they are forked: imported the program, and dreamt once.

On one thread, for PyTorch's threads do not survive a fork. In the first dream the compiled loops are loaded. Each
verb's modules are imported, which the verb would else do in every process anew. The garbage collector keeps away from
all that: the processes would have to copy what it looks at.
"""

import contextlib
import gc
import importlib
import pkgutil
import tempfile
from pathlib import Path

import pytest  # noqa: F401
import torch
from PIL import ImageFont  # noqa: F401

from deepdream import cli, tasks, video
from tests.helpers.ready import dreamify
from tests.helpers.tiny import tiny_net, tiny_picture

modules = [
    m.name for package in (cli, tasks, video) for m in pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
]
for name in [*modules, "av", "cv2", "platformdirs"]:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)

torch.set_num_threads(1)
with tempfile.TemporaryDirectory() as folder:
    net, source = tiny_net(Path(folder, "net")), tiny_picture(Path(folder, "in.png"))
    Path(net, "readme.md").write_text("")  # to be read, which takes a module of its own
    dreamify([source, Path(folder, "out.png"), "--iterations", "1", "--octaves", "1", "--model", net])
gc.collect()
gc.freeze()
