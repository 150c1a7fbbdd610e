"""Which files of the page may be opened, the size limits, and when files are deleted."""

import os
import threading
import time

import pytest

from deepdream.errors import DreamError
from deepdream.settings import WebSettings
from deepdream.web import storage as storages
from deepdream.web.storage import FULL, KEPT, NOT_HERE, Storage, sizes

KB = 2**10


@pytest.fixture
def secret(tmp_path):
    """A file of this machine that visitors must not see."""
    path = tmp_path / "secret.jpg"
    path.write_bytes(b"secret")
    return path


@pytest.fixture
def storage(tmp_path, secret):
    """A storage with an upload, and with other things that must not be opened."""
    folder = tmp_path / "run"
    upload = folder / "hash" / "in.png"
    upload.parent.mkdir(parents=True)
    upload.write_bytes(b"picture")
    (folder / "link.png").symlink_to(secret)
    (folder / "to-a-folder").symlink_to(tmp_path)
    (folder / "circle.png").symlink_to(folder / "circle.png")
    (folder / "dangling.png").symlink_to(folder / "absent.png")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "pipe.png")
    return Storage(folder, WebSettings(upload_hourly=1000 * KB, storage=3500 * KB))


def test_an_upload_is_found_and_stays(storage):
    upload = storage.folder / "hash" / "in.png"
    os.utime(upload, (1, 1))
    assert storage.find(str(upload)) == upload.resolve()
    assert storage.find(f"{storage.folder}/./hash/../hash//in.png") == upload.resolve()
    assert time.time() - upload.stat().st_mtime < KEPT


OTHERS = [
    *("", ".", "..", "/", "in.png", "hash/in.png", "-", "noise:64x64", "a\0b", "x" * 5000, "/" + "a/" * 3000, "\udcff"),
    *("/etc/passwd", "/proc/self/environ", "/proc/self/fd/0", "/dev/stdin", "/dev/zero", "/dev/null", "~/.bashrc"),
    *("http://localhost/in.png", "file:///etc/passwd", "s3://bucket/in.png", "data:image/png;base64,AAAA", "\\\\h\\s"),
    *("{run}", "{run}/", "{run}/hash", "{run}/absent.png", "{run}/hash/in.png/.."),
    *("{run}/link.png", "{run}/to-a-folder", "{run}/to-a-folder/secret.jpg", "{run}/circle.png", "{run}/dangling.png"),
    *("{run}/pipe.png", "{run}/../secret.jpg", "{run}/../absent.jpg", "{run}/hash/../../secret.jpg", "{run}-2/in.png"),
    *("file://{run}/hash/in.png", "{run}/hash/in.png\0", "{run}/hash/in.png\n", "//host{run}/hash/in.png"),
    *(None, True, 0, 1.5, b"{run}/hash/in.png", ["{run}/hash/in.png"], {"path": "{run}/hash/in.png"}),
]


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: repr(path)[:40])
def test_nothing_else_is_found(storage, path):
    """With the same message for all of them."""
    given = path.replace("{run}", str(storage.folder)) if isinstance(path, str) else path
    found = []
    looking = threading.Thread(target=lambda: found.append(refusal(storage, given)), daemon=True)
    looking.start()
    looking.join(30)  # opening a pipe would block forever
    assert found == [NOT_HERE]


def test_what_is_elsewhere_is_not_even_looked_at(storage, monkeypatch):
    """Even a check can mount a disk or a network share, and its duration can reveal what exists."""

    def resolve(path, strict):
        looked_at.append(str(path))
        return path

    looked_at = []
    monkeypatch.setattr(storages.Path, "resolve", resolve)
    for path in OTHERS:
        refusal(storage, path.replace("{run}", str(storage.folder)) if isinstance(path, str) else path)
    assert looked_at
    assert all(path.startswith(f"{storage.folder}/") for path in looked_at)


def refusal(storage, path):
    try:
        return storage.find(path)
    except DreamError as error:
        return str(error)


def test_one_visitors_uploads_have_a_limit(storage, monkeypatch):
    limit = r"^1MB of uploads .*is the limit: try again in an hour$"
    for _ in range(2):
        with storage.receiving("192.0.2.1", 500 * KB):
            pass
    with pytest.raises(DreamError, match=limit), storage.receiving("192.0.2.1", 1):
        pass
    with storage.receiving("192.0.2.2", 500 * KB):
        pass
    with storage.receiving("2001:db8::1", 600 * KB):
        pass
    with pytest.raises(DreamError, match=limit), storage.receiving("2001:db8::ffff", 600 * KB):  # the same network
        pass
    with storage.receiving("2001:db8:0:1::1", 600 * KB):
        pass
    later = time.monotonic() + KEPT
    monkeypatch.setattr(storages.time, "monotonic", lambda: later)
    with storage.receiving("192.0.2.1", 1000 * KB):
        pass


def test_small_files_have_a_limit(storage):
    """A limit on their number."""
    for _ in range(15):
        with storage.receiving("192.0.2.1", 1):
            pass
    with pytest.raises(DreamError, match="is the limit"), storage.receiving("192.0.2.1", 1):
        pass
    for number in range(50):
        (storage.folder / f"small{number}").touch()
    with pytest.raises(DreamError, match=FULL):
        storage.make_folder()
    storage.keep()  # as the page's own files, they would not count
    storage.make_folder()


def test_all_uploads_have_a_limit(storage):
    """On uploads in progress and everything on disk, including dreams."""
    together = threading.Barrier(8)
    outcomes = []

    def upload(number):
        together.wait()
        try:
            with storage.receiving(f"192.0.2.{number}", 900 * KB):
                held.wait(30)
                outcomes.append("taken")
        except DreamError as error:
            outcomes.append(str(error))
            if outcomes.count(FULL) == 5:
                held.set()

    held = threading.Event()
    threads = [threading.Thread(target=upload, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["taken"] * 3 + [FULL] * 5
    dream = storage.make_folder()
    (dream / "dream.png").write_bytes(bytes(2700 * KB))
    with pytest.raises(DreamError, match=FULL), storage.receiving("192.0.2.9", 600 * KB):
        pass
    (dream / "before.png").write_bytes(bytes(500 * KB))
    with pytest.raises(DreamError, match=FULL):
        storage.make_folder()


def test_a_film_stays_while_it_is_made(storage):
    """However old its first frames are."""
    folder, other = storage.make_folder(), storage.make_folder()
    frames = [place / ".film.mp4.frames" / "0000.png" for place in (folder, other)]
    for frame in frames:
        frame.parent.mkdir()
        frame.write_bytes(b"picture")
        os.utime(frame, (1, 1))
    with storage.in_use(folder):
        storage.clear()
    assert [frame.is_file() for frame in frames] == [True, False]
    storage.clear()
    assert not frames[0].exists()


def test_there_is_room_up_to_the_limit(storage):
    assert storage.has_room(3000 * KB)
    assert not storage.has_room(3500 * KB)
    (storage.make_folder() / "dream.png").write_bytes(bytes(1000 * KB))
    assert not storage.has_room(3000 * KB)
    assert storage.has_room(2000 * KB)
    with storage.receiving("192.0.2.1", 900 * KB):
        assert not storage.has_room(2000 * KB)


def test_files_that_go_meanwhile_count_for_nothing(storage, monkeypatch):
    """As previews do, which the page removes while a film is made."""
    before, walk = list(sizes(storage.folder)), os.walk
    monkeypatch.setattr(
        os, "walk", lambda top: [(at, inside, ["gone.jpeg", *names]) for at, inside, names in walk(top)]
    )
    assert list(sizes(storage.folder)) == before
    assert storage.has_room(3000 * KB)


def test_what_nobody_uses_goes(storage):
    """The page's own pictures and recently used files stay. A link is deleted, but not its target."""
    folder, secret = storage.folder, storage.folder.parent / "secret.jpg"
    storage.keep()
    for name in ("old/a.png", "new/b.png", "tmp1"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"picture")
    os.utime(folder / "old" / "a.png", (1, 1))
    os.utime(folder / "tmp1", (1, 1))
    os.utime(folder / "hash" / "in.png", (1, 1))
    os.utime(folder / "link.png", (1, 1), follow_symlinks=False)
    storage.clear()
    assert (folder / "hash" / "in.png").is_file()
    assert (folder / "new" / "b.png").is_file()
    assert not (folder / "old" / "a.png").exists()
    assert not (folder / "tmp1").exists()
    assert secret.read_bytes() == b"secret"
    os.utime(folder / "old", (1, 1))
    os.utime(folder / "new", (1, 1))
    storage.clear()
    assert not (folder / "old").exists()
    assert (folder / "new" / "b.png").is_file()
