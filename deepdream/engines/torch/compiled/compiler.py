"""Compiles loops with numba. This is the only module beside the loops that imports it."""

from __future__ import annotations

import re
import sys
from functools import lru_cache
from importlib import import_module
from typing import Any, Callable, Sequence

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from ....console import say
from .machine_code import UNUSED, Code, machine

# Loops allocate no memory, which would need numba when they run. Inlined, they are compiled once and not twice.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "inline": "always"}
_intrinsic: Any = intrinsic  # the first argument is numba's own, which its type hints do not know


def loop(function: Callable[..., None]) -> Callable[..., None]:
    """Marks a loop, or a part of one, for numba. It must neither allocate memory nor raise exceptions."""
    made: Callable[..., None] = numba.njit(**_OPTIONS)(function)
    return made


@_intrinsic
def sqrt(context, number):  # type: ignore[no-untyped-def]
    """The processor's instruction, where math.sqrt would refer to a library's function."""

    def code(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[Any]) -> Any:
        kind = args[0].type
        name = "llvm.sqrt.f32" if number.bitwidth == 32 else "llvm.sqrt.f64"
        function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind]), name)
        return builder.call(function, args)

    return number(number), code


def compiled(module: str, name: str, kinds: Sequence[str]) -> Code:
    """Compiles a loop for arguments of these kinds; see loop.py."""
    _tell()
    function = getattr(import_module(f".{module}", __package__), name)
    scope = {"function": function, "unpacked": _unpacking([_type(kind) for kind in kinds])}
    names = "".join(f"x{i}, " for i in range(len(kinds)))  # numba would not inline function(*unpacked(words), ...)
    exec(f"def entry(words, first, last):\n    {names}= unpacked(words)\n    function({names}first, last)", scope)
    packed = types.void(types.CPointer(types.int64), types.intp, types.intp)
    made = numba.cfunc(packed, error_model="numpy")(scope["entry"])
    optimized = made.inspect_llvm()
    declared = re.findall(r'^declare [^@]*@"?([^"(]+)', optimized, re.MULTILINE)
    symbols = [symbol for symbol in declared if not symbol.startswith("llvm.")]
    needed = [symbol for symbol in symbols if symbol.startswith(("numba_", "NRT_")) and symbol not in UNUSED]
    assert not needed, f"{name} would need {needed} of numba when it runs"
    return Code(made.native_name, symbols, machine().emit_object(llvm.parse_assembly(optimized)))


@lru_cache(maxsize=None)
def _tell() -> None:
    """Tells the person at a terminal, once, why the first step takes long."""
    if sys.stderr.isatty():
        say("compiling loops for this processor; this takes some seconds, once")


def _type(kind: str) -> types.Type:
    """The type for numba of an argument of this kind."""
    if kind[0] == "t":
        return types.UniTuple(types.intp, int(kind[1:]))
    if kind[0] == "n":
        return types.UniTuple(types.none, int(kind[1:]))
    code, _, axes = kind.partition("x")
    number = numba.from_dtype(np.dtype(code))
    return types.Array(number, int(axes), "C") if axes else number


def _unpacking(kinds: Sequence[types.Type]) -> Callable[..., Any]:
    """A function, for compiled code, that reads arguments from the 64-bit words in which loop.py packs them."""

    @_intrinsic
    def unpacked(context, words):  # type: ignore[no-untyped-def]
        def code(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[Any]) -> Any:
            reader = _Reader(context, builder, args[0])
            return context.make_tuple(builder, signature.return_type, [reader.read(kind) for kind in kinds])

        return types.Tuple(kinds)(words), code

    return unpacked  # type: ignore[no-any-return]


class _Reader:
    """Writes the code that reads one argument after the other."""

    def __init__(self, context: Any, builder: ir.IRBuilder, words: Any):
        self._context, self._builder, self._words, self._read = context, builder, words, 0

    def read(self, kind: types.Type) -> Any:
        """An argument of this type."""
        if isinstance(kind, types.Array):
            return self._array(kind)
        if isinstance(kind, types.UniTuple):
            return self._context.make_tuple(self._builder, kind, [self.read(kind.dtype) for _ in range(kind.count)])
        if isinstance(kind, types.NoneType):
            return self._context.get_dummy_value()
        if isinstance(kind, types.Float):
            wide = self._builder.bitcast(self._word(), ir.DoubleType())
            return self._context.cast(self._builder, wide, types.float64, kind)
        return self._word()

    def _word(self) -> Any:
        at = self._builder.gep(self._words, [ir.Constant(ir.IntType(64), self._read)])
        self._read += 1
        return self._builder.load(at)

    def _array(self, kind: types.Array) -> Any:
        """An array without gaps."""
        builder, number = self._builder, self._context.get_data_type(kind.dtype)
        data = builder.inttoptr(self._word(), number.as_pointer())
        shape = [self._word() for _ in range(kind.ndim)]
        step = self._context.get_constant(types.intp, self._context.get_abi_sizeof(number))
        strides = [step]
        for length in shape[:0:-1]:
            strides.insert(0, builder.mul(strides[0], length))
        array = make_array(kind)(self._context, builder)
        populate_array(
            array,
            data=data,
            shape=cgutils.pack_array(builder, shape),
            strides=cgutils.pack_array(builder, strides),
            itemsize=step,
            meminfo=None,
        )
        return array._getvalue()
