"""Dream the project's own picture with each preset of the web page, as small pictures for it to show.

    python examples/presets.py [MODEL...]

They go to deepdream/web/presets/MODEL, where that page looks for them: two minutes for both models on one core. The
first of the first model is also the picture that other programs show of a link to the page.
"""

import sys

import numpy as np
from PIL import Image

from deepdream import deepdream, load_net
from deepdream.images import picture
from deepdream.web.choices import EXAMPLES, PRESETS
from deepdream.web.preview import PICTURE

CROP, SHOWN = (120, 0, 520, 400), 144  # pixels: what of the dream is kept, and how small that is

PREVIEW = (20, 85, 620, 400)  # what of the dream is that picture


def main(*models):
    base = np.float32(Image.open(EXAMPLES[0]).convert("RGB"))
    for model in models or PRESETS:
        net = load_net(model, blobs="needed")
        for preset in PRESETS[model]:
            target = preset.sample(model)
            target.parent.mkdir(parents=True, exist_ok=True)
            dream = deepdream(net, base, iter_n=preset.iterations, octave_n=preset.octaves, end=preset.layer, seed=0)
            dream = Image.fromarray(picture.to_uint8(dream))
            if preset is next(iter(PRESETS.values()))[0]:
                dream.crop(PREVIEW).save(PICTURE, quality=80)
            small = dream.crop(CROP).resize((SHOWN, SHOWN), Image.LANCZOS)
            small.save(target, quality=80)


if __name__ == "__main__":
    main(*sys.argv[1:])
