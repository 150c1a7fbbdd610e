"""Asks the guard of the page without a server."""

import asyncio
import json

from deepdream.settings import WebSettings
from deepdream.web.guard import Guard
from deepdream.web.names import Names
from deepdream.web.storage import Storage

LIMIT = 100_000  # bytes of a file
SCRIPT = "look()"
EVENT = json.dumps({"data": [], "fn_index": 1}).encode()


class Asked:
    """A guard in front of an application that records and answers all requests that reach it."""

    def __init__(self, folder, document=b"here"):
        settings = WebSettings(upload=LIMIT, upload_hourly=10 * LIMIT)
        self.guard = Guard(self, Names("127.0.0.1", ["dreams.example"]), Storage(folder, settings), settings, (SCRIPT,))
        self.document, self.reached = document, []

    async def __call__(self, scope, receive, send):
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        self.reached.append((scope, body))
        headers = [(b"content-type", b"text/html"), (b"referrer-policy", b"unsafe-url")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in (self.document[:9], self.document[9:]):
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def ask(self, method, path, headers=(), body=b"", host="localhost:7860", kind="http", query=b""):
        """The status, the headers and the body of the answer."""
        pairs = [*([("host", host)] if host else []), ("content-length", str(len(body))), *headers]
        raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
        scope = {
            "type": kind,
            "asgi": {"spec_version": "2.4"},  # whoever sends to one who has left is told so, and need not listen
            "method": method,
            "path": path,
            "query_string": query,
            "headers": raw,
            "client": ("192.0.2.1", 5),
        }
        parts = [body[start : start + 100] for start in range(0, len(body), 100)] or [b""]
        coming = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        coming[-1]["more_body"] = False
        sent = []

        async def receive():
            return coming.pop(0) if coming else {"type": "http.disconnect"}

        async def send(message):
            sent.append(message)

        asyncio.run(self.guard(scope, receive, send))
        self.left = coming
        if sent[0]["type"] != "http.response.start":
            return sent[0]
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:])
