"""Downloads a file from the first mirror that has it. It gets its name only when it is complete and verified."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from ..errors import DreamError
from ..storage import atomic
from .card import RemoteFile

CONNECT_SECONDS = 4.0  # short, so that whoever is offline learns it soon
STALL_SECONDS = 20.0  # a mirror that sends nothing for this long is abandoned


def download(files: Sequence[RemoteFile], folder: Path, progress: bool = False, in_a_hurry: bool = False) -> None:
    """Downloads each file into the folder.

    progress: show a bar if stderr is a terminal. in_a_hurry: stop at the first file that no mirror has.
    Two processes may do this at once. Each downloads to a hidden folder, and the last to finish replaces the file.
    Raises DreamError for files that no mirror had, with every address and the reason why it failed.
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
        raise DreamError(f"downloads need the package {error.name}: {way_out}") from error
    if not any(failures.values()):
        return
    lines = [f"{folder.name} could not be downloaded, these addresses failed:"]
    for file, reasons in failures.items():
        lines += [f"  {file}"] if reasons else []
        lines += [f"    {url}: {reason}" for url, reason in reasons.items()]
    raise DreamError("\n".join([*lines, f"Check the network and try again, or put the files into {folder} by hand"]))


def _failures(file: RemoteFile, folder: Path, progress: bool) -> dict[str, str]:
    """Downloads one file. Returns {address: why it failed}, empty if one of them worked."""
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
            reasons[url] = "no connection, or it was lost"
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
    # With disable=None, tqdm shows nothing unless stderr is a terminal. total=1 because pooch tests the bar for truth.
    bar = tqdm(total=1, desc=file.name, unit="B", unit_scale=True, leave=False, disable=None if progress else True)
    with bar, atomic.folder(folder) as temporary:
        downloader = pooch.HTTPDownloader(
            progressbar=bar,
            chunk_size=1 << 16,
            timeout=(CONNECT_SECONDS, STALL_SECONDS),
            headers={"Accept-Encoding": "identity"},  # so that Content-Length is the size of the file
        )
        unpack = pooch.Untar(members=[file.member], extract_dir=".") if archived else None
        pooch.retrieve(url, known_hash, "archive" if archived else file.name, temporary, unpack, downloader)
        got = Path(temporary, file.member if archived else file.name)
        if file.sums and pooch.file_hash(got) not in file.sums:
            raise ValueError
        # If there is no sum to check: urllib3 before 2 accepts a body that was cut short.
        if not file.sums and not archived and bar.total and got.stat().st_size != bar.total:
            raise ValueError
        got.chmod(0o644)  # models are shared, but pooch makes files readable for their owner only
        got.replace(folder / file.name)
