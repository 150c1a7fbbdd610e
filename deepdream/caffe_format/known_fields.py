"""Fields of prototxts that Caffe's own schema of today lacks, or that this program does not need.

A field that is neither in schema.py nor here is an error in a layer that is computed, because it may change what the
layer computes.
"""

import difflib
from fnmatch import fnmatchcase
from typing import Dict, Iterable, Tuple

# Fields that change no number of a forward or backward pass in the TEST phase, by the reason. A * stands for any text.
NO_EFFECT: Dict[str, Tuple[str, ...]] = {
    "the numbers come from the weights file": (
        *("filler", "weight_filler", "bias_filler", "scale_filler", "slope_filler", "variance_norm"),
    ),
    "only training reads it": (
        *("lr_mult", "decay_mult", "share_mode", "blobs_lr", "weight_decay", "blob_share_mode"),
        *("moving_average_fraction", "dropout_param", "dropout_ratio", "debug_info", "global_grad_scale*"),
        *("accuracy_param", "hdf5_data_param", "phase"),
        *("infogain_loss_param", "contrastive_loss_param", "hinge_loss_param", "hdf5_output_param", "det_*"),
        *("source", "meanfile", "batchsize", "mirror", "rand_skip", "new_*", "shuffle_images", "reduce_buckets"),
        *("solver", "eval_type", "train_*"),
    ),
    "it chooses an implementation of the same formula": (
        *("engine", "force_nd_im2col", "cudnn_*", "conv_algos_override", "default_conv_algos_override"),
        *("forward_type", "backward_type", "forward_math", "backward_math", "default_forward_type"),
        *("default_backward_type", "default_forward_math", "default_backward_math", "compile_net_state"),
    ),
}


def has_effect(name: str) -> bool:
    """Whether a field that the schema lacks may change what a layer computes."""
    return not any(fnmatchcase(name, pattern) for names in NO_EFFECT.values() for pattern in names)


def nearest(name: str, known: Iterable[str]) -> str:
    """A question with the most similar names, such as ": did you mean pad?"; "" if no name is similar."""
    found = difflib.get_close_matches(name.lower(), sorted(known), n=3, cutoff=0.6)
    return f": did you mean {' or '.join(found)}?" if found else ""
