"""Processes that are ready to dream in milliseconds, each of its own: to be killed, or to be fed with damaged files.

They are forked from one that has done what warmed_up.py does.
"""

import contextlib
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path

from deepdream.cli import main
from tests.helpers.tiny import ROOT

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.helpers.warmed_up"])
_ONE_AT_A_TIME = threading.Lock()  # multiprocessing asks for any process's exit code as another one starts


def start():
    """Begins the process that all others are forked from, which takes seconds; called again, does nothing."""
    with contextlib.ExitStack() as stack:
        stack.callback(os.chdir, Path.cwd())
        os.chdir(ROOT)  # from where it imports
        forkserver.ensure_running()


def run(function, *args, timeout=60, kill_after=None):
    """Runs a module's function in a process of its own; returns its exit code (below 0: a signal's) and its result.

    kill_after: seconds. The result is None where it ended in another way. Raises TimeoutError where it does not end.
    """
    start()
    ours, theirs = CONTEXT.Pipe(duplex=False)
    process = CONTEXT.Process(target=_send, args=(theirs, function, args))
    with _ONE_AT_A_TIME:
        process.start()
    theirs.close()
    if kill_after is not None and not ours.poll(kill_after):
        process.kill()
    try:
        result = ours.recv() if ours.poll(timeout) else None
    except EOFError:
        result = None
    in_time = wait([process.sentinel], timeout)
    with _ONE_AT_A_TIME:
        if not in_time:
            process.kill()
        process.join()
        code = process.exitcode
    if not in_time:
        raise TimeoutError(f"{function.__name__} has taken more than {timeout} s")
    return code, result


def _send(connection, function, args):
    connection.send(function(*args))


def dreamify(argv):
    """One command in this process: its exit code, and what it has printed to standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(arg) for arg in argv])
    return code, out.getvalue(), err.getvalue()


class Command:
    """dreamify in such a process, with what tests need of the subprocess.Popen that tiny.command is."""

    def __init__(self, *args, cwd):
        start()
        self._streams = tempfile.TemporaryDirectory()
        target = (list(map(str, args)), str(cwd), dict(os.environ), self._streams.name)
        self._process = CONTEXT.Process(target=_as_command, args=target)
        with _ONE_AT_A_TIME:
            self._process.start()
        self.pid = self._process.pid

    @property
    def returncode(self):
        return self._process.exitcode

    def poll(self):
        with _ONE_AT_A_TIME:
            return self._process.exitcode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self):
        self.send_signal(signal.SIGTERM)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout):
        """What it has printed to standard output and standard error, when it has ended."""
        if not wait([self._process.sentinel], timeout):
            raise subprocess.TimeoutExpired("dreamify", timeout)
        self.poll()
        streams = Path(self._streams.name)
        return (streams / "1").read_bytes(), (streams / "2").read_bytes()


def _as_command(args, folder, environ, streams):
    """What Python and a shell do before main, and after it."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environ)
    tempfile.tempdir = None
    for number, path in enumerate((os.devnull, f"{streams}/1", f"{streams}/2")):
        opened = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(number, mode) for number, mode in enumerate("rww"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.exit(main(args))
