"""Runs when Python starts with this folder on PYTHONPATH: `import caffe` then finds the stand-in.

It does so whatever a program puts on sys.path, such as a checkout of Caffe that is not built. Then the sitecustomize
runs that this one hides.
"""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

HERE = Path(__file__).resolve().parent


class _Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):  # type: ignore[no-untyped-def]
        """Where caffe is, and None for any other module."""
        return spec_from_file_location(name, str(HERE / "caffe" / "__init__.py")) if name == "caffe" else None


sys.meta_path.insert(0, _Finder)  # type: ignore[arg-type]
_hidden = PathFinder.find_spec("sitecustomize", [path for path in sys.path if Path(path).resolve() != HERE])
if _hidden is not None and _hidden.loader is not None:
    _hidden.loader.exec_module(module_from_spec(_hidden))
