"""What tests share: the engine at hand, whether there can be workers, and the folder shared/ beside the project.

shared/ is absent elsewhere; it holds real weights, pictures, and what real Caffe computed.
"""

import multiprocessing
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest

try:
    multiprocessing.get_context("spawn").Lock()
    NO_PROCESSES = not hasattr(signal, "SIGKILL")
except OSError:
    NO_PROCESSES = True
needs_processes = pytest.mark.skipif(NO_PROCESSES, reason="needs SIGKILL, and /dev/shm for worker processes")

ENGINE = "torch" if find_spec("torch") else "caffe"
SHARED = Path(__file__).resolve().parents[2].parent / "shared"
needs_models = pytest.mark.skipif(not (SHARED / "models").is_dir(), reason="needs real weights in ../shared/models")
needs_reference = pytest.mark.skipif(
    not (SHARED / "reference").is_dir(), reason="needs what real Caffe computed, in ../shared/reference"
)
needs_cases = pytest.mark.skipif(
    not (SHARED / "cases").is_dir(), reason="needs inputs that went wrong, in ../shared/cases"
)


def model(name: str) -> str:
    """The folder of a model in shared/, for load_net."""
    return str(SHARED / "models" / name)
