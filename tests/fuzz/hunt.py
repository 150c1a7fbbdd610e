"""Runs cases in worker processes that are watched from outside: how long each takes, and how much memory."""

import os
import re
import shutil
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np

from deepdream import load_net, system
from deepdream.errors import DreamError
from tests.fuzz import caffemodels, pictures, prototxts
from tests.helpers import ready

KINDS = {"prototxt": prototxts.make, "caffemodel": caffemodels.make, "picture": pictures.make}
SECONDS = 20  # for one case, on a machine that others use, too
MEMORY = 2**30  # bytes more than the process had
FREE = 600 * 2**20  # bytes of memory that the program is told are free
LONGEST = 2000  # characters of a message
SENTENCE = re.compile(r"dreamify: .*\n", re.DOTALL)


class Found(Exception):
    """A fault of the program's: what it did that it must not do."""


class Tally:
    """What came of the cases of one kind."""

    def __init__(self):
        self.counts = Counter()
        self.failed = {}  # the number of a case: what happened
        self.slowest = self.most = 0.0

    def take(self, number, outcome, detail, seconds, size):
        self.counts[outcome] += 1
        self.slowest, self.most = max(self.slowest, seconds), max(self.most, size)
        if outcome == "failed":
            self.failed[number] = detail


def hunt(kind, seed, numbers, workers=1, keep=None):
    """A Tally of these cases. keep: a folder for those that failed."""
    waiting, tally, running = list(numbers)[::-1], Tally(), []
    ready.start()
    while waiting or running:
        while waiting and len(running) < workers:
            part = [waiting.pop() for _ in range(min(len(waiting), 250))]
            running.append(_Worker(kind, seed, part))
        for worker in list(running):
            for result in worker.results():
                tally.take(*result)
                if result[1] == "failed" and keep:
                    _store(kind, seed, result[0], result[2], keep)
            if worker.is_over():
                running.remove(worker)
                waiting += worker.left[::-1]
        time.sleep(0.02)
    return tally


class _Worker:
    """A process that goes through cases, until one of them ends it."""

    def __init__(self, kind, seed, numbers):
        self.left = list(numbers)
        self._ours, theirs = ready.CONTEXT.Pipe(duplex=False)
        self._process = ready.CONTEXT.Process(target=_work, args=(theirs, kind, seed, numbers))
        self._process.start()
        theirs.close()
        self._since = time.monotonic()

    def results(self):
        """What has come of cases since it was asked last."""
        while self.left:
            try:
                if self._ours.poll():
                    self._since = time.monotonic()
                    yield self._ours.recv()
                    self.left.pop(0)
                    continue
            except EOFError:
                self._process.join()
                yield self.left.pop(0), "failed", f"the process ended with {self._process.exitcode}", 0.0, 0.0
                return
            if time.monotonic() - self._since < SECONDS:
                return
            self._process.kill()
            self._process.join()
            yield self.left.pop(0), "failed", f"it took more than {SECONDS} s", SECONDS, 0.0
            return

    def is_over(self):
        if self.left and self._process.is_alive():
            return False
        self._process.join()
        return True


def _work(connection, kind, seed, numbers):
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + MEMORY,) * 2)
    system.free = lambda: FREE
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        for number in numbers:
            connection.send(one_case(kind, seed, number, Path(folder)))


def one_case(kind, seed, number, within):
    """(number, "accepted", "refused" or "failed", what happened, seconds, bytes of memory more than before)."""
    folder = within / "case"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    os.chdir(folder)
    outcome, detail = "refused", ""
    Path("/proc/self/clear_refs").write_text("5")  # from here on the peak counts
    before, begin = _status("VmRSS"), time.monotonic()
    try:
        for name, args in _case(kind, seed, number, folder):
            refusal = _RUN[name](args)
            outcome = outcome if refusal else "accepted"
            detail = refusal or detail
    except Found as found:
        outcome, detail = "failed", str(found)
    except BaseException:
        outcome, detail = "failed", traceback.format_exc()
    more = _status("VmHWM") - before
    return number, outcome, detail, time.monotonic() - begin, more


def _case(kind, seed, number, folder):
    """Writes a case's files, and returns what is run on them. kind: of KINDS, or a function as they have it."""
    make = KINDS.get(kind, kind)
    return make(Random(f"{seed} {kind} {number}"), folder)


def _dreamify(args):
    """Runs a command; returns the sentence with which it was refused, None where it was not."""
    code, _, err = ready.dreamify(args)
    if code == 0:
        return None
    said = "dreamify: " + err.rpartition("dreamify: ")[2]
    if code not in (1, 2) or not SENTENCE.fullmatch(said) or len(said) > LONGEST:
        raise Found(f"{args}: exit code {code} and {said[:LONGEST]!r}")
    if not said[:-1].replace("\n", "").isprintable():
        raise Found(f"{args}: a terminal would act on {said!r}")
    if "memory has run out" in said or "not enough memory to read" in said:
        raise Found(f"{args}: {said}")
    return said


def _there_and_back(args):
    """A forward and a backward pass in Python; returns the sentence with which it was refused, if it was."""
    model, blobs, precision = args
    try:
        net = load_net(model, "torch", "cpu", precision, blobs)
        if sum(int(np.prod(blob.shape, dtype=float)) for blob in net.blobs.values()) > 10**6:
            return None
        random = np.random.RandomState(0)
        for name in net.inputs:
            net.blobs[name].data[...] = random.normal(size=net.blobs[name].shape)
        end = net.topology.layers[-1].name
        net.forward(end=end)
        for top in net.topology.layers[-1].tops:
            net.blobs[top].diff[...] = 1
        net.backward(start=end)
        if blobs == "all":
            middle = net.topology.layers[len(net.topology.layers) // 2].name
            net.backward(start=end, end=middle)
            net.backward(start=middle)
    except DreamError as error:
        return str(error)
    return None


_RUN = {"dreamify": _dreamify, "there_and_back": _there_and_back}


def _status(name):
    """A figure of /proc/self/status, in bytes."""
    text = Path("/proc/self/status").read_text()
    return int(re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)[1]) * 1024


def _store(kind, seed, number, detail, keep):
    """The files of a case, and what happened."""
    folder = Path(keep, f"{kind}-{seed}-{number}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    commands = _case(kind, seed, number, folder)
    (folder / "what-happened.txt").write_text("\n".join([*map(repr, commands), detail]), errors="backslashreplace")
