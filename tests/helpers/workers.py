"""Workers for tests: one in this process, and jobs for those in others, which have to find them by name."""

import os
import pickle
import signal
import time
from concurrent.futures import Future
from pathlib import Path


def run_here(function, *args):
    """Does a job at once, in this process, as if it had come from another; its future."""
    future = Future()
    try:
        function, args = pickle.loads(pickle.dumps((function, args)))
        future.set_result(pickle.loads(pickle.dumps(function(*args))))
    except Exception as error:
        future.set_exception(error)
    return future


def meet(name, place, others=()):
    """The name, once all these others have been here; waits for a minute at most."""
    (Path(place) / name).touch()
    deadline = time.monotonic() + 60
    while not all((Path(place) / other).exists() for other in others) and time.monotonic() < deadline:
        time.sleep(0.01)
    return name


def die(name, place, times=1):
    """The name, by a process that has killed itself so many times before; it leaves a mark there each time."""
    marks = list(Path(place).glob(f"{name}-*"))
    if len(marks) < times:
        (Path(place) / f"{name}-{len(marks)}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def whose(_):
    """The name of the cluster's worker that did this."""
    from distributed import get_worker

    return get_worker().name
