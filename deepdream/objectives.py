"""Objectives: what a dream maximizes.

An objective is a function that takes the blob of `end` and writes its diff: the gradient of the objective with respect
to the activations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Sequence

import numpy as np

from . import arrays
from .errors import UsageError

if TYPE_CHECKING:
    from .arrays import Blob

Objective = Callable[["Blob"], None]

_SCORES = 2**26  # dot products held at once; all those of a large picture and a large guide would fill gigabytes


def objective_L2(dst: Blob) -> None:
    """Amplifies whatever the layer sees: the gradient of half the sum of squares is the data itself."""
    dst.diff[:] = dst.data


def objective_guide(guide_features: np.ndarray) -> Objective:
    """Returns an objective that pulls each position towards its best match in a guide picture.

    The best match is the feature vector of the guide with the largest dot product.

    Args:
        guide_features: (c, h, w), the activations of `end` for the guide; see dream.guide_features.

    The objective raises UsageError if the layer has a different number of channels.
    """

    def objective(dst: Blob) -> None:
        x = dst.data[0]
        channels = x.shape[0]
        if len(guide_features) != channels:
            raise UsageError(
                f"the guide features have {len(guide_features)} channels and the layer has {channels}: "
                "compute them on the same layer"
            )
        x = x.reshape(channels, -1)
        y = arrays.like(guide_features, x).reshape(channels, -1)
        diff = dst.diff[0].reshape(channels, -1)
        rows = max(1, _SCORES // y.shape[1])
        for i in range(0, x.shape[1], rows):
            scores = x[:, i : i + rows].T @ y  # (positions of the picture, positions of the guide)
            diff[:, i : i + rows] = y[:, scores.argmax(1)]

    return objective


def objective_channel(channels: Sequence[int]) -> Objective:
    """Returns an objective that amplifies single channels: the gradient of the sum of their data is 1 everywhere.

    In a classifier layer, a channel is a class and the sum is its score before the softmax: Simonyan, Vedaldi and
    Zisserman, "Deep inside convolutional networks" (2014).

    Args:
        channels: channel numbers, counted from 0.

    The objective raises UsageError if the layer does not have one of the channels.
    """

    def objective(dst: Blob) -> None:
        for channel in channels:
            if not 0 <= channel < dst.diff.shape[1]:
                raise UsageError(f"there is no channel {channel}: the layer has channels 0 to {dst.diff.shape[1] - 1}")
        dst.diff[:] = 0
        dst.diff[:, list(channels)] = 1

    return objective
