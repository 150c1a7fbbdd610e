"""A file from the first of several mirrors that has it: verified, whole, and only then under its name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Sequence

from . import aside
from .errors import DreamError

CONNECT_SECONDS = 4.0  # short: who is offline learns it soon
STALL_SECONDS = 20.0  # a mirror that sends nothing for so long is given up


@dataclass(frozen=True)
class RemoteFile:
    """A file as it is published. An address that ends in .tar.gz is an archive's, and the file its member."""

    name: str  # on disk
    urls: tuple[str, ...]  # tried in this order
    sums: tuple[str, ...]  # the SHA-256 it may have, the official file's first; empty where none is published
    member: str = ""  # its path in the archive
    archive_sha1: str = ""

    def __str__(self) -> str:
        return f"{self.name} (SHA-256 {self.sums[0] if self.sums else 'not published'})"


def download(files: Sequence[RemoteFile], folder: Path, progress: bool = False, in_a_hurry: bool = False) -> None:
    """Put each file into the folder.

    progress: show a bar while stderr is a terminal. in_a_hurry: give up at the first file that no mirror gives.
    Two processes may do this at once: each downloads aside, and the last to finish renames its copy over the other's.
    Raises DreamError, with every address tried and why it failed, for files that no mirror gave.
    """
    try:
        failures = {}
        for file in files:
            failures[file] = _failures(file, folder, progress)
            if failures[file] and in_a_hurry:
                break
    except ImportError as error:
        wanted = " and ".join(map(str, files))
        way_out = f"pip install {error.name}, or put {wanted} into {folder} by hand"
        raise DreamError(f"nothing can be downloaded without the package {error.name}: {way_out}") from error
    if not any(failures.values()):
        return
    lines = [f"{folder.name} could not be downloaded, these addresses failed:"]
    for file, reasons in failures.items():
        lines += [f"  {file}"] if reasons else []
        lines += [f"    {url}: {reason}" for url, reason in reasons.items()]
    raise DreamError("\n".join([*lines, f"Try again with a network, or put the files into {folder} by hand"]))


def _failures(file: RemoteFile, folder: Path, progress: bool) -> dict[str, str]:
    """Why each address failed; empty once one has not."""
    import requests

    reasons = {}
    for url in file.urls:
        try:
            _from_mirror(url, file, folder, progress)
            return {}
        except requests.HTTPError as error:
            reasons[url] = str(error).partition(" for url")[0]
        except requests.Timeout:
            reasons[url] = "no answer in time"
        except requests.RequestException:
            reasons[url] = "no connection, or it broke off"
        except ValueError:
            reasons[url] = "incomplete, or not the published file"
        except OSError as error:
            reasons[url] = error.strerror or str(error)
    return reasons


def _from_mirror(url: str, file: RemoteFile, folder: Path, progress: bool) -> None:
    import pooch
    from tqdm import tqdm

    pooch.get_logger().setLevel("ERROR")
    archived = url.endswith(".tar.gz")
    known_hash = f"sha1:{file.archive_sha1}" if archived else None
    # tqdm's disable=None means: unless stderr is a terminal. total=1, for pooch asks whether the bar is true.
    bar = tqdm(total=1, desc=file.name, unit="B", unit_scale=True, leave=False, disable=None if progress else True)
    with bar, aside.folder(folder) as temporary:
        downloader = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=1 << 16,
            timeout=(CONNECT_SECONDS, STALL_SECONDS),
            headers={"Accept-Encoding": "identity"},  # so that Content-Length is the file's
        )
        unpack = pooch.Untar(members=[file.member], extract_dir=".") if archived else None
        pooch.retrieve(url, known_hash, "archive" if archived else file.name, temporary, unpack, downloader)
        got = Path(temporary, file.member if archived else file.name)
        if file.sums and pooch.file_hash(got) not in file.sums:
            raise ValueError
        # Without a sum to tell: urllib3 before 2 takes a body that was cut short for a whole one.
        if not file.sums and not archived and bar.total and got.stat().st_size != bar.total:
            raise ValueError
        got.chmod(0o644)  # pooch leaves it readable to its owner alone, and models are shared
        got.replace(folder / file.name)
