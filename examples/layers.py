"""Dream the project's own picture on the layers that the web page shows, as small pictures for it to show.

    python examples/layers.py [MODEL...]

They go to deepdream/web/layers/MODEL, where that page looks for them: nine minutes for all of them on one core.
"""

import sys

import numpy as np
from PIL import Image

from deepdream import deepdream, load_net
from deepdream.images import picture
from deepdream.web.choices import EXAMPLES, sample

SIZE, CROP, SHOWN = (
    240,
    (40, 0, 240, 200),
    112,
)  # pixels: the height dreamt at, what of it is kept, and how small that is
LAYERS = {
    "bvlc_googlenet": [
        "conv1/7x7_s2",
        "pool1/norm1",
        "conv2/3x3_reduce",
        "conv2/3x3",
        "pool2/3x3_s2",
        "inception_3a/output",
        "inception_3b/5x5_reduce",
        "inception_3b/output",
        "pool3/3x3_s2",
        *(f"inception_4{letter}/output" for letter in "abcde"),
        "inception_5a/output",
        "inception_5b/output",
    ],
    "squeezenet_v1.1": [
        "conv1",
        *(f"fire{number}/concat" for number in (2, 3)),
        "pool3",
        *(f"fire{number}/concat" for number in (4, 5)),
        "pool5",
        *(f"fire{number}/concat" for number in (6, 7, 8, 9)),
        "conv10",
    ],
    "efficientnet_lite0": ["stem", *(f"block{number}/output" for number in range(1, 17))],
}


def main(*models):
    base = Image.open(EXAMPLES[0]).convert("RGB")
    base = np.float32(base.resize((base.width * SIZE // base.height, SIZE), Image.LANCZOS))
    for model in models or LAYERS:
        net = load_net(model, blobs="needed")
        for layer in LAYERS[model]:
            target = sample(model, layer)
            target.parent.mkdir(parents=True, exist_ok=True)
            dream = picture.to_uint8(deepdream(net, base, iter_n=15, octave_n=3, end=layer, seed=0))
            small = Image.fromarray(dream).crop(CROP).resize((SHOWN, SHOWN), Image.LANCZOS)
            small.save(target, quality=80)


if __name__ == "__main__":
    main(*sys.argv[1:])
