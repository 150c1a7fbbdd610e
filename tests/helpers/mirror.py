"""An HTTP server on this machine that a test fills with answers."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Mirror:
    """An HTTP server; `routes` maps a path to what answers it, a function of the request's handler."""

    def __init__(self):
        self.routes, self.asked = {}, []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                mirror.routes.get(self.path, lambda handler: handler.send_error(404))(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def add(self, path, answer):
        self.routes[path] = answer
        return self.address + path


def whole(body, length=None):
    """Answers with this body; a Content-Length greater than the body's makes it one that was cut short."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(length or len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def stalled(release, body=b"", length=None):
    """Answers with a part of a body, or nothing at all, and then sends nothing until `release` is set."""

    def answer(handler):
        if body:
            whole(body, length)(handler)
        release.wait(10)

    return answer


def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/net"
