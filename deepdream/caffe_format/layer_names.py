"""The names of layers as people type them: in any case, without what goes without saying, or as TensorFlow has them.

A short form stands for a layer only if it can mean no other one. The output of a module (inception_4c/output,
fire6/concat) also goes by the name of the module.
"""

import difflib
import re
from typing import Dict, List, Optional, Sequence, Tuple

_OUTPUTS = ("output", "concat")  # the last part of a module's output
_MOST = 3  # suggestions

# Parts of a module of GoogLeNet in TensorFlow's inception5h, and the same in Caffe's; and its other layers.
_PARTS = {
    "": "output",
    "_1x1": "1x1",
    "_3x3_bottleneck": "3x3_reduce",
    "_3x3": "3x3",
    "_5x5_bottleneck": "5x5_reduce",
    "_5x5": "5x5",
    "_pool": "pool",
    "_pool_reduce": "pool_proj",
}
_OTHERS = {
    "conv2d0": "conv1/7x7_s2",
    "conv2d1": "conv2/3x3_reduce",
    "conv2d2": "conv2/3x3",
    "maxpool0": "pool1/3x3_s2",
    "maxpool1": "pool2/3x3_s2",
    "maxpool4": "pool3/3x3_s2",
    "maxpool10": "pool4/3x3_s2",
}


def find(asked: str, names: Sequence[str], within: bool = True) -> Optional[str]:
    """The one layer that a name can stand for; None if there is none, or more than one.

    names: of the layers, in the order of the net. within: accept any part of a name that no other one has.
    """
    found = _found(asked, names, within)
    return found[0] if len(found) == 1 else None


def is_ambiguous(asked: str, names: Sequence[str]) -> bool:
    """Whether a name can stand for several layers."""
    return len(_found(asked, names, True)) > 1


def has_module_of(asked: str, names: Sequence[str]) -> bool:
    """Whether a net has layers in the module that a name begins with, so that only the rest of it is wrong."""
    module = _form(asked).rpartition("/")[0]
    return bool(module) and any(_form(name).startswith(f"{module}/") for name in names)


def near(asked: str, names: Sequence[str]) -> List[str]:
    """Up to three names that may have been meant."""
    lower = {name.lower(): name for name in names}
    wanted = asked.lower()
    found = [lower[name] for name in lower if wanted and wanted in name] or _found(asked, names, True)
    if found:
        return sorted(found, key=_output_first)[:_MOST]
    return [lower[name] for name in difflib.get_close_matches(wanted, lower, n=_MOST, cutoff=0.4)]


def from_tensorflow(asked: str) -> Optional[str]:
    """The name in Caffe's GoogLeNet of a layer in TensorFlow's, such as mixed4c; None for any other name."""
    name = re.sub(r"(_pre_relu)?(:0)?$", "", asked.strip().lower())
    module = re.fullmatch(r"mixed([345][a-e])(_.*)?", name)
    if not module:
        return _OTHERS.get(name)
    part = _PARTS.get(module.group(2) or "")
    return part and f"inception_{module.group(1)}/{part}"


def of_googlenet(asked: str) -> str:
    """A name of a layer of GoogLeNet without looking at the net: inception_4c/output for 4c, and for mixed4c."""
    known = from_tensorflow(asked)
    if known:
        return known
    module = re.fullmatch(r"(?:inception)?[^a-z0-9]*([345][a-e])(?:/(.*))?", asked.strip().lower())
    return f"inception_{module.group(1)}/{module.group(2) or 'output'}" if module else asked.lower()


def _found(asked: str, names: Sequence[str], within: bool) -> List[str]:
    """The layers that a name can stand for, by the first rule that finds any."""
    form, squashed, outputs = _form(asked), _squashed(asked), _by_module(names)
    if not squashed or form.isdigit():  # a number is one of steps
        return []
    of_tensorflow = from_tensorflow(asked)
    ending = re.compile(r"(?:^|/|(?<=[a-z])(?=\d))" + re.escape(form) + "$")
    rules = [
        [name for name in names if _squashed(name) == squashed],
        [name for module, name in outputs.items() if _squashed(module) == squashed],
        [name for name in names if name == of_tensorflow],
        [name for name in names if ending.search(_form(name))],
        [name for module, name in outputs.items() if ending.search(_form(module))],
    ]
    if within and len(squashed) > 1:
        rules.append(_containing(form, names, outputs))
    return next((found for found in rules if found), [])


def _containing(form: str, names: Sequence[str], outputs: Dict[str, str]) -> List[str]:
    """The layers with this in their names, or the output of the module that all of them are in."""
    before, after = (r"(?<!\d)" * form[0].isdigit(), r"(?!\d)" * form[-1].isdigit())  # 1 is no part of 10
    part = re.compile(before + re.sub(r"(?<=[a-z])(?=\d)", "/?", re.escape(form)) + after)
    found = [name for name in names if part.search(_form(name))]
    modules = {name.rpartition("/")[0] for name in found}
    output = outputs.get(modules.pop()) if len(modules) == 1 else None
    return [output] if output and len(found) > 1 else found


def _by_module(names: Sequence[str]) -> Dict[str, str]:
    """{module: its output}."""
    parts = (name.rpartition("/") for name in names)
    return {module: f"{module}/{last}" for module, _, last in parts if module and last in _OUTPUTS}


def _form(name: str) -> str:
    return re.sub("[^a-z0-9]+", "/", name.lower()).strip("/")


def _squashed(name: str) -> str:
    return re.sub("[^a-z0-9]+", "", name.lower())


def _output_first(name: str) -> Tuple[bool, int]:
    """Sort key that puts the output of a module first, since it is usually the layer that people mean."""
    return not name.endswith("/output"), len(name)
