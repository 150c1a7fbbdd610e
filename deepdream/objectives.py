"""What a dream is drawn towards.

An objective is a function of the blob of `end`: it writes the blob's diff, the direction in which its data should go.
"""

from typing import Any, Callable, Sequence

import numpy as np

from . import arrays
from .errors import UsageError

Objective = Callable[[Any], None]

_SCORES = 2**26  # dot products held at once: a large picture times a large guide would fill gigabytes


def objective_L2(dst: Any) -> None:
    """More of whatever the layer sees: the gradient of half the sum of squares, which is the data itself."""
    dst.diff[:] = dst.data


def objective_guide(guide_features: np.ndarray) -> Objective:
    """Towards a guide picture: every position is drawn to the guide's feature vector of the greatest dot product.

    Args:
        guide_features: (c, h, w), what `end` shows for the guide; see dream.guide_features.

    The objective raises UsageError where the layer has another number of channels.
    """

    def objective(dst: Any) -> None:
        x = dst.data[0]
        channels = x.shape[0]
        if len(guide_features) != channels:
            raise UsageError(
                f"the guide's features are of {len(guide_features)} channels, and the layer's of {channels}"
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
    """More of what single channels see: the gradient of the sum of their data, over all positions, is 1.

    Of a classifier's layer, a channel is a class, and the sum its score before the softmax: Simonyan, Vedaldi and
    Zisserman, "Deep inside convolutional networks" (2014).

    Args:
        channels: their numbers, from 0.

    The objective raises UsageError for a channel that the layer does not have.
    """

    def objective(dst: Any) -> None:
        for channel in channels:
            if not 0 <= channel < dst.diff.shape[1]:
                raise UsageError(f"there is no channel {channel}: those of the layer are 0 to {dst.diff.shape[1] - 1}")
        dst.diff[:] = 0
        dst.diff[:, list(channels)] = 1

    return objective
