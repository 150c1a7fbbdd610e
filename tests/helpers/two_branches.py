"""A net of two branches that dreams in milliseconds, and a picture for it."""

import numpy as np
from PIL import Image

# Two branches with ReLUs in place: `narrow` is the 2015 case of an end whose data are those before its ReLU.
TEXT = """
layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 10 dim: 3 dim: 32 dim: 32 } } }
layer { name: "first" type: "Convolution" bottom: "data" top: "first"
        convolution_param { num_output: 6 kernel_size: 5 stride: 2 pad: 2 } }
layer { name: "first_relu" type: "ReLU" bottom: "first" top: "first" }
layer { name: "pool" type: "Pooling" bottom: "first" top: "pool" pooling_param { kernel_size: 3 stride: 2 } }
layer { name: "wide" type: "Convolution" bottom: "pool" top: "wide" convolution_param { num_output: 5 kernel_size: 1 } }
layer { name: "wide_relu" type: "ReLU" bottom: "wide" top: "wide" }
layer { name: "narrow" type: "Convolution" bottom: "pool" top: "narrow"
        convolution_param { num_output: 4 kernel_size: 3 pad: 1 } }
layer { name: "narrow_relu" type: "ReLU" bottom: "narrow" top: "narrow" }
layer { name: "both" type: "Concat" bottom: "wide" bottom: "narrow" top: "both" }
"""
OCTAVES = {"iter_n": 3, "octave_n": 3, "octave_scale": 1.4}


def picture(height=45, width=60, seed=1):
    """(height, width, 3) float32 of 0-255 with large and small shapes."""
    random = np.random.RandomState(seed)
    coarse = Image.fromarray(random.randint(0, 256, (5, 6, 3), np.uint8)).resize((width, height), Image.BICUBIC)
    return np.float32(coarse) + np.float32(random.randint(-9, 10, (height, width, 3))).clip(0, 255)
