"""Compiled loops, for what PyTorch does slowly on CPUs.

numba compiles each loop when it is first used with a type of numbers, which takes up to a second. The machine code is
kept in files. Later processes load it with llvmlite alone, which takes a tenth of the time that numba's import takes.
"""
