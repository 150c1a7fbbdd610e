"""What several test files share."""

import signal

import pytest

from tests.tiny import tiny_net


@pytest.fixture(scope="session")
def net(tmp_path_factory):
    """The folder of tiny.TEXT's net."""
    return tiny_net(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def ctrl_c():
    """Ctrl-C as at a terminal, for this process and its children: one that was started with & ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def one_thread():
    """PyTorch on one thread: several would spend longer waiting for each other than a tiny net takes."""
    try:
        import torch
    except ImportError:  # beside real Caffe
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
