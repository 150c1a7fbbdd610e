"""caffe.Classifier: a net that says what is on pictures."""

from __future__ import annotations

from typing import Sequence

import numpy as np

from . import io
from .model import TEST
from .net import Net
from .transformer import Transformer


def transformer_of(
    net: Net,
    mean: np.ndarray | None,
    input_scale: float | None,
    raw_scale: float | None,
    channel_swap: Sequence[int] | None,
) -> Transformer:
    """The Transformer of a net's first input for pictures (h, w, c), with what is given."""
    name = net.inputs[0]
    transformer = Transformer({name: net.blobs[name].data.shape})
    transformer.set_transpose(name, (2, 0, 1))
    if mean is not None:
        transformer.set_mean(name, mean)
    if input_scale is not None:
        transformer.set_input_scale(name, input_scale)
    if raw_scale is not None:
        transformer.set_raw_scale(name, raw_scale)
    if channel_swap is not None:
        transformer.set_channel_swap(name, channel_swap)
    return transformer


class Classifier(Net):
    """A net with a transformer for its first input.

    Args:
        image_dims: the (height, width) that pictures are resized to before they are cropped; default: the input's.
        mean, input_scale, raw_scale, channel_swap: of the transformer.
    """

    def __init__(
        self,
        model_file: str,
        pretrained_file: str,
        image_dims: Sequence[int] | None = None,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
    ):
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = transformer_of(self, mean, input_scale, raw_scale, channel_swap)
        self.crop_dims = np.array(self.blobs[self.inputs[0]].shape[2:])
        self.image_dims = image_dims if image_dims is not None and len(image_dims) else self.crop_dims

    def predict(self, inputs: Sequence[np.ndarray], oversample: bool = True) -> np.ndarray:
        """The first output of the net for pictures (h, w, c): (pictures, classes).

        oversample: average over the corners, the centre and their mirror images; otherwise the centre alone counts.
        """
        pictures = np.array([io.resize_image(picture, self.image_dims) for picture in inputs])
        if oversample:
            pictures = io.oversample(pictures, self.crop_dims)
        else:
            size, crop = np.array(self.image_dims), self.crop_dims
            (top, left), (bottom, right) = (size / 2 - crop / 2).astype(int), (size / 2 + crop / 2).astype(int)
            pictures = pictures[:, top:bottom, left:right]
        name = self.inputs[0]
        data = np.array([self.transformer.preprocess(name, picture) for picture in pictures], np.float32)
        scores = self.forward_all(None, **{name: data})[self.outputs[0]]
        return scores.reshape(len(scores) // 10, 10, -1).mean(1) if oversample else scores
