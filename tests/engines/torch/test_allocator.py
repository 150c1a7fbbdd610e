"""What malloc keeps stays in the resident memory of the process."""

import platform
import subprocess
import sys

import pytest

SIZE = 24 * 2**20
# In a process of its own: what other tests have left in malloc's hands would serve, too.
PROGRAM = f"""
import psutil, torch
from deepdream.engines.torch import allocator

def kept_of_a_block():
    before = psutil.Process().memory_info().rss
    torch.full(({SIZE},), 1, dtype=torch.uint8)
    return psutil.Process().memory_info().rss - before

print(kept_of_a_block())
allocator.keep(2 * {SIZE}, False)
print(kept_of_a_block())
allocator.keep(2 * {SIZE}, True)
print(kept_of_a_block())
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone is told"
)
def test_a_block_is_kept_once_malloc_is_told_unless_memory_is_limited():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    untold, kept, limited = map(int, run.stdout.split())
    assert max(untold, limited) < SIZE / 4
    assert kept > SIZE / 2
