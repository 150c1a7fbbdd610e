"""What a person at the terminal sees of a dream under way, and how it heeds Ctrl-C."""

import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

from tqdm import tqdm

from .caffe_format.sizes import Size, octave_sizes
from .dream import Step
from .errors import printable
from .settings import DreamSettings

_heard = threading.local()


def say(text: str) -> None:
    """A line for the person at the terminal; standard output is kept for pictures."""
    listener: Optional[Callable[[str], None]] = getattr(_heard, "listener", None)
    if listener:
        listener(text)
        return
    try:
        print(f"dreamify: {printable(text)}", file=sys.stderr, flush=True)
    except OSError:  # nobody listens any more; the work goes on
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # for as long as the program runs


@contextmanager
def captured_messages(listener: Callable[[str], None]) -> Iterator[None]:
    """What is said in this thread is for somebody who is not at the terminal."""
    _heard.listener = listener
    try:
        yield
    finally:
        del _heard.listener


def moment(dream: DreamSettings, step: Step) -> str:
    """How far a dream has come, in words."""
    return f"octave {step.octave + 1} of {dream.octave_n}, iteration {step.iteration + 1} of {dream.iter_n}"


def bar(what: str, total: int, done: int = 0) -> Any:
    """tqdm's bar, on standard error where that is a terminal and the work takes longer than two seconds.

    what: stands before it, with tqdm's own fields.
    """
    form = what + " |{bar}| {percentage:3.0f}%, {remaining} left"
    return tqdm(total=total, initial=done, bar_format=form, disable=None, delay=2, leave=False)


class Progress:
    """The bar of one dream.

    It counts pixels times iterations, what time goes by, so that the time left is right from the first octave on.
    """

    def __init__(self, dream: DreamSettings, size: Size):
        self._dream = dream
        sizes = octave_sizes(size, dream.octave_n, dream.octave_scale)
        self._bar = bar("{desc}", dream.iter_n * sum(h * w for h, w in sizes))

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()

    def show(self, step: Step) -> None:
        h, w = step.octave_base.shape[1:]
        self._bar.set_description_str(f"{moment(self._dream, step)}, {w}x{h}", refresh=False)
        self._bar.update(h * w)


@contextmanager
def interruptible(what: str = "this step", at_once: bool = False) -> Iterator[Callable[[], Optional[int]]]:
    """The first Ctrl-C, or SIGTERM, waits until the step under way is done, so that a whole picture is left.

    The second does not. what: is finished. at_once: it is not, the first one raises KeyboardInterrupt, too. What is
    yielded tells the signal that came, if one did.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    caught: List[int] = []

    def catch(number: int, _: Any) -> None:
        caught.append(number)
        signal.signal(number, before[signal.Signals(number)])
        if at_once:
            raise KeyboardInterrupt
        again = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        say(f"finishing {what}; {again} again to drop the dream")

    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # a script's background job ignores Ctrl-C, and is to go on doing so
            signal.signal(number, catch)
    try:
        yield lambda: caught[0] if caught else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
