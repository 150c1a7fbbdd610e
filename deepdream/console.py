"""Terminal output and signals: messages, progress bars and Ctrl-C."""

import os
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, List, Optional

from tqdm import tqdm

from .errors import printable

_heard = threading.local()


def say(text: str) -> None:
    """Prints a message on standard error; standard output is reserved for pictures."""
    listener: Optional[Callable[[str], None]] = getattr(_heard, "listener", None)
    if listener:
        listener(text)
        return
    try:
        print(f"dreamify: {printable(text)}", file=sys.stderr, flush=True)
    except OSError:  # standard error has been closed; keep working
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115  # stays open until the program exits


@contextmanager
def captured_messages(listener: Callable[[str], None]) -> Iterator[None]:
    """Sends the messages of this thread to `listener` instead of the terminal."""
    _heard.listener = listener
    try:
        yield
    finally:
        del _heard.listener


def bar(what: str, total: int, done: int = 0) -> tqdm:
    """Returns a tqdm progress bar; it is shown if standard error is a terminal and the work takes over two seconds.

    what: the text before the bar; it may contain tqdm fields.
    """
    form = what + " |{bar}| {percentage:3.0f}%, {remaining} left"
    return tqdm(total=total, initial=done, bar_format=form, disable=None, delay=2, leave=False)


@contextmanager
def interruptible(what: str = "this step", at_once: bool = False) -> Iterator[Callable[[], Optional[int]]]:
    """Lets the current step finish at the first Ctrl-C or SIGTERM, so that a complete picture remains.

    The second signal interrupts at once. Yields a function that returns the number of the signal received, or None.

    what: the work that is finished first, for the message. at_once: raise KeyboardInterrupt at the first signal, too.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    caught: List[int] = []

    def catch(number: int, _: object) -> None:
        caught.append(number)
        signal.signal(number, before[signal.Signals(number)])
        if at_once:
            raise KeyboardInterrupt
        again = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        say(f"finishing {what}; {again} again to discard the dream")

    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # a background job of a script ignores Ctrl-C; keep that
            signal.signal(number, catch)
    try:
        yield lambda: caught[0] if caught else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
