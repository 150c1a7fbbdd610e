"""What the program costs and what its pictures are like: `make bench`, and figures.py on its own."""

import contextlib

from deepdream.engines import choose_engine
from deepdream.errors import DreamError

with contextlib.suppress(DreamError):  # where there is no PyTorch
    choose_engine("torch")  # before anything else loads PyTorch, so that its threads wait as in dreamify
