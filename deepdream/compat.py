"""Parts of the standard library that Python 3.7 lacks, the last Python of conda-forge's Caffe."""

import sys

if sys.version_info >= (3, 8):
    from functools import cached_property  # novermin
    from importlib import metadata  # novermin
    from math import prod  # novermin
    from typing import Protocol  # novermin
else:
    import functools
    import operator

    import importlib_metadata as metadata

    Protocol = object

    def prod(numbers):
        return functools.reduce(operator.mul, numbers, 1)

    class cached_property:
        def __init__(self, function):
            self._function = function

        def __get__(self, instance, owner):
            value = instance.__dict__[self._function.__name__] = self._function(instance)
            return value


__all__ = ["Protocol", "cached_property", "metadata", "prod"]
