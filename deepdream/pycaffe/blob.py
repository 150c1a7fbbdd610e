"""pycaffe's Blob, whose data and diff are NumPy arrays wherever the net computes."""

from __future__ import annotations

import numpy as np
import torch

from ..engines.torch import net as engine
from ..errors import DreamError


class _Memory:
    """Numbers on a device and, once a program has asked for them, in an array of this machine.

    Like SyncedMemory of Caffe, it knows which of the two is newer. A program that keeps an array over a pass sees the
    old numbers in it until it asks again.
    """

    def __init__(self, numbers: torch.Tensor):
        self._there = numbers
        self._here: np.ndarray | None = None
        self._is_here = False

    def tensor(self) -> torch.Tensor:
        """The numbers on the device, for the engine to read and write."""
        if self._here is not None and self._is_here:
            self._there.copy_(torch.from_numpy(self._here))
            self._is_here = False
        return self._there

    def array(self) -> np.ndarray:
        """The numbers for the program to read and write."""
        if self._here is None:
            self._here = np.zeros(len(self._there), np.float32)
        if not self._is_here:
            torch.from_numpy(self._here).copy_(self._there)
            self._is_here = True
        return self._here


class Blob(engine.Blob):
    """A blob on the CPU shares its memory with the engine; elsewhere its arrays are a mirror."""

    def reshape(self, *shape: int) -> None:
        """Changes the shape of data and diff. Raises TypeError for what is no whole number, ValueError below 0."""
        if not all(isinstance(size, (int, np.integer)) for size in shape):
            raise TypeError("reshape takes whole numbers, such as reshape(1, 3, 224, 224)")
        if any(size < 0 for size in shape):
            raise ValueError(f"a blob cannot have the shape {'x'.join(map(str, shape))}: sizes are 0 or more")
        super().reshape(*map(int, shape))

    def _forget(self) -> None:
        super()._forget()
        self._mirrors: dict[str, _Memory] = {}

    def tensor(self, which: str) -> torch.Tensor:
        if which in self._mirrors:
            self._mirrors[which].tensor()  # brings what the program has written
        return super().tensor(which)

    @property
    def data(self) -> np.ndarray:
        return self._numbers("data")

    @property
    def diff(self) -> np.ndarray:
        return self._numbers("diff")

    def _numbers(self, which: str) -> np.ndarray:
        if self._is_shared():
            return self.tensor(which).numpy()
        if which not in self._mirrors:
            self.tensor(which)
            self._mirrors[which] = _Memory(self._memory[which])
        return self._mirrors[which].array()[: self.count].reshape(self.shape)

    def _is_shared(self) -> bool:
        """Whether NumPy can use the memory that the engine computes in."""
        return self._device.type == "cpu"

    def move(self, device: torch.device) -> None:
        """Brings the numbers to another device."""
        for which in self._memory:
            self.tensor(which)
        self._device, self._mirrors = device, {}
        self._memory = {which: memory.to(device) for which, memory in self._memory.items()}

    def share(self, other: Blob) -> None:
        """Uses the memory of another blob's data. Raises DreamError if its shape differs."""
        if self.shape != other.shape:
            mine, theirs = ("x".join(map(str, shape)) for shape in (self.shape, other.shape))
            raise DreamError(f"a blob of {mine} cannot share the data of one of {theirs}")
        other.data  # noqa: B018  # makes what is to be shared
        self._memory["data"], self._capacity = other._memory["data"], other._capacity
        if "data" in other._mirrors:
            self._mirrors["data"] = other._mirrors["data"]
