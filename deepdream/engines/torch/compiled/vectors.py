"""Vector instructions for winograd_loops.py, which numba would not choose by itself, as LLVM code.

A vector holds numbers of neighbouring channels. The order of all sums, and what is rounded, is explicit here. So each
result has the same bits wherever its tile lies and whichever thread computes it.
"""

from typing import Any, Callable, List, Sequence, Tuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .blocks import BYTES, ROWS
from .transforms import Matrix, matrices

_intrinsic: Any = intrinsic  # the first argument is numba's own, which its type hints do not know
_Code = Callable[[Any, ir.IRBuilder, Any, Sequence[Any]], Any]
_INT, _INT32 = ir.IntType(64), ir.IntType(32)


@_intrinsic
def transform_input(context, x, start, row, pixel, taps, outputs, v, to, plane):  # type: ignore[no-untyped-def]
    """v[to + plane * (n * i + j)] = (B^T d B)[i, j] of a vector of channels.

    d[i, j] = x[start + row * i + pixel * j]. taps, outputs: tuples of that length. All arrays are flat.
    """

    def code(vector: "_Vector", x: Any, start: Any, row: Any, pixel: Any, v: Any, to: Any, plane: Any) -> None:
        into = matrices(taps.count, outputs.count)[0]
        places = range(len(into))
        d = [[vector.load(x, vector.index(start, (row, i), (pixel, j))) for j in places] for i in places]
        for i, line in enumerate(vector.both_ways(into, d)):
            for j, value in enumerate(line):
                vector.store(value, v, vector.index(to, (plane, i * len(into) + j)))

    return _signature(x, start, row, pixel, taps, outputs, v, to, plane), _code(x, code, (4, 5))


@_intrinsic
def transform_output(context, v, start, plane, taps, outputs, bias, channel, y, to, row, pixel):  # type: ignore[no-untyped-def]
    """y[to + row * i + pixel * j] = (A^T d A)[i, j] + bias[channel] of a vector of channels; d is v above."""

    def code(
        vector: "_Vector",
        v: Any,
        start: Any,
        plane: Any,
        bias: Any,
        channel: Any,
        y: Any,
        to: Any,
        row: Any,
        pixel: Any,
    ) -> None:
        out = matrices(taps.count, outputs.count)[2]
        places = range(len(out[0]))
        d = [[vector.load(v, vector.index(start, (plane, i * len(out[0]) + j))) for j in places] for i in places]
        added = vector.load(bias, channel)
        for i, line in enumerate(vector.both_ways(out, d)):
            for j, value in enumerate(line):
                vector.store(vector.builder.fadd(value, added), y, vector.index(to, (row, i), (pixel, j)))

    return _signature(v, start, plane, taps, outputs, bias, channel, y, to, row, pixel), _code(v, code, (3, 4))


@_intrinsic
def multiply(context, a, start, pitch, b, first, width, y, to, line, count):  # type: ignore[no-untyped-def]
    """y[to + line * r + c] = the sum over k of a[start + pitch * r + k] * b[first + k * columns + c], for ROWS rows r.

    width: a tuple of as many items as there are vectors in a row of b. count: of k, at least 1. All arrays are flat.
    """

    def code(
        vector: "_Vector", a: Any, start: Any, pitch: Any, b: Any, first: Any, y: Any, to: Any, line: Any, count: Any
    ) -> None:
        builder, vectors = vector.builder, range(width.count)
        before, loop, done = builder.block, *(builder.append_basic_block() for _ in range(2))
        starts = [vector.index(start, (pitch, r)) for r in range(ROWS)]
        builder.branch(loop)
        builder.position_at_end(loop)
        k, place = builder.phi(_INT), builder.phi(_INT)
        sums = [[builder.phi(vector.type) for _ in vectors] for _ in range(ROWS)]
        factors = [vector.load(b, vector.index(place, (_constant(vector.lanes), i))) for i in vectors]
        new = []
        for r in range(ROWS):
            factor = vector.spread(builder.load(builder.gep(a, [builder.add(starts[r], k)])))
            new.append([vector.fma(factor, factors[i], sums[r][i]) for i in vectors])
        next_k = builder.add(k, _constant(1))
        next_place = builder.add(place, _constant(vector.lanes * width.count))
        for phi, initial, following in (
            (k, _constant(0), next_k),
            (place, first, next_place),
            *((sums[r][i], vector.constant(0.0), new[r][i]) for r in range(ROWS) for i in vectors),
        ):
            phi.add_incoming(initial, before)
            phi.add_incoming(following, loop)
        builder.cbranch(builder.icmp_signed("<", next_k, count), loop, done)
        builder.position_at_end(done)
        for r in range(ROWS):
            for i in vectors:
                vector.store(new[r][i], y, vector.index(to, (line, r), (_constant(vector.lanes), i)))

    return _signature(a, start, pitch, b, first, width, y, to, line, count), _code(a, code, (5,))


def _signature(*given: Any) -> Any:
    return types.void(*(types.intp if isinstance(kind, types.Integer) else kind for kind in given))


def _code(array: Any, code: Callable[..., None], left_out: Sequence[int]) -> _Code:
    """numba's code generator: calls `code` with a vector, with arrays as pointers, and without what is `left_out`."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, args: Sequence[Any]) -> Any:
        given = []
        for i, (kind, arg) in enumerate(zip(signature.args, args)):
            if i not in left_out:
                is_array = isinstance(kind, types.Array)
                given.append(context.make_array(kind)(context, builder, arg).data if is_array else arg)
        code(_Vector(builder, context.get_value_type(array.dtype), array.dtype.bitwidth), *given)
        return context.get_dummy_value()

    return generate


def _constant(number: int) -> ir.Constant:
    return ir.Constant(_INT, number)


class _Vector:
    """Writes instructions on vectors of one type of number."""

    def __init__(self, builder: ir.IRBuilder, number: ir.Type, bits: int):
        self.builder, self._bits = builder, bits
        self.lanes = BYTES * 8 // bits
        self.type = ir.VectorType(number, self.lanes)

    def constant(self, number: float) -> ir.Constant:
        return ir.Constant(self.type, [number] * self.lanes)

    def index(self, start: Any, *steps: Tuple[Any, int]) -> Any:
        """start + the sum of size * count."""
        for size, count in steps:
            start = self.builder.add(start, self.builder.mul(size, _constant(count)))
        return start

    def load(self, array: Any, index: Any) -> Any:
        loaded = self.builder.load(self._pointer(array, index))
        loaded.align = self._bits // 8
        return loaded

    def store(self, vector: Any, array: Any, index: Any) -> None:
        self.builder.store(vector, self._pointer(array, index)).align = self._bits // 8

    def _pointer(self, array: Any, index: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(array, [index]), self.type.as_pointer())

    def spread(self, number: Any) -> Any:
        """The number in every lane."""
        nothing = ir.Constant(self.type, ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.Constant(_INT32, 0))
        return self.builder.shuffle_vector(
            first, nothing, ir.Constant(ir.VectorType(_INT32, self.lanes), [0] * self.lanes)
        )

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        """a * b + c, rounded once."""
        kind = ir.FunctionType(self.type, [self.type] * 3)
        name = f"llvm.fma.v{self.lanes}f{self._bits}"
        return self.builder.call(cgutils.get_or_insert_function(self.builder.module, kind, name), [a, b, c])

    def both_ways(self, matrix: Matrix, d: List[List[Any]]) -> List[List[Any]]:
        """matrix d matrix^T."""
        half = [[self._combined(row, column) for column in zip(*d)] for row in matrix]
        return [[self._combined(row, line) for row in matrix] for line in half]

    def _combined(self, factors: Sequence[float], vectors: Sequence[Any]) -> Any:
        """The sum of the products, from the first on; those by ±1, which round nothing, come last."""
        total: Any = None
        for factor, vector in sorted(zip(factors, vectors), key=lambda pair: abs(pair[0]) == 1):
            if not factor:
                continue
            if total is None:
                total = vector if factor == 1 else self.builder.fmul(vector, self.constant(factor))
            elif abs(factor) == 1:
                total = (self.builder.fadd if factor == 1 else self.builder.fsub)(total, vector)
            else:
                total = self.fma(vector, self.constant(factor), total)
        return total
