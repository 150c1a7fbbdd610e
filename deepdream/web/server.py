"""The page's server: where it listens, and that nothing of it stays behind."""

import os
import signal
import socket
import tempfile
import threading
from pathlib import Path
from typing import Any

from ..errors import DreamError
from ..settings import NET, WEB, NetSettings, WebSettings
from ..terminal import say
from .dreamer import Dreamer
from .offers import find_models

_ANYBODY = ("0.0.0.0", "::")


def run(settings: WebSettings = WEB, net: NetSettings = NET) -> int:
    """Serves the page until Ctrl-C or SIGTERM; returns the exit code.

    net: what dreams unless a visitor picks another model.
    Raises DreamError where Gradio is missing, nothing can listen there, or there is no model.
    """
    with tempfile.TemporaryDirectory(prefix="dreamify-") as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder  # which Gradio reads as it is imported
        page = _page()
        _check_address(settings.host, settings.port)
        models = find_models(net)
        dreamer = Dreamer(Path(folder), settings)
        blocks = page.build(dreamer, models, settings, net)
        try:
            _launch(page, blocks, settings)
            _wait()
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


def _launch(page: Any, blocks: Any, settings: WebSettings) -> None:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    # Gradio asks its own server whether it is there, and would ask a proxy.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    os.environ["no_proxy"] = ",".join(filter(None, [direct, "localhost", settings.host]))
    page.launch(blocks, host, settings)
    where = f"http://{'localhost' if settings.host in _ANYBODY else host}:{settings.port}"
    say(f"the page is at {where}, Ctrl-C ends it")
    if settings.host in _ANYBODY:
        say(f"anybody on the network can use it, at port {settings.port} of this machine")


def _wait() -> None:
    """Until Ctrl-C or SIGTERM comes; what comes after that does what it usually does."""
    ended = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def end(*_: Any) -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        ended.set()

    for number in before:
        signal.signal(number, end)
    while not ended.wait(1):  # on Windows a signal is noticed between two waits only
        pass
    say("the page has ended")
