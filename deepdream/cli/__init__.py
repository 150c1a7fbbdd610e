"""The command line: main.py parses the arguments, and each verb is a module with HELP, add_arguments and run.

A verb imports what it needs only when it runs, so that --help is fast.
"""

from .main import main as main
