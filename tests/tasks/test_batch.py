"""Many pictures: each is the dream that it would be alone, and what one of them does is nobody else's trouble."""

import re
import sys
from pathlib import Path

import psutil
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.errors import UsageError
from deepdream.images import heic, picture
from deepdream.pipeline.request import Request
from deepdream.storage.lock import Lock
from deepdream.tasks import batch, executors
from tests.helpers.shared import needs_processes
from tests.helpers.tiny import command, interrupt, refused, snapshot, tiny_picture

SHORT = ["--iterations", "2", "--octaves", "2", "--threads", "1"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def photos(folder):
    """photos/, with three pictures of different sizes and one of another format."""
    Path("photos").mkdir()
    for number, name in enumerate(["a.png", "b.jpg", "c.bmp"]):
        tiny_picture(Path("photos") / name, 40 + 4 * number, 28)
    Path("photos/notes.txt").write_text("no picture")
    return folder


@pytest.fixture
def dreamt(photos, net):
    """Dreams many; returns the exit code."""
    return lambda *args: main(["batch", *args, *SHORT, "--model", net])


def find_jobs(sources, folder):
    return batch.find_jobs(sources, Request(sources[0], folder))


def said(capsys):
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize("source", ["photos", "photos/*"])
def test_what_is_left_out_is_told_in_one_line(photos, monkeypatch, capsys, source):
    for name in ("more.TXT", "tel.heic", "a.xmp", "README", ".hidden.txt"):
        Path("photos", name).write_bytes(b"")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    heic.is_readable.cache_clear()
    monkeypatch.setitem(Image.EXTENSION, ".heic", "NONE")
    assert len(find_jobs([source, "photos/a.png"], "out")) == 3
    (line,) = said(capsys)
    start = "dreamify: left out, because they are not pictures that can be read: 5 files (2 .txt, "
    assert line.startswith(start)
    assert {"1 .heic: pip install pillow-heif", "1 .xmp", "1 without extension"} == set(
        line[len(start) : -1].split(", ")
    )
    heic.is_readable.cache_clear()
    (photos / "notes").mkdir()
    Path("notes/a.txt").touch()
    with pytest.raises(UsageError, match=r"there are no pictures in notes, only 1 file \(1 \.txt\): check the path"):
        find_jobs(["notes"], "out")


@pytest.mark.usefixtures("here")
def test_each_is_the_dream_that_it_would_be_alone(dreamt, net, capsys):
    assert dreamt("photos", "out", "--seed", "7", "--guide", "guide.png", "--no-clip") == 0
    lines = said(capsys)
    assert lines[0].startswith("dreamify: left out, because they are not pictures")
    assert lines[1] == f"dreamify: 3 pictures, {min(3, executors._cores())} at a time"
    assert lines[-1] == "dreamify: 3 dreamt: out"
    assert len(lines) == len(set(lines))  # each thing once, not once a file
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "b.jpg", "c.png"]
    for source, name in (("a.png", "a.png"), ("b.jpg", "b.jpg"), ("c.bmp", "c.png")):
        alone = f"alone-{name}"
        args = ["--seed", "7", "--guide", "guide.png", "--no-clip", *SHORT, "--model", net]
        assert main([f"photos/{source}", alone, *args]) == 0
        assert Path(alone).read_bytes() == (Path("out") / name).read_bytes()


@pytest.mark.usefixtures("here")
def test_what_is_done_is_skipped_and_what_is_missing_is_dreamt(dreamt, capsys):
    """Without a seed, too; the pictures themselves say so, for nothing else is in the folder."""
    assert dreamt("photos", "out") == 0
    before = snapshot(Path("out"))
    Path("out/b.jpg").unlink()
    said(capsys)
    assert dreamt("photos", "out") == 0
    assert said(capsys)[-1] == "dreamify: 1 dreamt, 2 done before: out"
    after = snapshot(Path("out"))
    assert {**after, "b.jpg": None} == {**before, "b.jpg": None}
    assert dreamt("photos", "out", "--force", "--seed", "1") == 0
    assert said(capsys)[-1] == "dreamify: 3 dreamt: out"
    assert snapshot(Path("out")) != after


@pytest.mark.usefixtures("here")
def test_another_dream_is_not_replaced_unless_told(dreamt, capsys):
    assert dreamt("photos/a.png", "out", "--seed", "1") == 0
    tiny_picture(Path("out/b.jpg"))
    Path("out/c.png").write_text("not a picture")
    before = snapshot(Path("out"))
    assert dreamt("photos", "out", "--seed", "2") == 1
    lines = said(capsys)
    assert lines[-1] == "dreamify: 3 failed: out"
    reasons = "\n".join(lines)
    assert (
        "photos/a.png: out/a.png is already there, a dream with seed 1, and this one has 2: use --force to replace it"
        in reasons
    )
    assert "out/b.jpg exists and is not a dream (out/b.jpg holds no recipe): use --force to replace it" in reasons
    assert "out/c.png exists and is not a dream (out/c.png is not a picture in a" in reasons
    assert snapshot(Path("out")) == before
    tiny_picture(Path("photos/a.png"), 36, 28)  # the same name, another picture
    assert dreamt("photos/a.png", "out", "--seed", "1") == 1
    assert "out/a.png is already there, a dream with input_sha256" in said(capsys)[-2]
    assert dreamt("photos", "out", "--seed", "2", "--force") == 0


@pytest.mark.usefixtures("here")
def test_one_that_fails_is_told_and_the_rest_goes_on(dreamt, capsys):
    Path("photos/0.png").write_text("not a picture")
    tiny_picture(Path("photos/small.png"), 8, 8)
    assert dreamt("photos", "photos/absent.png", "out") == 1
    lines = said(capsys)
    assert lines[-1] == "dreamify: 3 dreamt, 3 failed: out"
    reasons = "\n".join(lines)
    assert "dreamify: photos/0.png is not a picture in a known format" in reasons
    assert re.search("dreamify: photos/small.png: .* needs at least 9x9", reasons)
    assert "dreamify: photos/absent.png: there is no file photos/absent.png: check the path" in reasons
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", "b.jpg", "c.png"]


def test_where_there_can_be_no_processes(photos, net, capsys, monkeypatch):
    class WithoutSemaphores(type(executors._CONTEXT)):
        def Lock(self):
            raise OSError(38, "Function not implemented")

    monkeypatch.setattr(executors, "_CONTEXT", WithoutSemaphores())
    assert main(["batch", "photos", "out", "--model", net]) == 1
    words = r"dreamify: .*processes cannot be started.*\[Errno 38\] Function not implemented.*mount.*"
    assert re.fullmatch(words, said(capsys)[-1])


def test_which_files_are_found(photos):
    Path("photos/deeper").mkdir()
    tiny_picture(Path("photos/deeper/d.png"))
    Path("photos/.hidden.png").write_bytes(b"")
    assert find_jobs(["photos"], "out") == {
        "photos/a.png": "out/a.png",
        "photos/b.jpg": "out/b.jpg",
        "photos/c.bmp": "out/c.png",
    }
    assert list(find_jobs(["photos/*.png", "photos/a.png"], "out")) == ["photos/a.png"]
    assert list(find_jobs(["./photos/a.png", "photos/a.png"], "out")) == ["./photos/a.png"]
    assert list(find_jobs(["photos/**/*.png"], "out")) == ["photos/a.png", "photos/deeper/d.png"]
    assert find_jobs(["photos/A.PNG"], "out/") == {"photos/A.PNG": "out/A.PNG"}
    tiny_picture(Path("photos/[1].png"))
    assert list(find_jobs(["photos/[1].png"], "out")) == ["photos/[1].png"]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("pattern", ["photos/**/*.*g", "./photos/**/*.*g", "photos/../photos/**/*.*g"])
def test_dreams_within_the_pattern_are_left_out(photos, dreamt, capsys, pattern):
    assert dreamt(pattern, "photos/dreams") == 0
    before = snapshot(photos)
    assert sorted(path.name for path in Path("photos/dreams").iterdir()) == ["a.png", "b.jpg"]
    said(capsys)
    assert dreamt(pattern, "photos/dreams") == 0
    lines = said(capsys)
    assert lines[0] == "dreamify: left out, because the dreams go to photos/dreams: 2 pictures in that folder"
    assert lines[-1] == "dreamify: 2 done before: photos/dreams"
    assert snapshot(photos) == before


@pytest.mark.usefixtures("here")
def test_one_batch_at_a_time_writes_to_a_folder(photos, dreamt, capsys):
    Path("out").mkdir()
    lock = Lock(Path("out"))
    if not lock.is_held:
        pytest.skip("no locks here")
    before = snapshot(photos)
    assert dreamt("photos", "out") == 1
    assert said(capsys)[-1] == "dreamify: another batch is writing to out: wait for it, or choose another OUTDIR"
    assert snapshot(photos) == before
    assert dreamt("photos", "other") == 0
    lock.release()
    assert dreamt("photos", "out") == 0
    Lock(Path("out")).release()  # it was released


@pytest.mark.usefixtures("here")
def test_a_link_that_leads_nowhere_is_told_and_stays(photos, dreamt, capsys):
    Path("out").mkdir()
    Path("out/a.png").symlink_to("gone.png")
    assert dreamt("photos", "out") == 1
    assert (
        "photos/a.png: out/a.png is a link to gone.png, which does not exist: remove the link"
        in capsys.readouterr().err
    )
    assert Path("out/a.png").is_symlink()
    assert not Path("out/gone.png").exists()


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        (
            ["photos", "photos/deeper"],
            "photos/a.png and photos/deeper/a.png would both become a.png: rename one, or use",
        ),
        (["photos/c.bmp", "photos/deeper/c.png"], "would both become c.png"),
        (["photos/*.gif"], "there are no pictures in photos/*.gif: check the path"),
        (["photos/empty"], "there are no pictures in photos/empty: check the path"),
    ],
)
def test_names_that_collide_and_nothing_to_do(photos, net, capsys, sources, words):
    Path("photos/deeper").mkdir()
    Path("photos/empty").mkdir()
    for name in ("a.png", "c.png"):
        tiny_picture(Path("photos/deeper") / name)
    assert words in refused(capsys, photos, ["batch", *sources, "out", "--model", net], code=2)


def test_a_dream_never_replaces_its_picture(photos):
    for folder in ("photos", "photos/../photos"):
        with pytest.raises(UsageError, match=r"the dream of photos/a.png would replace it"):
            find_jobs(["photos"], folder)


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        (["--layer", "tea"], "there is no layer 'tea' in this net", 2),
        (["--guide", "absent.png"], "there is no file absent.png", 1),
        (["--workers", "0"], "workers must be a whole number from 1 to 1024, not 0", 2),
        (["--channel", "conv1:99"], "conv1", 2),
    ],
)
def test_what_is_wrong_for_all_is_said_once_before_the_work(photos, net, capsys, args, words, code):
    assert words in refused(capsys, photos, ["batch", "photos", "out", *args, "--model", net], code=code)


@needs_processes
def test_a_worker_that_is_killed_and_ctrl_c(photos, net, ctrl_c):
    """Files that were in work when a worker died are dreamt by another; Ctrl-C finishes what is under way."""
    for number in range(6):
        tiny_picture(Path("photos") / f"{number}.png", 160, 120)
    many = ["--seed", "7", "--iterations", "40", "--octaves", "2", "--threads", "1", "--model", net]
    process = command("batch", "photos", "out", "--workers", "2", *many, cwd=photos)
    try:
        interrupt(process, lambda: any(Path("out").glob("*.png")), number=0)
        workers = [
            child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())
        ]
        assert len(workers) == 2
        workers[0].kill()
        interrupt(process, lambda: len(list(Path("out").glob("*.png"))) > 3)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate(timeout=60)
    last = errors.decode().splitlines()[-1]
    assert process.returncode == 130, errors
    dreamt, left = map(int, re.fullmatch(r"dreamify: (\d) dreamt, (\d) left .*same command.*: out", last).groups())
    assert dreamt + left == 9
    assert dreamt == len(list(Path("out").iterdir())) < 9
    assert {picture.read_recipe(str(path))["seed"] for path in Path("out").iterdir()} == {7}


@needs_processes
def test_no_process_outlives_the_one_that_began_it(photos, net):
    many = ["--iterations", "100000", "--octaves", "1", "--threads", "1", "--model", net]
    process = command("batch", "photos", "out", "--workers", "2", *many, cwd=photos)
    workers = []
    try:
        interrupt(process, lambda: workers.extend(psutil.Process(process.pid).children()) or len(workers) > 2, number=0)
    finally:
        process.kill()
        process.communicate(timeout=60)  # it ends when nobody holds its pipes any more
    psutil.wait_procs(workers, timeout=20)
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
