"""Runs a compiled loop: turns its arguments into what its machine code takes."""

from __future__ import annotations

import struct
import threading
from ctypes import addressof, c_char
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.util import find_spec
from typing import Callable, NamedTuple, Sequence, Union

import numpy as np
import torch

from ....errors import DreamError
from ..layers.base import Tensor
from ..parallel import in_parts

_LINE = 64  # bytes of a line of a cache
_KINDS = {torch.float32: "f4", torch.float64: "f8", torch.int64: "i8", torch.uint8: "u1", torch.bool: "b1"}


@dataclass
class Block:
    """The memory of a tensor on the CPU from its number `start` on, as an array of this shape without gaps."""

    tensor: Tensor
    shape: tuple[int, ...]
    start: int = 0


# A tuple of None stands for its length, which the loop knows when it is compiled.
Argument = Union[Block, int, float, "tuple[int, ...]", "tuple[None, ...]"]


class Loop(NamedTuple):
    """A loop of the module `module`, which is compiled when it first runs with arguments of these kinds."""

    module: str
    name: str

    def run(self, count: int, first: Block, *others: Argument, scratch: tuple[int, str] | None = None) -> None:
        """Calls the loop on PyTorch's threads, so that all `count` rows are covered.

        It gets the arguments, scratch, the first row and the last one + 1. floats have the type of the first block.
        scratch: how many numbers each thread has room for, and their kind (f4, f8, u8); None if the loop takes no such
        argument. Raises DreamError if the loop must be compiled but numba cannot be loaded.
        """
        threads, (kinds, words) = torch.get_num_threads(), _flat((first, *others))
        if scratch is None:
            entry, packed = _entry(self, tuple(kinds))
            in_parts([partial(entry, packed(*words))] * threads, count)
            return
        numbers, number = scratch
        entry, packed = _entry(self, (*kinds, number + "x1"))
        start, size = _scratch.room(threads, numbers * int(number[1:]))
        in_parts([partial(entry, packed(*words, start + i * size, numbers)) for i in range(threads)], count)


def _flat(args: Sequence[Argument]) -> tuple[list[str], list[int | float | None]]:
    """The kinds of arguments, and the numbers that say what they are. The blocks must outlive these."""
    kinds: list[str] = []
    words: list[int | float | None] = []
    for arg in args:
        if isinstance(arg, Block):
            tensor = arg.tensor
            kinds.append(f"{_KINDS[tensor.dtype]}x{len(arg.shape)}")
            words += (tensor.data_ptr() + arg.start * tensor.itemsize, *arg.shape)
        elif isinstance(arg, tuple):
            is_length = arg[0] is None
            kinds.append(f"{'n' if is_length else 't'}{len(arg)}")
            words += arg[: 0 if is_length else None]
        else:
            kinds.append("i8" if isinstance(arg, int) else kinds[0][:2])
            words.append(arg)
    return kinds, words


class _Scratch(threading.local):
    """Memory for loops, kept for the next one that this thread runs: new memory would not be in the caches."""

    def __init__(self) -> None:
        self._memory = np.empty(1, np.uint8)
        self._start = 0

    def room(self, threads: int, size: int) -> tuple[int, int]:
        """The address of memory for each of some threads, one after the other, and how many bytes they lie apart."""
        size += -size % _LINE  # threads should not write to the same lines of a cache
        if len(self._memory) < threads * size + _LINE:
            self._memory = np.empty(threads * size + _LINE, np.uint8)
            start = addressof(c_char.from_buffer(self._memory.data))
            self._start = start + -start % _LINE
        return self._start, size


_scratch = _Scratch()


@lru_cache(maxsize=None)
def available() -> bool:
    """Whether loops can be compiled: numba is installed."""
    return find_spec("numba") is not None


@lru_cache(maxsize=None)
def _entry(loop: Loop, kinds: tuple[str, ...]) -> tuple[Callable[[bytes, int, int], None], Callable[..., bytes]]:
    """The compiled function for arguments of these kinds, and what packs them for it.

    Kinds: i8 is an integer, f4 and f8 are numbers, t3 is a tuple of three integers, n3 one of three times None, and
    f4x2 is an array of f4 with two axes.
    """
    try:
        from . import machine_code

        file = f"{loop.name}-{'-'.join(kinds)}"
        code = machine_code.kept(file)
        if code is None:
            from . import compiler

            code = compiler.compiled(*loop, kinds)
            machine_code.keep(file, code)
    except (ImportError, AttributeError, OSError, SystemError) as error:  # one for another NumPy fails in many ways
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise DreamError(
            f"numba is installed but cannot be loaded ({reason}): install a release for this Python and NumPy with "
            "pip install --upgrade numba, or do without its faster loops with pip uninstall numba"
        ) from None
    return machine_code.load(code), struct.Struct("=" + "".join(map(_words, kinds))).pack


def _words(kind: str) -> str:
    """The 64-bit words of an argument, as the module struct writes them."""
    if kind[0] == "n":
        return ""
    if kind[0] == "t":
        return "q" * int(kind[1:])
    number, _, axes = kind.partition("x")
    return "q" * (1 + int(axes)) if axes else "q" if number == "i8" else "d"
