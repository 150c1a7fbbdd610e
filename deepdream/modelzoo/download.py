"""Downloads a file from the first address that has it. It gets its name only when it is complete and verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Sequence
from urllib.parse import quote, urlsplit

from ..errors import DreamError
from ..storage import atomic
from . import verify
from .card import PROTOTXT, ModelFile, Source

if TYPE_CHECKING:
    from requests import Session
    from tqdm import tqdm

CONNECT_SECONDS = 4.0  # short, so that whoever is offline learns it soon
STALL_SECONDS = 10.0  # an address that sends nothing for this long is abandoned
_ENOUGH = 2  # hosts without an answer: whoever is in a hurry asks no more of them
_SILENT = "no answer in time"


def download(
    files: Sequence[ModelFile],
    folder: Path,
    progress: bool = False,
    in_a_hurry: bool = False,
    prototxt: Path | None = None,
) -> None:
    """Downloads each file into the folder.

    progress: tell each address as it is tried, and show a bar if stderr is a terminal. in_a_hurry: stop at the first
    file that no address has, and after two hosts that do not answer. prototxt: the net's, unless it is among the files.
    Two processes may do this at once. Each downloads to a hidden folder, and the last to finish replaces the file.
    Raises DreamError for files that no address had, with every address and the reason why it failed.
    """
    missing = []
    try:
        import requests

        with requests.Session() as session:
            attempt = _Attempt(session, folder, progress, in_a_hurry)
            for file in files:
                reasons = attempt.failures(file, prototxt)
                if reasons is not None:
                    missing.append((file, reasons))
                    if in_a_hurry:
                        break
                elif file.name == PROTOTXT:
                    prototxt = folder / file.name
    except ImportError as error:
        wanted = " and ".join(map(str, files))
        way_out = f"pip install {error.name}, or put {wanted} into {folder} by hand"
        raise DreamError(f"downloads need the package {error.name}: {way_out}") from error
    if not missing:
        return
    lines = [f"{folder.name} could not be downloaded, these addresses failed:"]
    for file, reasons in missing:
        lines += [f"  {file}", *(f"    {url}: {reason}" for url, reason in reasons.items())]
    command = f"dreamify models add {folder.name} FILE"
    lines.append(f"Check the network and try again, or find the files elsewhere and run `{command}`, which accepts")
    lines += [f"  for {file.name}: {file.accepted()}" for file, _ in missing]
    raise DreamError("\n".join(lines))


class _Attempt:
    """Tries one address after another. One that does not answer is not asked for anything else."""

    def __init__(self, session: Session, folder: Path, progress: bool, in_a_hurry: bool):
        self._session, self._folder, self._progress, self._in_a_hurry = session, folder, progress, in_a_hurry
        self._silent: set[str] = set()

    def failures(self, file: ModelFile, prototxt: Path | None) -> dict[str, str] | None:
        """Downloads one file. Returns {address: why it failed}, or None if one of them worked."""
        reasons = {}
        for source in file.sources:
            for url in source.urls:
                reason = self._failure(file, source, url, prototxt)
                if not reason:
                    return None
                reasons[url] = reason
        return reasons

    def _failure(self, file: ModelFile, source: Source, url: str, prototxt: Path | None) -> str:
        """Downloads a file from one address. Returns why it failed; "" if it worked."""
        import requests

        reason = self._unasked(file, source, url, prototxt)
        if reason:
            return reason
        if self._progress:
            from ..console import say

            say(f"trying {url}")
        try:
            self._from_address(url, file, source, prototxt)
        except requests.HTTPError as error:
            return str(error).partition(" for url")[0]
        except requests.Timeout as error:
            if isinstance(error, requests.ConnectTimeout):
                self._silent.add(urlsplit(url).netloc)
            return _SILENT
        except requests.RequestException:
            return "no connection, or it was lost"
        except (ValueError, DreamError) as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)
        return ""

    def _unasked(self, file: ModelFile, source: Source, url: str, prototxt: Path | None) -> str:
        """Why an address need not be asked; "" if it must."""
        if urlsplit(url).netloc in self._silent:
            return _SILENT
        if self._in_a_hurry and len(self._silent) >= _ENOUGH:
            return "not asked, as others did not answer"
        if source.kind in ("pieces", "onnx", "pth"):
            from . import containers

            return containers.lacking(source.kind) or ("" if prototxt else f"it takes {PROTOTXT} to read it")
        return ""

    def _from_address(self, url: str, file: ModelFile, source: Source, prototxt: Path | None) -> None:
        from tqdm import tqdm

        # With disable=None, tqdm shows nothing unless stderr is a terminal.
        hidden = None if self._progress else True
        bar = tqdm(desc=file.name, unit="B", unit_scale=True, leave=False, disable=hidden)
        with bar, atomic.folder(self._folder) as temporary:
            if url.endswith("/") and prototxt:
                got = self._pieces(url, temporary, prototxt, bar)
            else:
                got = temporary / "download"
                self._get(url, got, bar)
            kept = verify.verified(file, source, got, prototxt, temporary)
            verify.store(kept, self._folder / file.name, temporary)

    def _pieces(self, url: str, temporary: Path, prototxt: Path, bar: tqdm) -> Path:
        """Downloads every piece of a net, each from its own address."""
        from ..caffe_format.topology import read_topology
        from .containers import piece_files

        for name in piece_files(read_topology(prototxt)):
            path = temporary / "pieces" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._get(url + quote(name), path, bar)
        return temporary / "pieces"

    def _get(self, url: str, path: Path, bar: tqdm) -> None:
        identity = {"Accept-Encoding": "identity"}  # so that Content-Length is the size of the file
        patience = (CONNECT_SECONDS, STALL_SECONDS)
        with self._session.get(url, stream=True, timeout=patience, headers=identity) as response:
            response.raise_for_status()
            size = int(response.headers.get("Content-Length", 0))
            bar.total = (bar.total or 0) + size
            bar.refresh()
            with path.open("wb") as file:
                for block in response.iter_content(2**16):
                    bar.update(file.write(block))
        # urllib3 before 2 accepts a body that was cut short.
        if size and path.stat().st_size != size and "Content-Encoding" not in response.headers:
            raise ValueError(verify.OTHER)
