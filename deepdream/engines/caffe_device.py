"""Where real Caffe computes: its devices and its CPU threads."""

from __future__ import annotations

import ctypes
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError
from .caffe_prototxt import as_file
from .real_caffe import import_caffe

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

caffe, _ = import_caffe()
_TRIAL = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 2 } } }
layer { name: "power" type: "Power" bottom: "data" top: "power" power_param { scale: 2 } }
"""


def select(device: str) -> None:
    """Makes Caffe compute on a device. The setting holds only for the current Python thread."""
    if device == "cpu":
        caffe.set_mode_cpu()
    else:
        caffe.set_device(int(device[len("cuda:") :]))
        caffe.set_mode_gpu()


def resolved(name: str) -> str:
    """Resolves auto, cpu, cuda or cuda:N to cpu or cuda:N. Raises UsageError if Caffe cannot compute there."""
    if name == "auto":
        return "cuda:0" if _has_driver() and _works("cuda:0") else "cpu"
    wanted = "cuda:0" if name == "cuda" else name
    if wanted == "cpu" or (re.fullmatch(r"cuda:\d+", wanted) and _works(wanted)):
        return wanted
    raise UsageError(f"this Caffe cannot compute on {name} here: use --device cpu or --engine torch")


def _has_driver() -> bool:
    """Whether NVIDIA's driver is installed. Asking Caffe would take a second."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _works(device: str) -> bool:
    """Whether Caffe was built for GPUs and computes on this one.

    Another process tries it, since Caffe would abort if it cannot.
    """
    ask = (
        "import sys; sys.path.insert(0, sys.argv[1]); import caffe; "
        "caffe.set_device(int(sys.argv[2])); caffe.set_mode_gpu(); caffe.Net(sys.argv[3], caffe.TEST).forward()"
    )
    folder = str(Path(caffe.__file__).resolve().parents[1])
    with as_file(_TRIAL) as path:
        command = [sys.executable, "-c", ask, folder, device[len("cuda:") :], path]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def threads() -> int:
    """Returns the number of CPU threads for matrix products. Everything else in Caffe runs on one thread."""
    return max((pool["num_threads"] for pool in _thread_pools().info()), default=1)


def set_threads(threads: int) -> None:
    """Sets the number of CPU threads for matrix products."""
    _thread_pools().limit(limits=threads)


@lru_cache(maxsize=None)
def _thread_pools() -> ThreadpoolController:
    """Returns threadpoolctl's controller of the libraries that multiply matrices.

    It finds them in a callback from C, where a Ctrl-C would be lost. It therefore runs in another thread, which never
    receives one.
    """
    import threadpoolctl

    with ThreadPoolExecutor(1) as other_thread:
        return other_thread.submit(threadpoolctl.ThreadpoolController).result()
