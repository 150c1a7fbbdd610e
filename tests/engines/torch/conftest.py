"""What the tests of layers and of both modes share."""

import pytest
import torch

from deepdream.engines.torch import make_net
from tests.engines.torch.small_net import NET
from tests.helpers.nets import write_net


@pytest.fixture
def one_thread():
    """One processor thread: for blobs of a few numbers more would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make(tmp_path, one_thread):
    """A Net of a prototxt's text, the small GoogLeNet's unless another is given, with random weights."""

    def make(text=NET, blobs="all", precision="float32", leftovers=False, device="cpu"):
        return make_net(write_net(tmp_path, text), device, precision, blobs, leftovers)

    return make
