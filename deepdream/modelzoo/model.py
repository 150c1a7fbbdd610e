"""A net and its weights on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..caffe_format.layer_names import of_googlenet
from . import numbers
from .card import Card


@dataclass(frozen=True)
class Model:
    """A net and its weights on disk, with their checksums."""

    card: Card
    prototxt: Path
    weights: Path
    sha256: str  # of the weights file
    prototxt_sha256: str
    verified: bool  # whether both files match published checksums
    is_fallback: bool = False  # whether it was chosen because bvlc_googlenet is not available
    mean_told: str = ""  # where the mean comes from, if that must be told

    @property
    def name(self) -> str:
        """The name of the model, or of the folder that holds it."""
        return self.card.name

    @property
    def mean(self) -> tuple[float, float, float]:
        """The means of blue, green and red, 0-255."""
        return self.card.mean

    @property
    def scale(self) -> float:
        """What a picture in levels of 0-255, with the mean subtracted, is multiplied by for the net's first layer."""
        return self.card.scale

    def layer(self, asked: str) -> str:
        """The layer to use for the one asked for: on the fallback, its layer at the depth of bvlc_googlenet's."""
        if not self.is_fallback:
            return asked
        other, short = self.card.counterpart(asked), of_googlenet(asked)
        return other if other != asked or short == asked else self.card.counterpart(short, asked)

    @property
    def numbers_sha256(self) -> str:
        """The SHA-256 of the net's numbers, whatever file they are in; "" if this program cannot read them.

        Reads the weights the first time.
        """
        return numbers.of_files(self.weights, self.prototxt, (self.sha256, self.prototxt_sha256))

    @property
    def has_other_numbers(self) -> bool:
        """Whether the numbers differ from those of its card. Only a file whose own sum is published may do so."""
        known = self.card.files[1].numbers_sha256 if self.card.files else ""
        return bool(known) and self.numbers_sha256 != known
