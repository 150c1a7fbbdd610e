"""What a layer of the PyTorch engine is."""

from typing import Any, List, Optional, Sequence, Tuple

import torch

from ....caffe_format.topology import LayerSpec

Tensor = torch.Tensor
Diffs = Sequence[Any]  # tensors; None for a top of Split or Slice that nothing on the way back reads


class Layer:
    """One Caffe layer: a forward pass and an explicit backward pass, no autograd.

    `backward_reads` names what the backward pass reads besides the diffs of the tops: "bottoms", "tops", both or
    neither. What it needs beyond those (pooling's indices, LRN's scale) the layer keeps itself from its last forward
    pass. Tensors are (n, c, h, w) in either memory format; parameters are those of the prototxt, in Caffe's shapes.
    """

    backward_reads: Tuple[str, ...] = ()

    def __init__(self, spec: LayerSpec, params: Sequence[Tensor]):
        self.spec = spec
        self.params = list(params)
        self.in_place = spec.bottoms == spec.tops

    def forward(self, bottoms: Sequence[Tensor]) -> List[Tensor]:
        """The tops. Never views of the bottoms (but Split's), and the bottoms stay as they are unless in place."""
        raise NotImplementedError

    def backward(self, top_diffs: Diffs, bottoms: Sequence[Tensor], tops: Sequence[Tensor]) -> List[Tensor]:
        """The diffs of the bottoms, for those of the tops. Only what `backward_reads` names is read of the rest."""
        raise NotImplementedError

    def param_diffs(self, top_diffs: Diffs, bottoms: Sequence[Tensor]) -> List[Optional[Tensor]]:
        """The diffs of the parameters, None for one that Caffe does not train either."""
        return [None] * len(self.params)
