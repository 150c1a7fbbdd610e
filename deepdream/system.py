"""Memory available to this process: free memory, and the limits of ulimit and of control groups (Linux).

The limits are read with the standard library alone, because other libraries fail in many ways when memory is short.
"""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from .errors import DreamError

_ROOT = Path("/")


def free() -> Optional[int]:
    """Returns how many more bytes of memory this process can allocate; None if that is unknown."""
    try:
        import psutil
    except ImportError:
        return None
    return min([int(psutil.virtual_memory().available), *(limit.left for limit in find())])


class Limit(NamedTuple):
    """A memory limit of the process, in bytes: the total, and how much of it is left."""

    what: str
    maximum: int
    left: int
    remedy: str


class Need(NamedTuple):
    """The bytes that a part of the program needs before it holds any picture."""

    who: str
    minimum: Dict[str, int]  # per kind of limit; most of the address space is never used


def _need(who: str, address_space: int, data: int, memory: int) -> Need:
    """Returns a Need, given in megabytes."""
    megabytes = {"address space": address_space, "data": data, "memory": memory}
    return Need(who, {what: number * 2**20 for what, number in megabytes.items()})


# Measured: 290, 190 and 70 MB after importing them. With 250 MB of address space, OpenBLAS hangs.
LIBRARIES = _need("this program", 400, 200, 80)
# Measured: 1150, 370 and 375 MB for a small dream on two threads, 300 MB before it. Each thread has a stack of 8 MB.
PYTORCH = _need("PyTorch", 1180 + 10 * (os.cpu_count() or 1), 400, 300)

# The name of a limit in /proc/self/limits, the index in /proc/self/statm that counts towards it, its kind, the remedy.
_OF_PROCESS = (
    ("Max address space", 0, "address space", "with ulimit -v"),
    ("Max data size", 5, "data", "with ulimit -d"),
)
_OF_GROUPS = "of the container, the service or the job"
# For each version of control groups: their folder, the files that hold the limits, the file that holds the usage, and
# the name of the inactive file pages in memory.stat.
_FILES: Dict[int, Tuple[str, Tuple[str, ...], str, str]] = {
    1: ("memory", ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
    2: ("", ("memory.max", "memory.high"), "memory.current", "inactive_file"),
}


def check(need: Need, root: Path = _ROOT) -> None:
    """Raises DreamError if a limit is too low for a part of the program."""
    for limit in find(root):
        minimum = need.minimum[limit.what]
        if limit.maximum < minimum:
            raise DreamError(
                f"{need.who} needs {minimum >> 20}M of {limit.what} but only {limit.maximum >> 20}M is available: "
                f"raise the limit {limit.remedy}"
            )


def find(root: Path = _ROOT) -> List[Limit]:
    """Returns all limits that are set. root: the folder that holds /proc and /sys."""
    try:
        sizes = [int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in _read(root, "proc/self/statm").split()]
        return [*_of_process(root, sizes), *_of_groups(root, resident=sizes[1])]
    except (OSError, ValueError, AttributeError):  # not Linux, or in an unknown format
        return []


def _of_process(root: Path, sizes: List[int]) -> Iterator[Limit]:
    """Yields the limits set by ulimit and prlimit."""
    text = _read(root, "proc/self/limits")
    for name, number, what, remedy in _OF_PROCESS:
        found = re.search(rf"^{name} +(\d+) ", text, re.MULTILINE)  # the soft limit, unless it is "unlimited"
        if found:
            maximum = int(found.group(1))
            yield Limit(what, maximum, max(0, maximum - sizes[number]), remedy)


def _of_groups(root: Path, resident: int) -> Iterator[Limit]:
    """Yields the limits of the control group of this process and of all groups that contain it."""
    for line in _read(root, "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        version = 1 if "memory" in controllers.split(",") else 2 if not controllers else None
        if version is None:
            continue
        hierarchy, limits, usage, cache = _FILES[version]
        for folder in _around(root / "sys/fs/cgroup" / hierarchy, path):
            for limit in limits:
                try:
                    maximum, used = int(_read(folder, limit)), int(_read(folder, usage))
                except (OSError, ValueError):  # not set here, or "max"
                    continue
                # Inactive file pages are freed when memory is needed.
                left = max(0, maximum - used + _numbers(folder, "memory.stat").get(cache, 0))
                yield Limit("memory", left + resident, left, _OF_GROUPS)


def _around(mounted: Path, path: str) -> Iterator[Path]:
    """Yields the folders of a control group and of the groups that contain it.

    In a container, the path can be that of the host. Then only the outermost folder exists, the container's own.
    """
    group = PurePosixPath(path.lstrip("/"))
    for one in [group, *group.parents]:
        if ".." not in one.parts:  # a group that the container cannot see
            yield mounted / one


def _numbers(folder: Path, name: str) -> Dict[str, int]:
    try:
        return {key: int(number) for key, number in map(str.split, _read(folder, name).splitlines())}
    except (OSError, ValueError):
        return {}


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8", errors="surrogateescape")
