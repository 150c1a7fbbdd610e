"""What is not there: solvers, and layers written in Python. Programs may name them; using one is an error."""

from ..errors import DreamError


class Layer:
    """The base class of layers in Python, which a program may declare. No net runs them."""

    def __init__(self, *args: object, **kwargs: object):
        raise DreamError(
            "layers written in Python are not supported: this stand-in for Caffe runs nets, it cannot train"
        )


class _Solver:
    def __init__(self, *args: object, **kwargs: object):
        get_solver("")


class SGDSolver(_Solver):
    """Raises DreamError."""


class NesterovSolver(_Solver):
    """Raises DreamError."""


class AdaGradSolver(_Solver):
    """Raises DreamError."""


class RMSPropSolver(_Solver):
    """Raises DreamError."""


class AdaDeltaSolver(_Solver):
    """Raises DreamError."""


class AdamSolver(_Solver):
    """Raises DreamError."""


def get_solver(path: str) -> None:
    """Raises DreamError."""
    raise DreamError("training is not supported: this stand-in for Caffe runs nets, it has no solvers")
