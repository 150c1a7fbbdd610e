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

def resident():
    return psutil.Process().memory_info().rss

def kept_of_a_block():
    before = resident()
    torch.full(({SIZE},), 1, dtype=torch.uint8)
    return resident() - before

kept_of_a_block()
allocator.keep_little({SIZE})
print(kept_of_a_block())
allocator.keep(2 * {SIZE})
print(kept_of_a_block())
before = resident()
allocator.give_back()
print(before - resident())
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone is told"
)
def test_a_block_is_kept_or_given_back():
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    little, kept, given_back = map(int, run.stdout.split())
    assert little < SIZE / 8
    assert kept > SIZE / 2
    assert given_back > SIZE / 2
