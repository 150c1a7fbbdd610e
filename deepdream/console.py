"""The terminal: messages, progress bars, and what Ctrl-C does."""

import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional

from tqdm import tqdm

from .errors import printable

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


def bar(what: str, total: int, done: int = 0) -> Any:
    """tqdm's bar, on standard error where that is a terminal and the work takes longer than two seconds.

    what: stands before it, with tqdm's own fields.
    """
    form = what + " |{bar}| {percentage:3.0f}%, {remaining} left"
    return tqdm(total=total, initial=done, bar_format=form, disable=None, delay=2, leave=False)


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
