"""Imports caffe and checks that it is BVLC Caffe, since any folder, script or stub may have that name."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from contextlib import redirect_stdout
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from ..errors import DreamError
from .stand_in import STAND_IN

if TYPE_CHECKING:
    from .caffe_types import Caffe, CaffePb2

_LAYERS = {"Convolution", "Pooling", "LRN", "Concat", "Split", "InnerProduct"}  # every Caffe since 2014 has these


class NotCaffe(DreamError):
    """Raised if `import caffe` finds nothing usable. `why` is the reason, without the advice on what to do."""

    def __init__(self, why: str):
        super().__init__(f"{why}: install pycaffe, or use --engine torch")
        self.why = why


def import_caffe() -> tuple[Caffe, CaffePb2]:
    """Returns the modules caffe and caffe.proto.caffe_pb2. Raises NotCaffe if they are missing or not BVLC's."""
    if _is_stand_in():
        raise NotCaffe("the module caffe is here the stand-in of this program for Caffe")
    # Hides all but fatal errors; otherwise Caffe's log would bury every message. Caffe reads this when imported.
    os.environ.setdefault("GLOG_minloglevel", "3")
    try:
        with redirect_stdout(sys.stderr):  # pycaffe prints an error if its protobuf is broken
            caffe = importlib.import_module("caffe")
            from caffe import Classifier  # noqa: F401  # a mere folder of that name has no Classifier
            from caffe.proto import caffe_pb2

            missing = _missing(caffe, caffe_pb2)
    except (Exception, SystemExit) as error:  # a pycaffe built for another NumPy or protobuf fails in many ways
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise NotCaffe(f"Caffe cannot be imported ({reason})") from None
    if missing:
        file = getattr(caffe, "__file__", None)
        raise NotCaffe(f"the module caffe{f' in {file}' if file else ''} is not BVLC Caffe: it has no {missing}")
    return cast("Caffe", caffe), caffe_pb2


def _missing(caffe: ModuleType, caffe_pb2: ModuleType) -> str | None:
    """Names what a module lacks of BVLC Caffe: the compiled core, its registered layers, or the protobuf messages."""
    core = importlib.import_module("caffe._caffe")
    if not isinstance(getattr(core.__spec__, "loader", None), ExtensionFileLoader):
        return "compiled caffe._caffe"
    if caffe.Net is not core.Net or core.Net.__module__ != core.__name__ or not issubclass(caffe.Classifier, core.Net):
        return "Classifier and Net of caffe._caffe"
    if not set(core.layer_type_list()) >= _LAYERS:
        return f"layers {', '.join(sorted(_LAYERS))}"
    if caffe_pb2.NetParameter.DESCRIPTOR.full_name != "caffe.NetParameter":
        return "message caffe.NetParameter"
    return None if isinstance(caffe.__version__, str) else "version"


def is_installed() -> bool:
    """Whether there is a module called caffe, other than this program's own stand-in.

    A folder of that name without an __init__.py does not count.
    """
    if "caffe" in sys.modules and getattr(sys.modules["caffe"], "__spec__", None) is None:
        return True
    return _origin() is not None and not _is_stand_in()


def _is_stand_in() -> bool:
    """Whether `import caffe` finds deepdream.pycaffe."""
    origin = _origin()
    return origin is not None and STAND_IN in Path(origin).resolve().parents


def _origin() -> str | None:
    """The file of the module caffe; None if there is none."""
    module = sys.modules.get("caffe")
    spec = getattr(module, "__spec__", None) if module else importlib.util.find_spec("caffe")
    return spec.origin if spec else None
