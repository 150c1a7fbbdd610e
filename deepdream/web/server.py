"""Runs the server of the page, and removes all its files when it ends."""

import contextlib
import os
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from ..console import say
from ..errors import DreamError
from ..settings import NET, WEB, NetSettings, WebSettings
from ..storage import atomic
from .choices import find_models
from .dreamer import Dreamer
from .history import History
from .names import ALL_ADDRESSES, Names
from .reader import Reader
from .storage import Storage

if TYPE_CHECKING:
    import gradio as gr

_CLEARED = 60  # seconds between two searches for old files


def run(settings: WebSettings = WEB, net: NetSettings = NET) -> int:
    """Serve the page until Ctrl-C or SIGTERM; return the exit code.

    net: the network to use unless a visitor picks another model.
    Raises DreamError if Gradio is missing, if the address cannot be used, or if there is no model.
    """
    temporary = Path(tempfile.gettempdir())
    atomic.remove_stale(temporary)  # remove what a killed server left behind
    with atomic.folder(temporary) as folder, contextlib.closing(Reader()) as reader:
        folder.chmod(0o700)
        storage = Storage(folder, settings)
        os.environ["GRADIO_TEMP_DIR"] = str(storage.folder)  # Gradio reads this when it is imported
        page = _page()
        _check_address(settings.host, settings.port)
        models = find_models(net)
        dreamer = Dreamer(storage, reader, settings)
        blocks = page.build(dreamer, History(storage), models, settings, net, storage.folder)
        storage.keep()
        try:
            _launch(blocks, storage, settings)
            _wait(storage)
        finally:
            blocks.close(verbose=False)
            dreamer.close()
    return 0


def _page() -> ModuleType:
    try:
        from . import page
    except ImportError as error:
        if error.name != "gradio":
            raise
        raise DreamError("the page requires Gradio, which is not installed here: pip install gradio") from None
    return page


def _check_address(host: str, port: int) -> None:
    """Raise DreamError if the server cannot listen there."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = error.strerror or error
        raise DreamError(f"cannot listen on {host}, port {port} ({reason}): choose another --port or --host") from None


def _launch(blocks: "gr.Blocks", storage: Storage, settings: WebSettings) -> None:
    from .launch import launch  # imports Gradio

    # Gradio checks whether its own server is up, and would send that request to a proxy.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, [direct, "localhost", settings.host]))
    launch(blocks, Names(settings.host, settings.allowed_names), storage, settings)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    is_open = settings.host in ALL_ADDRESSES
    say(f"the page is at http://{'localhost' if is_open else host}:{settings.port}, Ctrl-C ends it")
    if is_open:
        say(f"anybody on the network can use it, at port {settings.port} of this machine's addresses")
    if is_open and not settings.allowed_names:
        say("it answers to IP addresses and to localhost; add --allow-host NAME to allow another name")


def _wait(storage: Storage) -> None:
    """Wait for Ctrl-C or SIGTERM; a second signal is handled as usual."""
    ended = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(*_: object) -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        ended.set()

    for number in before:
        signal.signal(number, end)
    cleared = time.monotonic()
    while not ended.wait(1):  # Windows handles signals only between two waits
        if time.monotonic() > cleared + _CLEARED:
            storage.clear()
            cleared = time.monotonic()
    say("the page has ended")
