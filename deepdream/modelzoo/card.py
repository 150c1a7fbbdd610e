"""A model's card: the front matter of models/NAME/readme.md.

It has the form of Caffe's Model Zoo (name, caffemodel, caffemodel_url, license, sha1, caffe_commit), plus these fields:

    mean            blue, green, red, 0-255
    sources         where the weights come from, in the order in which they are tried: addresses of .caffemodel files,
                    and mappings with the fields of `Source`. caffemodel_url comes last, unless it is among them
    sha256          the accepted sums of the weights file, the official file's first, each with a note
    numbers_sha256  the sum of the net's numbers, whatever file they are in, see numbers.py
    prototxt        urls and sha256 of the net's description; without urls it is the project's own, in models/NAME
    layers          {layer name or prefix: what dreams on it tend to show}
    layer_map       for a substitute for bvlc_googlenet: {layer of that net, or prefix: its own layer}
    classes         the shipped list that names its classes, see labels.py

A model of the user's own may have a readme.md with mean, scale or input_scale, raw_scale, layers and classes.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Mapping

import yaml

from ..errors import UsageError

GOOGLE_MEAN = (104.0, 116.0, 122.0)  # the 2015 notebook's; Caffe's own is 104, 117, 123


PROTOTXT = "deploy.prototxt"
# LibYAML's is ten times as fast; PyYAML has it wherever it comes as a wheel or from Debian.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Source:
    """Where a file comes from. containers.py says what each kind holds, and reads it."""

    kind: str  # of weights: caffemodel, archive, pieces, onnx, pth or package; of a net's description: prototxt
    urls: tuple[str, ...] = ()  # tried in this order
    sha256: str = ""  # of the file at these addresses, or its beginning; "" if it is not known
    sha1: str = ""
    member: str = ""  # archive: the path of the .caffemodel in it; pieces: that of their folder in an archive
    tensors: Mapping[str, str] = field(default_factory=dict)  # onnx, pth, package: {layer: the names of its arrays}
    # Of a package alone, see from_package.py.
    name: str = ""
    version: str = ""
    file: str = ""
    epsilon: float = 0
    scale: float = 1


@dataclass(frozen=True)
class ModelFile:
    """A file of a model, and what it is verified by."""

    name: str  # on disk
    sums: tuple[str, ...] = ()  # the accepted SHA-256 sums, the official file's first; empty if none is published
    sources: tuple[Source, ...] = ()  # tried in this order
    numbers_sha256: str = ""  # of weights: the sum of the numbers, if it is known

    def __str__(self) -> str:
        return f"{self.name} (SHA-256 {self.sums[0] if self.sums else 'not published'})"

    @property
    def is_known(self) -> bool:
        """Whether anything says which file is the right one."""
        return bool(self.sums or self.numbers_sha256)

    def accepted(self) -> str:
        """What the file is accepted by, in words."""
        sums = [f"SHA-256 {' or '.join(self.sums)}"] if self.sums else []
        sums += [f"numbers of SHA-256 {self.numbers_sha256}"] if self.numbers_sha256 else []
        return ", or ".join(sums) or "no published checksum"


@dataclass(frozen=True)
class Card:
    """What the readme of a model says about it. Those of the project also say where the files come from."""

    name: str
    mean: tuple[float, float, float] = GOOGLE_MEAN  # blue, green, red, 0-255
    scale: float = 1.0  # what a picture in levels of 0-255, with the mean subtracted, is multiplied by
    has_mean: bool = False  # whether the readme gives the mean
    layers: Mapping[str, str] = field(default_factory=dict)  # layer name or prefix: what dreams on it show
    classes: str | None = None  # the list of its class names, if known
    layer_map: Mapping[str, str] = field(default_factory=dict)  # layer of bvlc_googlenet, or its prefix: the one here
    files: tuple[ModelFile, ...] = ()  # the prototxt and the weights

    @property
    def package(self) -> Source | None:
        """The Python package that the weights are made from, if they are not downloaded."""
        sources = [source for file in self.files for source in file.sources]
        return next((source for source in sources if source.kind == "package"), None)

    def note(self, layer: str) -> str:
        """What dreams on a layer tend to show: the entry for its longest prefix; "" if there is none."""
        return _longest_match(layer, self.layers) or ""

    def counterpart(self, layer: str, otherwise: str | None = None) -> str:
        """The layer here at the depth of a layer of bvlc_googlenet; the name itself, or another, if there is none."""
        return _longest_match(layer, self.layer_map) or (layer if otherwise is None else otherwise)

    def may_have(self, layer: str) -> bool:
        """Whether a layer of that name may well be in the net, as far as the notes tell."""
        note = _longest_match(layer.lower(), {prefix: prefix for prefix in self.layers})
        return note is not None and not layer[len(note) :][:1].isalnum()


def _longest_match(name: str, table: Mapping[str, str]) -> str | None:
    """The entry for the longest prefix of a name."""
    fitting = [prefix for prefix in table if name.startswith(prefix)]
    return table[max(fitting, key=len)] if fitting else None


def read_card(readme: Path) -> Card:
    """Reads the readme.md in the folder of a model; it may be missing. Raises UsageError if it is malformed."""
    return _card(readme, front_matter(readme))


def _card(readme: Path, fields: Mapping[str, Any]) -> Card:
    layers, classes = fields.get("layers", {}), fields.get("classes")
    mean, has_mean = fields.get("mean", GOOGLE_MEAN), fields.get("has_mean", False)
    return Card(readme.resolve().parent.name, mean, fields.get("scale", 1.0), has_mean, layers, classes)


def read_known_card(readme: Path) -> Card:
    """Reads the readme.md of one of the project's models. Raises UsageError if it is malformed."""
    fields = front_matter(readme)
    card = _card(readme, fields)
    sources = [_source(entry) for entry in fields.get("sources", ())]
    official = fields.get("caffemodel_url")
    if official and not any(official in source.urls for source in sources):
        sources.append(Source("caffemodel", (official,)))
    if not any(source.kind == "package" for source in sources):
        sources = [*_own_mirror("caffemodel", card.name, fields["caffemodel"]), *sources]
    sums, numbers = tuple(fields.get("sha256", ())), fields.get("numbers_sha256", "")
    weights = ModelFile(fields["caffemodel"], sums, tuple(sources), numbers)
    published = tuple(fields["prototxt"].get("urls", ()))
    descriptions = (
        *_own_mirror("prototxt", card.name, PROTOTXT),
        *([Source("prototxt", published)] if published else []),
    )
    prototxt = ModelFile(PROTOTXT, tuple(fields["prototxt"]["sha256"]), descriptions)
    return replace(card, layer_map=fields.get("layer_map", {}), files=(prototxt, weights))


def _source(entry: str | dict[str, Any]) -> Source:
    if isinstance(entry, str):
        return Source("caffemodel", (entry,))
    return Source(**{**entry, "urls": tuple(entry.get("urls", ()))})


def _own_mirror(kind: str, name: str, file: str) -> tuple[Source, ...]:
    """The file's address in $DREAMIFY_MIRROR, for classrooms and offline image builds. Sums are checked there too."""
    mirror = os.environ.get("DREAMIFY_MIRROR")
    return (Source(kind, (f"{mirror.rstrip('/')}/{name}/{file}",)),) if mirror else ()


def front_matter(readme: Path) -> dict[str, Any]:
    """The fields between the first two lines of dashes, or {} if there are none."""
    parts = readme.read_text(encoding="utf-8-sig", errors="replace").split("---\n", 2) if readme.is_file() else []
    if len(parts) < 3 or parts[0]:
        return {}
    try:
        fields = dict(yaml.load(parts[1], _LOADER))
        mean, scale = _input(fields)
        layers = {str(layer): str(note) for layer, note in fields.get("layers", {}).items()}
        classes = str(fields["classes"]) if fields.get("classes") else None
    except (yaml.YAMLError, AttributeError, ArithmeticError, TypeError, ValueError) as error:
        form = "YAML, with `mean: [blue, green, red]`, `scale: number` and `layers: {name: note}` if given"
        raise UsageError(f"fix or delete {readme}: its front matter must be {form}") from error
    has_mean = "mean" in fields
    return {**fields, "mean": mean, "scale": scale, "has_mean": has_mean, "layers": layers, "classes": classes}


def _input(fields: Mapping[str, Any]) -> tuple[tuple[float, float, float], float]:
    """The mean in levels of 0-255 and the factor behind it, for Caffe's input_scale * (raw_scale * picture - mean).

    raw_scale is 255 for a net that reads levels of 0-255. Raises TypeError or ValueError for other than numbers.
    """
    scale, raw_scale = (float(fields.get(name, usual)) for name, usual in (("scale", 1), ("raw_scale", 255)))
    scale = float(fields.get("input_scale", scale))
    mean = fields.get("mean", [level * raw_scale / 255 for level in GOOGLE_MEAN])
    numbers = [float(mean)] * 3 if isinstance(mean, (int, float)) else [float(value) for value in mean]
    blue, green, red = (value if raw_scale == 255 else value * 255 / raw_scale for value in numbers)
    factor = scale if raw_scale == 255 else scale * raw_scale / 255
    if not (factor and all(map(math.isfinite, (blue, green, red, factor)))):
        raise ValueError
    return (blue, green, red), factor
