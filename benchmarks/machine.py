"""The machine that measures, without a name or a path."""

import os
import platform
import re
from pathlib import Path
from typing import Any, Dict

import torch


def measure() -> Dict[str, Any]:
    """What the numbers depend on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _cpu(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "cores_used": torch.get_num_threads(),
        "memory_gib": round(memory / 2**30, 1),
        "os": _system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")  # Linux's platform.processor() says no more than x86_64
    model = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return model[1] if model else platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return f"{platform.system()} {platform.release()}"


def told_in_full(measured: Dict[str, Any]) -> str:
    """The machine in a line."""
    return (
        "{cpu} ({vector_instructions}), {cores_used} cores used, {memory_gib} GiB, {os}, Python {python}, torch {torch}"
    ).format(**measured)
