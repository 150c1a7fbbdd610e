"""Fixtures for the page that is one file: its modules in headless Chromium, and the built page as a visitor has it."""

import base64
import contextlib
import http.server
import json
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.browser.visitor import PATIENCE, Visitor
from tests.helpers.tiny import ROOT, tiny_net, tiny_picture

BROWSER = ROOT / "browser"
PAGE = BROWSER / "dist" / "dreamify.html"
RUNTIME = BROWSER / "node_modules" / "onnxruntime-web" / "dist"
ON_THE_PAGE = {"page", "view", "worker"}  # modules that need its elements, or start at once
TYPES = {".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm"}
# Every module of the page, and arrays as text on the way in and out.
MODULES = """
<script type="module">
for (const name of NAMES) Object.assign(globalThis, await import(`/src/${name}.js`));
const ort = await import("/runtime/ort.wasm.min.mjs");
ort.env.wasm.wasmPaths = "/runtime/";
ort.env.wasm.numThreads = 1;
globalThis.ort = ort;
globalThis.bytesOf = async (name) => new Uint8Array(await (await fetch(`/files/${name}`)).arrayBuffer());
globalThis.floatsOf = async (name) => new Float32Array((await bytesOf(name)).buffer);
globalThis.asText = (array) => {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
};
globalThis.ready = true;
</script>
"""


class Modules:
    """The page's modules in a browser, called from here. Arrays go in by name and come out as NumPy's."""

    def __init__(self, page, origin, files):
        self._page = page
        self._files = files
        page.goto(f"{origin}/")
        page.wait_for_function("globalThis.ready")

    def put(self, name, content):
        """Lets the page read this array or these bytes under a name."""
        self._files[name] = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()

    def call(self, code, arg=None):
        """What an async function's body returns."""
        return self._page.evaluate(f"async (arg) => {{ {code} }}", arg)

    def array(self, code, arg=None, dtype=np.float32):
        """The array that it returns as text."""
        return np.frombuffer(base64.b64decode(self.call(code, arg)), dtype)


@contextlib.contextmanager
def served(find, headers=()):
    """Serves what find(path) returns, as (bytes, type) or None, on this machine; yields the address."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            found = find(self.path)
            content, kind = found or (b"", "text/plain")
            self.send_response(200 if found else 404)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(content))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def modules(chromium):
    """The modules of the page, in a browser of their own."""
    if not RUNTIME.is_dir():
        pytest.skip("needs the browser's packages: make browser")
    files = {}
    folders = {"src": BROWSER / "src", "runtime": RUNTIME}

    def find(path):
        folder, _, name = path[1:].partition("/")
        if folder == "files":
            return files[name], "application/octet-stream"
        if folder in folders:
            file = folders[folder] / name
            return file.read_bytes(), TYPES[file.suffix]
        names = sorted({file.stem for file in folders["src"].glob("*.js")} - ON_THE_PAGE)
        return MODULES.replace("NAMES", json.dumps(names)).encode(), "text/html"

    context = chromium.new_context()
    with served(find) as origin:
        yield Modules(context.new_page(), origin, files)
        context.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Path(tiny_net(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture
def visit(chromium):
    """Opens the page. Fails where it asks any host, or where a script of it fails."""
    with visits(chromium) as visited:
        yield visited


@contextlib.contextmanager
def visits(chromium):
    if not PAGE.is_file():
        pytest.skip("needs the built page: make browser")
    asked, failed, contexts = [], [], []

    def visited(path=PAGE, **options):
        contexts.append(chromium.new_context(accept_downloads=True, **options))
        page = contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: failed.append(str(error)))
        page.on("console", lambda told: failed.append(told.text) if told.type == "error" else None)
        page.goto(Path(path).as_uri())
        page.locator("body:not([aria-busy])").wait_for()
        return Visitor(page)

    yield visited
    for context in contexts:
        context.close()
    assert [url for url in asked if not url.startswith(("file:", "blob:", "data:"))] == []
    assert failed == []


@pytest.fixture(scope="module")
def visitor(chromium, model):
    """A visitor who has given a net already, and dreams many times."""
    with visits(chromium) as visited:
        visitor = visited()
        visitor.give("net-files", model / "deploy.prototxt", next(model.glob("*.caffemodel")))
        yield visitor


@pytest.fixture
def picture(tmp_path):
    return tiny_picture(tmp_path / "in.png", 80, 56)
