"""caffe.io.Transformer: from pictures to what a net reads, and back."""

from __future__ import annotations

from typing import Mapping, Sequence

import numpy as np


class Transformer:
    """Brings pictures into the form of a net's inputs.

    args: inputs: {input blob: its shape (n, c, h, w)}. Each setting is a dictionary by input blob.
    """

    def __init__(self, inputs: Mapping[str, Sequence[int]]):
        self.inputs = inputs
        self.transpose: dict[str, Sequence[int]] = {}
        self.channel_swap: dict[str, Sequence[int]] = {}
        self.raw_scale: dict[str, float] = {}
        self.mean: dict[str, np.ndarray] = {}
        self.input_scale: dict[str, float] = {}

    def preprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """Brings a picture (h, w, c) into the form of an input, (c, h, w) float32.

        In this order, as far as it is set: resized to the input's size, transposed, channels swapped, multiplied by
        raw_scale, minus the mean, multiplied by input_scale.
        """
        from . import io

        self._check(in_)
        picture = np.asarray(data).astype(np.float32, copy=False)
        size = tuple(self.inputs[in_][2:])
        if picture.shape[:2] != size:
            picture = io.resize_image(picture, size)
        if in_ in self.transpose:
            picture = picture.transpose(self.transpose[in_])
        if in_ in self.channel_swap:
            picture = picture[list(self.channel_swap[in_])]
        # In place, as in pycaffe: without a swap the program's own array changes.
        if self.raw_scale.get(in_) is not None:
            picture *= self.raw_scale[in_]
        if self.mean.get(in_) is not None:
            picture -= self.mean[in_]
        if self.input_scale.get(in_) is not None:
            picture *= self.input_scale[in_]
        return picture

    def deprocess(self, in_: str, data: np.ndarray) -> np.ndarray:
        """Undoes preprocess, except the size: (1, c, h, w) or (c, h, w) to (h, w, c)."""
        self._check(in_)
        picture = np.array(data).squeeze()
        if self.input_scale.get(in_) is not None:
            picture /= self.input_scale[in_]
        if self.mean.get(in_) is not None:
            picture += self.mean[in_]
        if self.raw_scale.get(in_) is not None:
            picture /= self.raw_scale[in_]
        if in_ in self.channel_swap:
            picture = picture[np.argsort(self.channel_swap[in_])]
        if in_ in self.transpose:
            picture = picture.transpose(np.argsort(self.transpose[in_]))
        return picture

    def set_transpose(self, in_: str, order: Sequence[int]) -> None:
        """Sets the order of a picture's axes: (2, 0, 1) makes (h, w, c) to (c, h, w)."""
        self._check(in_)
        if len(order) != len(self.inputs[in_]) - 1:
            raise Exception(f"the order of axes needs {len(self.inputs[in_]) - 1} numbers, not {len(order)}")
        self.transpose[in_] = order

    def set_channel_swap(self, in_: str, order: Sequence[int]) -> None:
        """Sets the order of the channels: (2, 1, 0) makes RGB to BGR."""
        self._check(in_)
        if len(order) != self.inputs[in_][1]:
            raise Exception(f"the order of channels needs {self.inputs[in_][1]} numbers, not {len(order)}")
        self.channel_swap[in_] = order

    def set_raw_scale(self, in_: str, scale: float) -> None:
        """Sets the factor before the mean: 255 for pictures of 0-1 and a net that reads 0-255."""
        self._check(in_)
        self.raw_scale[in_] = scale

    def set_mean(self, in_: str, mean: np.ndarray) -> None:
        """Sets the mean: of each channel, (c,), or a picture (c, h, w), which is resized to the input's size."""
        from . import io

        self._check(in_)
        channels, *size = self.inputs[in_][1:]
        if mean.ndim == 1:
            if len(mean) != channels:
                raise ValueError(f"the mean has {len(mean)} channels, but the input has {channels}")
            mean = mean[:, None, None]
        elif mean.ndim not in (2, 3):
            raise ValueError(f"a mean has one, two or three axes, not {mean.ndim}")
        elif (1,) * (3 - mean.ndim) + mean.shape != (channels, *size):
            low, high = mean.min(), mean.max()
            normal = (mean - low) / (high - low)
            mean = io.resize_image(normal.transpose(1, 2, 0), size).transpose(2, 0, 1) * (high - low) + low
        self.mean[in_] = mean

    def set_input_scale(self, in_: str, scale: float) -> None:
        """Sets the factor behind the mean."""
        self._check(in_)
        self.input_scale[in_] = scale

    def _check(self, in_: str) -> None:
        if in_ not in self.inputs:
            raise Exception(f"{in_} is not one of the net's inputs: {', '.join(self.inputs)}")
