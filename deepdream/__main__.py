"""python -m deepdream: the same as the command dreamify."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
