"""Where a sequence goes, and what is kept beside that: names of any length, leftovers of any kind, --force."""

import os
import stat
from pathlib import Path

import pytest

from deepdream.cli import main
from deepdream.tasks import sequence_output
from deepdream.video.reader import read_recipe
from tests.helpers.tiny import frame_names, refused, snapshot, tiny_picture

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("length", [240, 247, 248, 250, 255])
@pytest.mark.parametrize("extension", ["", ".gif"])
@pytest.mark.parametrize("letter", ["a", "ü"])
def test_a_name_as_long_as_names_can_be(folder, zoomed, monkeypatch, length, extension, letter):
    letters = length - len(extension)
    out = letter * (letters // len(letter.encode())) + "b" * (letters % len(letter.encode())) + extension
    assert len(out.encode()) == length

    def cut_short(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sequence_output.SequenceOutput, "finish", cut_short)
        assert zoomed(out, "--seed", "7") == 130
    assert zoomed(out, "--seed", "7") == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted([out, "guide.png", "in.png"])
    assert zoomed(f"short{extension}", "--seed", "7") == 0
    found = snapshot(folder)
    assert [found[name.replace(out, f"short{extension}")] for name in found if name.startswith(out)] == [
        data for name, data in found.items() if name.startswith(out)
    ]


# The command for each kind of sequence, written to OUT.
VERBS = {
    "zoom": ["zoom", "in.png", "OUT", "--frames", "2"],
    "video": ["video", "frames", "OUT", "--flow", "off"],
    "growth": ["in.png", "dream.png", "--growth", "OUT"],
}
ELSEWHERE = [
    *(f"{service}://bucket/{name}" for service in ("s3", "memory", "http", "qqq") for name in ("x.mp4", "x", "x/")),
    *("-", "/dev/stdout", "/dev/stderr", "/dev/fd/1", "to_stdout", "to_stdout.gif"),
]


@pytest.mark.parametrize("out", ELSEWHERE)
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_not_on_this_disk_is_refused_before_any_work(folder, net, capsys, verb, out):
    if out.startswith(("/dev", "to_")) and not os.path.exists("/dev/fd/1"):  # noqa: PTH110
        pytest.skip("descriptors have no names here")
    for name in ("to_stdout", "to_stdout.gif"):
        Path(name).symlink_to("/dev/stdout")
    Path("frames").mkdir()
    tiny_picture("frames/0000.png")
    before = snapshot(folder)
    assert main([out if arg == "OUT" else arg for arg in VERBS[verb]] + ["--model", net]) == 2
    kinds = ".mp4, .webm or .gif" if verb == "video" else ".gif, .webp, .mp4 or .webm"
    where = "standard output" if out == "-" else out
    assert capsys.readouterr() == (
        "",
        f"dreamify: a {verb} is written to this machine's disk, not to {where}: name a file in {kinds}, or a folder\n",
    )
    assert snapshot(folder) == before


@pytest.mark.parametrize("out", ["x.gif", "x"])
@pytest.mark.parametrize("verb", VERBS)
def test_a_file_address_is_on_this_disk(folder, net, verb, out):
    Path("frames").mkdir()
    tiny_picture("frames/0000.png")
    (folder / "a folder").mkdir()
    short = ["--iterations", "1", "--octaves", "1", "--seed", "7", "--model", net]
    for place, source in ((out, "frames"), ((folder / "a folder" / out).as_uri(), (folder / "frames").as_uri())):
        args = [{"OUT": place, "frames": source}.get(arg, arg) for arg in VERBS[verb]]
        assert main([*args, *short, "--force"]) == 0
    found = snapshot(folder)
    made = [name for name in found if name.partition("/")[0] == out]
    assert made
    assert [found[f"a folder/{name}"] for name in made] == [found[name] for name in made]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
@pytest.mark.parametrize("what", ["zoom", "part"])
def test_a_pipe_called_as_what_is_kept_is_not_waited_for(folder, zoomed, capsys, what):
    os.mkfifo(f".out.gif.{what}")
    assert zoomed("out.gif") == (1 if what == "zoom" else 0)
    if what == "zoom":
        assert ".out.gif.zoom, the checkpoint of a zoom, is damaged: to start over remove" in capsys.readouterr().err
    else:
        assert read_recipe("out.gif")["program"] == "dreamify"


@pytest.mark.skipif(os.name != "posix", reason="permissions are others there")
def test_permissions_survive(folder, zoomed):
    Path("out.gif").touch()
    Path("out.gif").chmod(0o600)
    assert zoomed("out.gif", "--force") == 0
    assert stat.S_IMODE(Path("out.gif").stat().st_mode) == 0o600
    assert read_recipe("out.gif")["program"] == "dreamify"


@pytest.mark.parametrize("out", ["out", "out.gif"])
def test_force_begins_anew_whatever_was_there(folder, net, zoomed, capsys, monkeypatch, out):
    """A finished zoom, one that was begun, one that is damaged; what it has begun itself it goes on with."""
    assert zoomed(out, "--seed", "7") == 0
    assert zoomed(out, "--seed", "8", "--frames", "3") == 2
    assert zoomed(out, "--seed", "8", "--frames", "3", "--force") == 0
    assert (folder / "out").is_dir() == (out == "out")
    if out == "out":
        assert [path.name for path in sorted(Path("out").iterdir())] == frame_names(3)
    whole = snapshot(folder)

    def cut_short(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sequence_output.SequenceOutput, "finish", cut_short)
        assert zoomed(out, "--seed", "9", "--force") == 130
        capsys.readouterr()
        assert zoomed(out, "--seed", "8", "--frames", "3", "--force") == 130
        assert "resuming" not in capsys.readouterr().err
        assert zoomed(out, "--seed", "8", "--frames", "3", "--force") == 130
        assert "resuming after 3 of 3 frames" in capsys.readouterr().err
    Path(f".{out}.zoom").write_bytes(b"damaged")
    assert zoomed(out, "--seed", "8", "--frames", "3", "--force") == 0
    assert snapshot(folder) == whole


def test_force_removes_nothing_from_a_folder_but_frames(folder, net, zoomed, capsys):
    assert zoomed("out", "--seed", "7") == 0
    tiny_picture("out/9999.png")
    command = ["zoom", "in.png", "out", "--model", net, "--force"]
    assert "out holds files that are not frames of one zoom" in refused(capsys, folder, command, code=2)
    Path("out/9999.png").unlink()
    command[1] = "out/0003.png"
    assert "out/0003.png is an input (out/0003.png), which is never" in refused(capsys, folder, command, code=2)
