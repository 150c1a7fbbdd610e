"""The name caffe for deepdream.pycaffe, where the folder above is on PYTHONPATH."""

import sys
from pathlib import Path

root = str(Path(__file__).resolve().parents[4])
sys.path.insert(0, root)  # in front: the program itself may be called deepdream.py
try:
    from deepdream.pycaffe.runner import take_the_name
finally:
    sys.path.remove(root)
sys.path.append(root)  # for what is imported later

take_the_name()
