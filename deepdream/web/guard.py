"""Filters all requests to Gradio's server: only those that the page itself makes, to one of its own names, get through.

Gradio has about sixty routes. Two of them fetch other addresses, and it opens, copies or fetches files that a request
names.
"""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, List, Optional, Tuple

from ..errors import DreamError
from ..settings import WebSettings
from ..units import byte_text
from . import preview
from .names import Authority, Names, is_same_origin, parse
from .preview import with_preview
from .storage import Storage

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = List[Tuple[bytes, bytes]]

_FILE = "/gradio_api/file="
_UPLOAD = "/gradio_api/upload"
_RANGE = re.compile("bytes=(?:[0-9]{1,15}-[0-9]{0,15}|-[0-9]{1,15})")
_READ = re.compile(
    "/|/favicon.ico|/manifest.json|/theme.css|/(assets|static)/.+"
    "|/gradio_api/(startup-events|app_id|upload_progress|queue/data|heartbeat/[^/]+)"
    f"|{_FILE}.+",
    re.DOTALL,
)
_EVENTS = ("/gradio_api/queue/join", "/gradio_api/run/predict")
# Bytes: the settings on the page take about a thousand, an address with settings some hundred, and session names, which
# Gradio stores, about ten.
_MAX_EVENT, _MAX_QUERY = 2**14, 2**10
_MAX_FORM = 2**14  # bytes that the upload form adds to a file
_SCRIPT = re.compile(rb"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL | re.IGNORECASE)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
}
# Gradio has inline styles, previews pictures before they are uploaded (blob:) and embeds its own icons (data:).
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'; script-src 'self'"
)


class _Refused(Exception):
    """The request is refused with an HTTP status and a message."""

    def __init__(self, status: int, words: str):
        super().__init__(words)
        self.status = status


class Guard:
    """ASGI middleware that passes only allowed requests to another application."""

    def __init__(
        self, app: "ASGIApp", names: Names, storage: Storage, settings: WebSettings, scripts: Tuple[str, ...] = ()
    ):
        """scripts: those that our page adds to Gradio's document."""
        self._app, self._names, self._storage, self._settings = app, names, storage, settings
        self._scripts = [_hash(script.encode()) for script in scripts]

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        if scope["type"] == "http":
            is_zipped = any("gzip" in value for value in _values(scope, b"accept-encoding"))
            answer = _Answer(send, self._scripts, _address(scope) if scope["path"] == "/" else None, is_zipped)
            try:
                await self._pass(scope, receive, answer.send)
            except _Refused as refused:
                await _refuse(refused, answer.send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._app(scope, receive, send)

    async def _pass(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        method, path = scope["method"], scope["path"]
        self._check_names(scope)
        if len(scope.get("query_string", b"")) > _MAX_QUERY:
            raise _Refused(414, "the query string is too long: reload the page")
        # For a range request, Gradio would send the headers of the request back, and it would take its own address from
        # X-Gradio-Server, which no proxy sends. The guard reads the document, and compresses it itself. Visitors' data
        # stay as they are: their compressed size would tell something about them.
        ranges = [(b"range", text.encode()) for text in _values(scope, b"range") if _RANGE.fullmatch(text)]
        compressed = () if path.startswith(("/assets/", "/theme.css")) else (b"accept-encoding",)
        scope = _with_headers(scope, (*compressed, b"range", b"x-gradio-server"), [])
        if method in ("GET", "HEAD") and path == preview.PATH:
            await _send_whole(send, 200, b"image/jpeg", preview.PICTURE.read_bytes())
        elif method in ("GET", "HEAD") and _READ.fullmatch(path):
            found = self._file(path[len(_FILE) :]) if path.startswith(_FILE) else None
            if found and found.suffix == ".mp4":
                await _send_film(found, ranges, scope, receive, send)
            else:
                await self._app(scope, receive, send)
        elif method == "POST" and path in _EVENTS:
            body = _disarmed(await _body(receive))
            length = [(b"content-length", str(len(body)).encode())]
            told = _with_headers(scope, (b"content-length", b"transfer-encoding"), length)
            await self._app(told, _whole(body, receive), send)
        elif method == "POST" and path == _UPLOAD:
            await self._receive(scope, receive, send)
        else:
            raise _Refused(404, "there is nothing here")

    def _check_names(self, scope: "Scope") -> None:
        """Refuse requests that are not addressed to this page, or that come from another page."""
        hosts, forwarded = _values(scope, b"host"), _values(scope, b"x-forwarded-host")
        servers = [self._server(host) for host in (*hosts, *(text.split(",")[0].strip() for text in forwarded))]
        if len(hosts) != 1 or len(forwarded) > 1:
            raise _Refused(403, "a request must have one Host header, and one X-Forwarded-Host header at most")
        origins = _values(scope, b"origin")
        if scope["method"] not in ("GET", "HEAD") and not origins:
            origins = ["/".join(referer.split("/")[:3]) for referer in _values(scope, b"referer")]
        if not all(any(is_same_origin(origin, server) for server in servers) for origin in origins):
            raise _Refused(403, "this page accepts requests only from itself, and this one came from another page")

    def _server(self, host: str) -> Authority:
        server = parse(host)
        if server is None or server.name not in self._names:
            raise _Refused(403, "this page does not answer to that name: whoever started it can add --allow-host NAME")
        return server

    def _file(self, path: str) -> Path:
        try:
            return self._storage.find(path)
        except DreamError as error:
            raise _Refused(404, str(error)) from None

    async def _receive(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Accept an upload if there is room for it."""
        size, max_size = _length(scope), self._settings.upload
        address = (scope.get("client") or ("",))[0]
        try:
            if size > max_size + _MAX_FORM:
                raise _Refused(413, f"{byte_text(max_size)}B is the limit for a file: shrink it first")
            with self._storage.receiving(address, size):
                await self._app(scope, receive, send)
        except (DreamError, _Refused) as error:
            while (await receive()).get("more_body"):  # browsers read the answer only after sending everything
                pass
            raise error if isinstance(error, _Refused) else _Refused(429, str(error)) from None


class _Answer:
    """Sends a response with security headers, which tell the browser what the page may do."""

    def __init__(self, send: "Send", scripts: List[str], address: Optional[str], is_zipped: bool):
        """scripts: hashes of the scripts that a document may run in addition to those in it and in the page's files.

        address: of the page, if the answer is its document. is_zipped: whether the browser takes that compressed.
        """
        self._send, self._scripts, self._address, self._is_zipped = send, scripts, address, is_zipped
        self._start: Message = {}
        self._document = b""

    async def send(self, message: "Message") -> None:
        """Send an ASGI message. Documents are held back until complete, since a header must list their scripts."""
        if message["type"] == "http.response.start":
            self._start = message
            if self._address is None:
                await self._begin()
        elif self._address is not None and message["type"] == "http.response.body":
            self._document += message.get("body", b"")
            if not message.get("more_body"):
                if self._document:  # of a HEAD request there is none
                    self._document = with_preview(self._document, self._address)
                await self._begin()
                await self._send({"type": "http.response.body", "body": self._document})
        else:
            await self._send(message)

    async def _begin(self) -> None:
        is_document = self._address is not None
        scripts = [*self._scripts, *map(_hash, _SCRIPT.findall(self._document))] if is_document else []
        headers = {**_HEADERS, "content-security-policy": " ".join([_POLICY, *scripts])}
        if self._document and self._is_zipped:
            self._document = gzip.compress(self._document, 6)
            headers.update({"content-encoding": "gzip", "vary": "accept-encoding"})
        if self._document:
            headers["content-length"] = str(len(self._document))
        ours = [(name.encode(), value.encode()) for name, value in headers.items()]
        others = [header for header in self._start.get("headers", ()) if header[0].lower().decode() not in headers]
        await self._send({**self._start, "headers": [*others, *ours]})


async def _refuse(refused: _Refused, send: "Send") -> None:
    await _send_whole(send, refused.status, b"text/plain; charset=utf-8", f"{refused}\n".encode())


async def _send_whole(send: "Send", status: int, kind: bytes, body: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _send_film(path: Path, ranges: Headers, scope: "Scope", receive: "Receive", send: "Send") -> None:
    """Send a film, or the part of it that is asked for: Safari plays none otherwise."""
    from starlette.responses import FileResponse

    await FileResponse(path, media_type="video/mp4")(_with_headers(scope, (b"if-range",), ranges), receive, send)


async def _body(receive: "Receive") -> bytes:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > _MAX_EVENT:
            raise _Refused(413, "the request is too large for this page: reload it")
    return body


def _whole(body: bytes, receive: "Receive") -> "Receive":
    """Return a receive function that gives this body first, then whatever else comes."""
    known: List[Message] = [{"type": "http.request", "body": body}]

    async def received() -> "Message":
        return known.pop() if known else await receive()

    return received


def _disarmed(body: bytes) -> bytes:
    """Remove the marks by which Gradio recognises a file, so that it does not copy or download it.

    Our page opens the files that visitors name, and checks that it may.
    """
    try:
        event = json.loads(body)
        if not isinstance(event, dict):
            raise ValueError("not an object")
        return json.dumps(_without_marks(event), allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise _Refused(400, "that is not an event of this page: reload it") from None


def _without_marks(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_marks(part) for name, part in value.items() if name != "meta"}
    return [_without_marks(part) for part in value] if isinstance(value, list) else value


def _hash(script: bytes) -> str:
    """The hash of a script, as written in a Content-Security-Policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"


def _address(scope: "Scope") -> str:
    """The address by which the visitor called, without a path; its name is checked before anything is answered."""
    host, scheme = (
        (_values(scope, name) or [usual])[0].split(",")[0].strip()
        for name, usual in ((b"x-forwarded-host", ""), (b"x-forwarded-proto", scope.get("scheme", "http")))
    )
    return f"{scheme}://{host or (_values(scope, b'host') or [''])[0]}"


def _length(scope: "Scope") -> int:
    """The size of the request body in bytes, which the request must state."""
    lengths = _values(scope, b"content-length")
    if len(lengths) != 1 or not lengths[0].isdecimal() or _values(scope, b"transfer-encoding"):
        raise _Refused(411, "an upload must have a Content-Length header")
    return int(lengths[0])


def _values(scope: "Scope", name: bytes) -> List[str]:
    """The values of all headers with that name, in lower case as in ASGI."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _with_headers(scope: "Scope", without: Tuple[bytes, ...], more: Headers) -> "Scope":
    return {**scope, "headers": [header for header in scope["headers"] if header[0] not in without] + more}
