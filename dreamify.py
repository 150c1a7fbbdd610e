#!/usr/bin/env python3
"""Dreams a picture: python dreamify.py in.jpg out.png inception_3b/output"""

import sys

from deepdream.cli import main

if __name__ == "__main__":
    sys.exit(main())
