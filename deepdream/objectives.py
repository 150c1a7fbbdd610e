"""What a dream is drawn towards.

An objective is a function of the blob of `end`: it writes the blob's diff, the direction in which its data should go.
"""

from typing import Any, Callable

import numpy as np

from . import arrays

Objective = Callable[[Any], None]


def objective_L2(dst: Any) -> None:
    """More of whatever the layer sees: the gradient of half the sum of squares, which is the data itself."""
    dst.diff[:] = dst.data


def objective_guide(guide_features: np.ndarray) -> Objective:
    """Towards a guide picture: every position is drawn to the guide's feature vector of the greatest dot product.

    Args:
        guide_features: (c, h, w), what `end` shows for the guide; see guide_features().
    """

    def objective(dst: Any) -> None:
        x = dst.data[0]
        channels = x.shape[0]
        y = arrays.like(guide_features, x).reshape(channels, -1)
        scores = x.reshape(channels, -1).T @ y  # (positions of the picture, positions of the guide)
        dst.diff[0].reshape(channels, -1)[:] = y[:, scores.argmax(1)]

    return objective
