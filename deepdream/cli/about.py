"""What a report of a fault needs: the versions of the program and of what it stands on. No path is in it."""

import os
import platform
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import List, Optional, Tuple

from .. import __version__
from ..errors import DreamError

_OTHERS = {
    "NumPy": "numpy",
    "SciPy": "scipy",
    "Pillow": "PIL",
    "PyAV": "av",
    "OpenCV": "cv2",
    "pillow-heif": "pillow_heif",
}


def versions() -> List[Tuple[str, str]]:
    """(what, its version) for each."""
    implementation = f"{platform.python_version()} ({platform.python_implementation()})"
    rows = [("dreamify", __version__), ("Python", implementation), ("system", platform.platform())]
    rows += [("processor", _processor()), ("engine", _engine()), ("PyTorch", _pytorch())]
    return rows + [(what, _version(module) or "not installed") for what, module in _OTHERS.items()]


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:  # not Linux
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    name = found.group(1).strip() if found else platform.processor() or platform.machine() or "unknown"
    return f"{name}, {platform.machine()}, {os.cpu_count()} cores"


def _engine() -> str:
    from ..engines import choose_engine, not_caffe

    why = not_caffe()
    try:
        name = choose_engine("auto").__name__.rpartition(".")[2]
    except DreamError as error:
        return str(error)
    version = _version("caffe") if name == "caffe" else None
    return " ".join([name, *([version] if version else [])]) + (f" ({why})" if why else "")


def _pytorch() -> str:
    version = _version("torch")
    if not version:
        return "not installed"
    cuda = sys.modules["torch"].cuda
    try:
        devices = [cuda.get_device_name(number) for number in range(cuda.device_count())]
    except Exception as error:  # drivers raise anything
        devices = [f"GPU unusable: {error}".split("\n")[0]]
    return ", ".join([version, *(devices or ["no GPU of CUDA"])])


def _version(module: str) -> Optional[str]:
    """The version of a module; None if there is none. One that is broken says so."""
    try:
        return str(getattr(import_module(module), "__version__", "unknown"))
    except ImportError:
        return None
    except Exception as error:  # modules raise anything
        return f"cannot be imported ({type(error).__name__})"
