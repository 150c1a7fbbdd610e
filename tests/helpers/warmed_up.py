"""What the processes of ready.py have done before they are forked: imported the program, and dreamt once.

On one thread, for PyTorch's threads do not survive a fork. In the first dream the compiled loops are loaded.
"""

import contextlib
import tempfile
from pathlib import Path

import pytest  # noqa: F401
import torch

from tests.helpers.ready import dreamify
from tests.helpers.tiny import tiny_net, tiny_picture

with contextlib.suppress(ImportError):
    import cv2  # noqa: F401

torch.set_num_threads(1)
with tempfile.TemporaryDirectory() as folder:
    net, source = tiny_net(Path(folder, "net")), tiny_picture(Path(folder, "in.png"))
    dreamify([source, Path(folder, "out.png"), "--iterations", "1", "--octaves", "1", "--model", net])
