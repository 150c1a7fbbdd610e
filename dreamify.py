#!/usr/bin/env python3
"""Dreams a picture: python dreamify.py in.jpg out.png inception_3b/output"""

from deepdream.cli.process import command

if __name__ == "__main__":
    command()
