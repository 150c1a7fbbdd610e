"""caffe.Detector: a net that classifies windows of pictures."""

from __future__ import annotations

from typing import Any, Iterable, Sequence

import numpy as np

from ..errors import DreamError
from . import io
from .classifier import transformer_of
from .model import TEST
from .net import Net

Window = Sequence[float]  # top, left, bottom, right


class Detector(Net):
    """A net with a transformer for its first input, and windows with some of what is around them.

    Args:
        mean, input_scale, raw_scale, channel_swap: of the transformer.
        context_pad: how many pixels of the net's input, on each side, show what is around the window.
    """

    def __init__(
        self,
        model_file: str,
        pretrained_file: str,
        mean: np.ndarray | None = None,
        input_scale: float | None = None,
        raw_scale: float | None = None,
        channel_swap: Sequence[int] | None = None,
        context_pad: int | None = None,
    ):
        super().__init__(model_file, TEST, weights=pretrained_file)
        self.transformer = transformer_of(self, mean, input_scale, raw_scale, channel_swap)
        self.configure_crop(context_pad)

    def detect_windows(self, images_windows: Iterable[tuple[str, Iterable[Window]]]) -> list[dict[str, Any]]:
        """Classifies windows of pictures: [{"window", "prediction", "filename"}] in the order given.

        images_windows: (path, windows) of each picture.
        """
        found, crops = [], []
        for filename, windows in images_windows:
            image = io.load_image(filename)
            for window in windows:
                crops.append(self.crop(image, window))
                found.append({"window": window, "filename": filename})
        name = self.inputs[0]
        data = np.array([self.transformer.preprocess(name, crop) for crop in crops], np.float32)
        predictions = self.forward_all(None, **{name: data})[self.outputs[0]]
        return [{**one, "prediction": prediction} for one, prediction in zip(found, predictions)]

    def detect_selective_search(self, image_fnames: Iterable[str]) -> None:
        """Not there: the search for windows is a program for MATLAB. Raises DreamError."""
        raise DreamError("selective search needs MATLAB: give the windows yourself, to detect_windows")

    def crop(self, im: np.ndarray, window: Window) -> np.ndarray:
        """The window of a picture (h, w, c). With a context_pad it has the input's size and shows what is around it.

        Outside of the picture is the mean.
        """
        top, left, bottom, right = (int(edge) for edge in window)
        if not self.context_pad:
            return im[top:bottom, left:right]
        side = self.blobs[self.inputs[0]].width  # of a square input
        scale = side / (side - 2.0 * self.context_pad)
        half = np.array([bottom - top + 1, right - left + 1]) / 2.0
        centre = np.array([top, left]) + half
        low, high = np.round(centre - scale * half), np.round(centre + scale * half)
        zoom = side / (high - low + 1)
        pad = np.round(np.maximum(0, -low) * zoom).astype(int)
        low, high = (np.clip(edge, 0, im.shape[:2]).astype(int) for edge in (low, high))
        size = np.minimum(np.round((high - low + 1) * zoom).astype(int), side - pad)
        context = io.resize_image(im[low[0] : high[0], low[1] : high[1]], size)
        crop = np.ones(self.crop_dims, np.float32) * self.crop_mean
        crop[pad[0] : pad[0] + size[0], pad[1] : pad[1] + size[1]] = context
        return crop

    def configure_crop(self, context_pad: int | None) -> None:
        """Sets context_pad, and the mean that stands for what is outside of a picture."""
        name = self.inputs[0]
        back = np.argsort(self.transformer.transpose[name])
        self.crop_dims = np.array(self.blobs[name].shape[1:])[back]
        self.context_pad = context_pad
        self.crop_mean = np.zeros(self.crop_dims, np.float32)
        mean = self.transformer.mean.get(name)
        if context_pad and mean is not None:
            crop_mean = np.array(mean).transpose(back)
            if name in self.transformer.channel_swap:
                crop_mean = crop_mean[:, :, np.argsort(self.transformer.channel_swap[name])]
            self.crop_mean = crop_mean / self.transformer.raw_scale.get(name, 1)
