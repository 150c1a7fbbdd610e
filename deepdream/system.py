"""The memory that this process may use: what is free, and the limits of ulimit and of control groups (Linux).

The limits are read with the standard library only, because with too little memory other libraries fail in many ways.
"""

import os
import re
from pathlib import Path, PurePosixPath
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple

from .errors import DreamError

_ROOT = Path("/")


def free() -> Optional[int]:
    """The bytes of memory that this process can have besides what it has; None where that cannot be found out."""
    try:
        import psutil
    except ImportError:
        return None
    return min([int(psutil.virtual_memory().available), *(limit.left for limit in find())])


class Limit(NamedTuple):
    """A limit, in bytes: what the process may have in all, and what of that is left."""

    what: str
    most: int
    left: int
    remedy: str


class Need(NamedTuple):
    """What a part of the program takes, in bytes, before there is any picture."""

    who: str
    least: Dict[str, int]  # by what is limited; of address space most is never used


def _need(who: str, address_space: int, data: int, memory: int) -> Need:
    """A Need of so many megabytes."""
    megabytes = {"address space": address_space, "data": data, "memory": memory}
    return Need(who, {what: number * 2**20 for what, number in megabytes.items()})


# Measured: 290, 190 and 70 MB once they are imported; in 250 MB of address space OpenBLAS waits for ever.
LIBRARIES = _need("this program", 400, 200, 80)
# Measured: 1150, 370 and 375 MB for a small dream on two threads, 300 MB before it; each thread has a stack of 8 MB.
PYTORCH = _need("PyTorch", 1180 + 10 * (os.cpu_count() or 1), 400, 300)

# What /proc/self/limits calls a limit, which number of /proc/self/statm counts towards it, what it is, and the remedy.
_OF_PROCESS = (
    ("Max address space", 0, "address space", "with ulimit -v"),
    ("Max data size", 5, "data", "with ulimit -d"),
)
_OF_GROUPS = "of the container, the service or the job"
# Of each version of control groups: where they are, the files of their limits and of what is used, and what
# memory.stat calls the pages of files that nobody has used for a while.
_FILES: Dict[int, Tuple[str, Tuple[str, ...], str, str]] = {
    1: ("memory", ("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file"),
    2: ("", ("memory.max", "memory.high"), "memory.current", "inactive_file"),
}


def check(need: Need, root: Path = _ROOT) -> None:
    """Raises DreamError where a limit is too low for a part of the program."""
    for limit in find(root):
        least = need.least[limit.what]
        if limit.most < least:
            raise DreamError(
                f"{need.who} needs {least >> 20}M of {limit.what} and {limit.most >> 20}M can be had: "
                f"raise the limit {limit.remedy}"
            )


def find(root: Path = _ROOT) -> List[Limit]:
    """All limits that are set. root: where /proc and /sys are."""
    try:
        sizes = [int(pages) * os.sysconf("SC_PAGE_SIZE") for pages in _read(root, "proc/self/statm").split()]
        return [*_of_process(root, sizes), *_of_groups(root, resident=sizes[1])]
    except (OSError, ValueError, AttributeError):  # this is not Linux, or not as it is known
        return []


def _of_process(root: Path, sizes: List[int]) -> Iterator[Limit]:
    """The limits that ulimit and prlimit set."""
    text = _read(root, "proc/self/limits")
    for name, number, what, remedy in _OF_PROCESS:
        found = re.search(rf"^{name} +(\d+) ", text, re.MULTILINE)  # the soft one, if it is not "unlimited"
        if found:
            most = int(found.group(1))
            yield Limit(what, most, max(0, most - sizes[number]), remedy)


def _of_groups(root: Path, resident: int) -> Iterator[Limit]:
    """The limits of the control groups that the process is in: its own, and all around it."""
    for line in _read(root, "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        version = 1 if "memory" in controllers.split(",") else 2 if not controllers else None
        if version is None:
            continue
        hierarchy, limits, usage, cache = _FILES[version]
        for folder in _around(root / "sys/fs/cgroup" / hierarchy, path):
            for limit in limits:
                try:
                    most, used = int(_read(folder, limit)), int(_read(folder, usage))
                except (OSError, ValueError):  # there is none here, or it is "max"
                    continue
                # Pages of files that nobody has used for a while make room when others want it.
                left = max(0, most - used + _numbers(folder, "memory.stat").get(cache, 0))
                yield Limit("memory", left + resident, left, _OF_GROUPS)


def _around(mounted: Path, path: str) -> Iterator[Path]:
    """The folders of a control group and of those around it.

    In a container the path can be the host's, of which nothing is there but the outermost, which is the container's.
    """
    group = PurePosixPath(path.lstrip("/"))
    for one in [group, *group.parents]:
        if ".." not in one.parts:  # of a group outside of what the container sees
            yield mounted / one


def _numbers(folder: Path, name: str) -> Dict[str, int]:
    try:
        return {key: int(number) for key, number in map(str.split, _read(folder, name).splitlines())}
    except (OSError, ValueError):
        return {}


def _read(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8", errors="surrogateescape")
