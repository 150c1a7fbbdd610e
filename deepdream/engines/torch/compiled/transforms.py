"""The matrices of Winograd's transforms."""

from fractions import Fraction
from functools import lru_cache
from typing import List, Sequence, Tuple

Matrix = List[List[float]]


@lru_cache(maxsize=None)
def matrices(taps: int, outputs: int) -> Tuple[Matrix, Matrix, Matrix]:
    """Winograd's B^T (n, n), G (n, taps) and A^T (outputs, n): A^T (G w * B^T x) is x's correlation with w.

    n = outputs + taps - 1 numbers of x take n products, one for each point at which the polynomials are multiplied
    (Toom and Cook): 0, ±1 and infinity, or, for the least error, binary fractions instead of ±1.
    """
    n = outputs + taps - 1
    near, far = (Fraction(1), Fraction(2)) if n <= 4 else (Fraction(45, 64), Fraction(91, 64))
    points = [Fraction(0), near, -near, far, -far][: n - 1]
    into, weights = [], []
    for point in points:
        others = [other for other in points if other != point]
        scale = Fraction(1)
        for other in others:
            scale *= point - other
        into.append([*_with_roots(others), Fraction(0)])
        weights.append([point**j / scale for j in range(taps)])
    into.append(_with_roots(points))
    weights.append([Fraction(j == taps - 1) for j in range(taps)])
    out = [[point**i for point in points] + [Fraction(i == outputs - 1)] for i in range(outputs)]
    into_, weights_, out_ = ([[float(x) for x in row] for row in matrix] for matrix in (into, weights, out))
    return into_, weights_, out_


def _with_roots(roots: Sequence[Fraction]) -> List[Fraction]:
    """The coefficients of the polynomial that is zero there, of x^0 first."""
    found = [Fraction(1)]
    for root in roots:
        found = [a - root * b for a, b in zip([Fraction(0), *found], [*found, Fraction(0)])]
    return found
