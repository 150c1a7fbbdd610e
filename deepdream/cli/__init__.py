"""The command line: main.py reads what was typed, and each verb is a module with HELP, add_arguments and run.

A verb imports what it needs when it runs, so that --help starts at once.
"""

from .main import main as main
