"""What an output may be written over: never an input, whatever it is called, and nothing but dreams unasked."""

import os
import shutil
from pathlib import Path

import pytest

from deepdream.cli import main
from deepdream.errors import DreamError
from deepdream.images import picture
from deepdream.pipeline import prepare as jobs
from deepdream.pipeline.request import Request
from deepdream.settings import DreamSettings, NetSettings
from deepdream.storage import atomic, files
from deepdream.tasks import outputs, worker
from tests.helpers.tiny import dream_of_old, refused, snapshot, tiny_picture

SHORT = ["--iterations", "1", "--octaves", "1", "--threads", "1", "--seed", "7"]
pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.skipif(os.name != "posix", reason="needs links")]

# Every verb that writes, with a place for each file that it reads, and one for OUT. They are animations, or are called
# so: all verbs read and write those.
VERBS = {
    "dream": ["{source}", "{out}", "--guide", "{guide}", "--mask", "{mask}"],
    "again": ["again", "{dream}", "{source}", "{out}", "--guide", "{guide}", "--mask", "{mask}"],
    "sheet": ["sheet", "{source}", "{out}", "--seeds", "1,2", "--guide", "{guide}", "--mask", "{mask}"],
    "sheet GIF": ["sheet", "{source}", "{out}", "--seeds", "1,2", "--guide", "{guide}", "--mask", "{mask}"],
    "zoom": ["zoom", "{source}", "{out}", "--guide", "{guide}", "--mask", "{mask}"],
    "video": ["video", "{source}", "{out}", "--flow", "off", "--guide", "{guide}", "--mask", "{mask}"],
    "batch": ["batch", "{source}", "{folder}", "--guide", "{guide}", "--mask", "{mask}"],
}


def linked(name, link):
    Path(link).symlink_to(Path(name).absolute())
    return link


WAYS = {
    "the same": lambda name, out: name,
    "spelt otherwise": lambda name, out: f"./{Path(name).parent}/../{Path(name).parent.name or '.'}/{Path(name).name}",
    "whole": lambda name, out: str(Path(name).resolve()),
    "a link": lambda name, out: linked(name, out),
    "a link to a link": lambda name, out: linked(linked(name, "link"), out),
    "a hard link": lambda name, out: os.link(name, out) or out,
}
CASES = [
    (verb, what, way, force)
    for verb, command in VERBS.items()
    for what in ("source", "guide", "mask", "dream")
    if f"{{{what}}}" in command
    for way in WAYS
    for force in (False, True)
    if verb != "batch" or "link" in way or what == "source"
]


def files_of(verb):
    """{what: name} of all that a verb reads, which is there."""
    extension = ".gif" if verb in ("video", "sheet GIF") else ".webp"
    names = {what: f"in/{what}{extension}" for what in ("source", "guide", "mask", "dream")}
    Path("in").mkdir()
    for name in names.values():
        tiny_picture(name)
    picture.write(
        "d.png", picture.read(names["source"]).pixels, {"program": "dreamify", "mask_sha256": "", "seed": 7, **GUIDED}
    )
    shutil.move("d.png", names["dream"])
    return names


GUIDED = {"objective": "guide", "layer": "inception_4c/output"}


@pytest.mark.parametrize(("verb", "what", "way", "force"), CASES)
def test_an_input_is_never_written_over(folder, net, capsys, verb, what, way, force):
    names = files_of(verb)
    out = WAYS[way](names[what], f"out{Path(names[what]).suffix}")
    if verb == "batch":
        Path("out").mkdir()
        if "link" in way:
            Path(out).rename(f"out/source{Path(out).suffix}")
            out = "out/dream"
    command = [arg.format(**names, out=out, folder=Path(out).parent) for arg in VERBS[verb]]
    line = refused(capsys, folder, [*command, *["--model", net], *["--force"] * force], code=2)
    assert "is an input" in line or "would replace" in line


@pytest.mark.parametrize("verb", ["dream", "again"])
@pytest.mark.parametrize("what", ["source", "guide", "mask"])
def test_standard_input_and_output_are_files_too(folder, net, capsys, monkeypatch, verb, what):
    """As in: dreamify - in.jpg < in.jpg, and dreamify in.jpg - >> in.jpg."""
    names = files_of(verb)
    identity = files.identity

    def redirected(name, is_output=False):
        return identity(names[what]) if name == "-" else identity(name, is_output)

    monkeypatch.setattr(files, "identity", redirected)
    for changed in ({what: "-", "out": names[what]}, {"out": "-"}):
        command = [arg.format(**{**names, "out": "-", **changed}) for arg in VERBS[verb]]
        assert "is an input" in refused(capsys, folder, [*command, "--model", net], code=2)


def test_which_file_standard_input_is(folder):
    with Path("in.png").open("rb") as file:
        before = os.dup(0)
        os.dup2(file.fileno(), 0)
        try:
            assert outputs.input_at("in.png", Request("-", "in.png")) == "-"
            assert outputs.input_at("guide.png", Request("-", "guide.png")) is None
            assert outputs.input_at("-", Request("-", "-")) is None or files.identity("-", is_output=True) is not None
        finally:
            os.dup2(before, 0)
            os.close(before)


def no_dreams():
    """What may be in the place of OUT and is no dream."""
    tiny_picture("picture.png")
    dream = dream_of_old()
    return {
        "a picture": Path("picture.png").read_bytes(),
        "a text": b"my thesis",
        "nothing": b"",
        "half a dream": dream[: len(dream) // 2],
        "a damaged recipe": dream.replace(b'"dreamify"', b'"dreamify!', 1),
    }


REPLACING = {
    "dream": (["in.png", "out.png"], "out.png"),
    "again": (["again", "dream.png", "in.png", "out.png"], "out.png"),
    "sheet": (["sheet", "in.png", "out.png", "--seeds", "1,2"], "out.png"),
    "sheet GIF": (["sheet", "in.png", "out.gif", "--seeds", "1,2"], "out.gif"),
    "zoom": (["zoom", "in.png", "out.gif", "--frames", "1"], "out.gif"),
    "video": (["video", "clip", "out.gif", "--flow", "off"], "out.gif"),
    "batch": (["batch", "in.png", "out", "--workers", "1"], "out/in.png"),
}


def command_of(verb, net):
    """Its arguments, and OUT."""
    args, out = REPLACING[verb]
    settings = {"again": [], "sheet": SHORT[:6], "sheet GIF": SHORT[:6]}.get(verb, SHORT)
    Path(out).parent.mkdir(exist_ok=True)
    if verb == "again":
        assert main(["in.png", "dream.png", *SHORT, "--model", net]) == 0
    if verb == "video":
        Path("clip").mkdir()
        tiny_picture("clip/0.png")
    return [*args, *settings, "--model", net], out


@pytest.mark.usefixtures("here", "own_cache")
@pytest.mark.parametrize("verb", REPLACING)
def test_what_is_no_dream_is_replaced_only_when_that_is_asked_for(folder, net, capsys, verb):
    command, out = command_of(verb, net)
    for content in no_dreams().values():
        Path(out).write_bytes(content)
        before = snapshot(folder)
        assert main(command) == (1 if verb == "batch" else 2)
        assert "--force" in capsys.readouterr().err
        assert snapshot(folder) == before
    assert main([*command, "--force"]) == 0
    assert outputs.is_dream(out)
    whole = Path(out).read_bytes()
    assert main(command) == 0  # the same once more, over its own
    assert Path(out).read_bytes() == whole
    assert main([*command, "--force"]) == 0
    assert Path(out).read_bytes() == whole


@pytest.mark.parametrize("verb", ["dream", "again", "sheet"])
def test_a_dream_is_replaced_by_another(folder, net, own_cache, verb):
    command, out = command_of(verb, net)
    Path(out).write_bytes(dream_of_old())
    assert main(command) == 0
    assert Path(out).read_bytes() != dream_of_old()


def test_a_huge_file_is_no_dream_and_is_not_read(folder, net, capsys, monkeypatch):
    with Path("out.png").open("wb") as file:
        file.write(dream_of_old())
        file.truncate(2**31)
    monkeypatch.setattr(files, "_whole", None)
    assert not outputs.is_dream("out.png")


@pytest.mark.usefixtures("here", "own_cache")
@pytest.mark.parametrize("verb", REPLACING)
def test_what_appears_during_the_dream_stays_as_it_is(folder, net, capsys, monkeypatch, verb):
    """A moment before OUT would get its name: a file of somebody's, or another dream."""
    (folder / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder / "tmp"))
    command, out = command_of(verb, net)
    put = atomic.put

    def late(hidden, path, new=False):
        if path.name == Path(out).name and path.parent.name != "tmp":
            path.write_bytes(b"mine")
        put(hidden, path, new)

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "put", late)
        assert main(command) == 1
    said = capsys.readouterr().err
    assert "is there now, and was not when this began" in said
    assert Path(out).read_bytes() == b"mine"
    if verb in ("dream", "again"):
        (rescued,) = (folder / "tmp").iterdir()
        assert f"; the dream is in {rescued}" in said
        assert outputs.is_dream(str(rescued))
    Path(out).unlink()
    assert main(command) == 0
    assert outputs.is_dream(out)


@pytest.mark.parametrize("verb", ["dream", "again"])
def test_a_dream_that_has_become_something_else_stays(folder, net, capsys, monkeypatch, verb):
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    command, out = command_of(verb, net)
    Path(out).write_bytes(dream_of_old())
    whole = jobs.dream_steps

    def meanwhile(*args):
        yield from whole(*args)
        Path(out).write_bytes(b"mine")

    monkeypatch.setattr(jobs, "dream_steps", meanwhile)
    assert main(command) == 1
    assert "out.png exists and is not a dream" in capsys.readouterr().err
    assert Path(out).read_bytes() == b"mine"


def test_without_hard_links_nothing_is_replaced_either(tmp_path, monkeypatch):
    def no_links(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    atomic.write(tmp_path / "out", b"first", new=True)
    with pytest.raises(FileExistsError):
        atomic.write(tmp_path / "out", b"second", new=True)
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("out", b"first")]


def test_a_worker_replaces_nothing_that_appears(folder, net, monkeypatch):
    whole = worker._dream

    def meanwhile(*args):
        Path("out.png").write_bytes(b"mine")
        return whole(*args)

    monkeypatch.setattr(worker, "_dream", meanwhile)
    request = Request("in.png", "out.png", DreamSettings(iter_n=1, octave_n=1, seed=7), net=NetSettings(model=net))
    with pytest.raises(DreamError, match=r"out\.png is there now"):
        worker.dream_file(request)
    assert Path("out.png").read_bytes() == b"mine"
