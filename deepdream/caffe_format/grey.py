"""Nets that read grey pictures: one channel, the luminance."""

from typing import Sequence, Tuple

from .topology import Topology

LUMA = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601, as OpenCV, Pillow and Caffe turn colour into grey


def is_grey(topology: Topology) -> bool:
    """Whether the picture's input has one channel."""
    shape = topology.shapes[topology.inputs[0]]
    return len(shape) == 4 and shape[1] == 1


def input_mean(topology: Topology, mean: Sequence[float]) -> Tuple[float, ...]:
    """The means of the input's channels for those of blue, green and red: for a grey net, their luminance."""
    if not is_grey(topology):
        return tuple(mean)
    blue, green, red = mean
    return (mean[0] if blue == green == red else LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue,)
