"""The page of `dreamify web` as a benchmark's subject: a server, and a visitor without a browser."""

import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Dict, Iterator, NamedTuple, Optional

import psutil

from tests.web.visitors import Visitor, free_port, is_served

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE = 120  # seconds for a server to start, and for its first dream, which loads the net


class Seconds(NamedTuple):
    wall: float
    processor: float  # of all threads and processes


Work = Callable[[float], Optional[Seconds]]  # takes the limit in seconds; None if that was not enough


@contextmanager
def served(model: str, environ: Dict[str, str], picture: Path, steps: Dict[str, int]) -> Iterator[Work]:
    """A function that has a server, which has dreamt before, dream a picture.

    steps: iterations and octaves.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        command = ["web", "--model", model, "--engine", "torch", "--device", "cpu", "--port", str(port)]
        process = psutil.Popen(
            [sys.executable, str(ROOT / "dreamify.py"), *command],
            env={**environ, "TMPDIR": folder},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + _PATIENCE
            while not is_served(url):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("dreamify web does not start")
                time.sleep(0.2)
            visitor = Visitor(url, "benchmark")
            uploaded = visitor.upload(picture.read_bytes(), picture.name)

            def dream(limit: float) -> Optional[Seconds]:
                start, before = time.perf_counter(), _processor(process)
                if not _is_dreamt(visitor, uploaded, steps, limit):
                    _wait_until_idle(process)
                    return None
                return Seconds(time.perf_counter() - start, _processor(process) - before)

            if not dream(_PATIENCE):
                raise RuntimeError(f"the first dream of the page took more than {_PATIENCE} s")
            yield dream
        finally:
            process.kill()
            process.wait()


def _is_dreamt(visitor: Visitor, uploaded: str, steps: Dict[str, int], limit: float) -> bool:
    """Whether a dream was finished within so many seconds; a server drops it when its visitor leaves."""
    deadline = time.monotonic() + limit
    visitor.join(uploaded, **steps).raise_for_status()
    address = f"{visitor.url}/gradio_api/queue/data?session_hash={visitor.name}"
    with visitor.session.get(address, stream=True, timeout=30) as answer:
        for line in answer.iter_lines():
            if b"process_completed" in line:
                if b"the dream is done" not in line:
                    raise RuntimeError(f"the page has not dreamt: {line.decode()}")
                return True
            if time.monotonic() > deadline:
                return False
    raise RuntimeError("the page has stopped answering")


def _processor(process: psutil.Process) -> float:
    """The seconds of processor time that a process and its children have taken."""
    return float(sum(sum(each.cpu_times()[:2]) for each in (process, *process.children(recursive=True))))


def _wait_until_idle(process: psutil.Process) -> None:
    """Waits for the end of the step that is being computed."""
    before = -1.0
    while _processor(process) > before + 0.1:
        before = _processor(process)
        time.sleep(1)
