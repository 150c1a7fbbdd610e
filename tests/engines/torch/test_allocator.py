"""What malloc keeps stays in the resident memory of the process."""

import platform
import sys

import psutil
import pytest
import torch

from deepdream.engines.torch import allocator

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or platform.libc_ver()[0] != "glibc", reason="glibc's malloc alone is told"
)

SIZE = 24 * 2**20


def kept_of_a_block():
    """The bytes that the process has more after a block has been made and is gone."""
    allocator.give_back()
    before = psutil.Process().memory_info().rss
    torch.full((SIZE,), 1, dtype=torch.uint8)
    return psutil.Process().memory_info().rss - before


def test_a_block_is_kept_for_the_next_one_or_given_back_at_once():
    allocator.keep(2 * SIZE)
    assert kept_of_a_block() > SIZE / 2
    allocator.keep_little(SIZE)
    assert kept_of_a_block() < SIZE / 2


def test_what_was_kept_is_given_back():
    allocator.keep(2 * SIZE)
    kept = kept_of_a_block()
    before = psutil.Process().memory_info().rss
    allocator.give_back()
    assert before - psutil.Process().memory_info().rss > kept / 2 > SIZE / 4
