"""python -m deepdream: the same as the command dreamify."""

from .cli.process import command

if __name__ == "__main__":
    command()
