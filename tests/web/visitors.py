"""Actions of the page's visitors, in a browser and without one, and of its owner."""

import json
import re
import signal
import socket
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from deepdream.settings import DREAM

MARK = {"_type": "gradio.FileData"}  # Gradio recognises a file by it
FILM = {"What it shows", "Format", "Frames of a zoom"}
LABELS = {"iterations": "Strength (iterations)", "octaves": "Size of shapes (octaves)"}
SHORT = replace(DREAM, iter_n=3, octave_n=3, seed=7)
LONG = replace(DREAM, iter_n=100, octave_n=10)


def results(tmp_path):
    """The names of the files that dreams have left."""
    return sorted(path.name for path in tmp_path.glob("tmp*/*"))


class Server(NamedTuple):
    """A page that is served: its address, the folder that its temporary files go to, and its process.

    log: the file with what it says. names: the one with the names of hosts that any server of these tests looked for.
    """

    url: str
    folder: Path
    process: object
    log: Path
    names: Path


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


def is_served(url):
    try:
        return urllib.request.urlopen(url, timeout=10).status == 200
    except OSError:
        return False


def end(server, number=signal.SIGINT):
    """Ends a server; returns its exit code and what it said."""
    server.process.send_signal(number)
    return server.process.wait(30), server.log.read_text()


def upload(page, path, part="picture"):
    """Uploads a picture and waits until it is displayed."""
    name = path["name"] if isinstance(path, dict) else Path(path).name
    with page.expect_response(re.compile("/upload")) as answer:
        page.locator(f"#{part} input[type=file]").set_input_files(path)
    assert answer.value.ok, name
    page.locator(f"#{part} img").wait_for(state="attached")


def choose(page, seed=None, **sliders):
    """Sets the seed, and sliders by their labels."""
    fields = {
        page.get_by_label(f"number input for {LABELS.get(label, label)}"): value for label, value in sliders.items()
    }
    if seed is not None:
        fields[page.locator("#seed textarea, #seed input")] = seed
        if not page.locator("#seed").is_visible():
            page.get_by_role("button", name="Size, seed, guide, model").click()
    for field, value in fields.items():
        field.fill(str(value))
        field.press("Tab")


def film(page, kind, suffix, frames=20):
    """Asks for a film of the dream on display."""
    if not page.locator("#make").is_visible():
        page.locator("#film button").first.click()
    page.get_by_label(kind).check()
    page.get_by_label(suffix, exact=True).check()
    field = page.get_by_label("number input for Frames of a zoom")
    field.fill(str(frames))
    field.press("Tab")
    page.get_by_role("button", name="Make the film").click()


def dream(page):
    page.get_by_role("button", name="Dream", exact=True).click()


def status(page, words):
    """Waits until the status line contains these words; returns the whole line."""
    line = page.locator("#status p", has_text=words)
    line.wait_for()
    return line.inner_text()


def downloaded(page, folder, kind="PNG"):
    """Downloads the result; returns its path."""
    button = page.get_by_role("button", name=f"Download {kind}")
    button.wait_for()
    with page.expect_download() as download:
        button.click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


class Visitor:
    """Requests dreams without the page."""

    def __init__(self, url, name):
        import requests

        self.url, self.name, self.session = url, name, requests.Session()
        document = self.session.get(url, timeout=30).text
        config, _ = json.JSONDecoder().raw_decode(document, document.index("{", document.index("gradio_config =")))
        labels = {part["id"]: part["props"].get("label") for part in config["components"]}
        self.parts = {part["id"]: part["props"].get("label") or part["type"] for part in config["components"]}
        self.make = next(
            each for each in config["dependencies"] if {self.parts[part] for part in each["inputs"]} >= FILM
        )
        self.begin = max(config["dependencies"], key=lambda dependency: len(dependency["inputs"]))
        self.quick = {each["id"]: len(each["inputs"]) for each in config["dependencies"] if each["queue"] is False}
        self.labels = [labels[part] for part in self.begin["inputs"]]
        self.usual = {part["props"].get("label"): part["props"].get("value") for part in config["components"]}

    def upload(self, content, name):
        """Uploads a file under a name; returns its path on the server, or the HTTP status of the refusal."""
        answer = self.session.post(f"{self.url}/gradio_api/upload", files={"files": (name, content)}, timeout=30)
        return answer.json()[0] if answer.ok else answer.status_code

    def event(self, picture, **others):
        """The body of a request for a dream; picture: what the page would send for one, or anything else."""
        usual = {
            "Picture": picture,
            "guide": None,
            "mask": None,
            "seed": "7",
            "octaves": 1,
            "iterations": 1,
            None: None,
        }
        given = {LABELS.get(label, label): value for label, value in {**usual, **others}.items()}
        data = [{**self.usual, **given}[label] for label in self.labels]
        return {"data": data, "fn_index": self.begin["id"], "session_hash": self.name}

    def join(self, picture, **others):
        """Asks for a dream; picture: a path, as the page sends an upload's, or what is sent instead."""
        given = {"path": picture, "meta": MARK} if isinstance(picture, str) else picture
        body = self.event(given, **others)
        return self.session.post(f"{self.url}/gradio_api/queue/join", json=body, timeout=30)

    def dream(self, picture, **others):
        """The whole answer of the server."""
        return self._answer(self.join(picture, **others))

    def film(self, secret, kind="growth", suffix=".gif", frames=20, key=None):
        """Asks for a film of the dream on display; returns the whole answer. secret: by which the page knows us."""
        given = {"What it shows": kind, "Format": suffix, "Frames of a zoom": frames}
        given.update({"browserstate": secret, "state": key})
        data = [given[self.parts[part]] for part in self.make["inputs"]]
        body = {"data": data, "fn_index": self.make["id"], "session_hash": self.name}
        return self._answer(self.session.post(f"{self.url}/gradio_api/queue/join", json=body, timeout=30))

    def _answer(self, answer):
        if not answer.ok:
            return f"{answer.status_code} {answer.text}"
        lines = []
        address = f"{self.url}/gradio_api/queue/data?session_hash={self.name}"
        with self.session.get(address, stream=True, timeout=30) as answer:
            answer.encoding = "utf-8"
            for line in answer.iter_lines(decode_unicode=True):
                lines.append(line)
                if "process_completed" in line:
                    break
        return "\n".join(lines)
