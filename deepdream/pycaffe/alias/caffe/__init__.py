"""The name caffe for deepdream.pycaffe and its parts, where the folder above is on PYTHONPATH.

Raises ImportError if PyTorch cannot be loaded.
"""

import sys
from importlib import import_module
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[4])
PACKAGE = "deepdream.pycaffe"
PARTS = ("classifier", "detector", "draw", "io", "net", "net_spec", "proto.caffe_pb2")  # that programs import

sys.path.insert(0, ROOT)  # in front: the program itself may be called deepdream.py
try:
    from deepdream.engines import choose_engine
    from deepdream.errors import DreamError

    try:
        choose_engine("torch")  # first: it sets what PyTorch reads when it is imported
    except DreamError as error:
        raise ImportError(str(error)) from None
    for part in PARTS:
        import_module(f"{PACKAGE}.{part}")
finally:
    sys.path.remove(ROOT)
sys.path.append(ROOT)  # for what is imported later

for name in [name for name in sys.modules if name == PACKAGE or name.startswith(PACKAGE + ".")]:
    sys.modules["caffe" + name[len(PACKAGE) :]] = sys.modules[name]
