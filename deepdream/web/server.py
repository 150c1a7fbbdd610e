"""The page's server: where it listens, and that nothing of it stays behind."""

import contextlib
import os
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from ..console import say
from ..errors import DreamError
from ..settings import NET, WEB, NetSettings, WebSettings
from ..storage import atomic
from .choices import find_models
from .dreamer import Dreamer
from .names import ALL_ADDRESSES, Names
from .reader import Reader
from .storage import Storage

_CLEARED = 60  # seconds from one look for old files to the next


def run(settings: WebSettings = WEB, net: NetSettings = NET) -> int:
    """Serves the page until Ctrl-C or SIGTERM; returns the exit code.

    net: what dreams unless a visitor picks another model.
    Raises DreamError where Gradio is missing, nothing can listen there, or there is no model.
    """
    temporary = Path(tempfile.gettempdir())
    atomic.clear(temporary)  # what a page that was killed has left
    with atomic.folder(temporary) as folder, contextlib.closing(Reader()) as reader:
        folder.chmod(0o700)
        storage = Storage(folder, settings)
        os.environ["GRADIO_TEMP_DIR"] = str(storage.folder)  # which Gradio reads as it is imported
        page = _page()
        _check_address(settings.host, settings.port)
        models = find_models(net)
        dreamer = Dreamer(storage, reader, settings)
        blocks = page.build(dreamer, models, settings, net)
        storage.keep()
        try:
            _launch(page, blocks, storage, settings)
            _wait(storage)
        finally:
            blocks.close(verbose=False)
            dreamer.close()
    return 0


def _page() -> Any:
    try:
        from . import page
    except ImportError as error:
        if error.name != "gradio":
            raise
        raise DreamError("the page needs Gradio, which is not installed here: pip install gradio") from None
    return page


def _check_address(host: str, port: int) -> None:
    """Raises DreamError where nothing can listen there."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = error.strerror or error
        raise DreamError(f"nothing can listen on {host}, port {port} ({reason}): choose --port or --host") from None


def _launch(page: Any, blocks: Any, storage: Storage, settings: WebSettings) -> None:
    # Gradio asks its own server whether it is there, and would ask a proxy.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, [direct, "localhost", settings.host]))
    page.launch(blocks, Names(settings.host, settings.allowed_names), storage, settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    is_open = settings.host in ALL_ADDRESSES
    say(f"the page is at http://{'localhost' if is_open else host}:{settings.port}, Ctrl-C ends it")
    if is_open:
        say(f"anybody on the network can use it, at port {settings.port} of this machine's addresses")
    if is_open and not settings.allowed_names:
        say("it answers to addresses and to localhost; --allow-host NAME has it answer to a name as well")


def _wait(storage: Storage) -> None:
    """Until Ctrl-C or SIGTERM comes; what comes after that does what it usually does."""
    ended = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(*_: Any) -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        ended.set()

    for number in before:
        signal.signal(number, end)
    cleared = time.monotonic()
    while not ended.wait(1):  # on Windows a signal is noticed between two waits only
        if time.monotonic() > cleared + _CLEARED:
            storage.clear()
            cleared = time.monotonic()
    say("the page has ended")
