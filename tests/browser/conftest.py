"""Fixtures for the page that is one file: its modules in headless Chromium, and the built page as a visitor has it."""

import base64
import json

import numpy as np
import pytest

from tests.helpers.tiny import ROOT
from tests.web.conftest import CHROMIUM, FLAGS

BROWSER = ROOT / "browser"
PAGE = BROWSER / "dist" / "dreamify.html"
RUNTIME = BROWSER / "node_modules" / "onnxruntime-web" / "dist"
ORIGIN = "http://modules.example"  # nothing of it is asked: every request is answered from this machine's files
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


@pytest.fixture(scope="session")
def chromium():
    """Headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser is driven by Playwright")
    if not CHROMIUM:
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Modules:
    """The page's modules in a browser, called from here. Arrays go in by name and come out as NumPy's."""

    def __init__(self, page):
        self._page = page
        self._files = {}
        page.route("**/*", self._answer)
        page.goto(f"{ORIGIN}/")
        page.wait_for_function("globalThis.ready")

    def put(self, name, content):
        """Lets the page read this array or these bytes under a name."""
        self._files[name] = content if isinstance(content, bytes) else np.ascontiguousarray(content).tobytes()

    def call(self, code, arg=None):
        """What an async function's body returns."""
        return self._page.evaluate(f"async (arg) => {{ {code} }}", arg)

    def array(self, code, arg=None, dtype=np.float32):
        return np.frombuffer(base64.b64decode(self.call(code, arg)), dtype)

    def _answer(self, route):
        folder, _, name = route.request.url[len(ORIGIN) + 1 :].partition("/")
        if folder == "files":
            route.fulfill(body=self._files[name])
        elif folder in ("src", "runtime"):
            path = {"src": BROWSER / "src", "runtime": RUNTIME}[folder] / name
            route.fulfill(body=path.read_bytes(), content_type=TYPES[path.suffix])
        else:
            # A module that starts something, on its own or as a worker, cannot be imported.
            names = sorted({path.stem for path in (BROWSER / "src").glob("*.js")} - {"page", "worker"})
            route.fulfill(body=MODULES.replace("NAMES", json.dumps(names)), content_type="text/html")


@pytest.fixture(scope="module")
def modules(chromium):
    """The modules of the page, in a browser of their own."""
    if not RUNTIME.is_dir():
        pytest.skip("needs the browser's packages: make browser")
    context = chromium.new_context()
    yield Modules(context.new_page())
    context.close()
