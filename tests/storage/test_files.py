"""Files by path and by address: whole or not at all, and one sentence if they cannot be read or written."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from deepdream.cli import main
from deepdream.errors import DreamError, UsageError
from deepdream.images import picture
from deepdream.storage import files
from tests.helpers.tiny import refused, tiny_picture

SHORT = ["--iterations", "2", "--octaves", "2", "--seed", "7", "--threads", "1"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def memory():
    """fsspec's file system in this process's memory, empty; memory://bucket/ is there."""
    system = pytest.importorskip("fsspec", reason="addresses need fsspec: pip install fsspec").filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = ["", "/bucket"]
    return system


def test_what_is_an_address():
    for name in ("s3://bucket/in.jpg", "memory://a", "gs+x://a b", "HTTP://a/b"):
        assert files.is_address(name)
    for name in ("in.jpg", "a/b.jpg", "-", "noise:64x48", "C:\\in.jpg", "s3:/a", "//a/b", "file:///in.jpg", "./a://b"):
        assert not files.is_address(name)


def test_names(folder):
    assert files.join("out", "a.png") == str(Path("out", "a.png"))
    assert files.join("s3://bucket/out/", "a.png") == "s3://bucket/out/a.png"
    assert files.absolute("a.png") == str(folder / "a.png")
    assert files.absolute("s3://bucket/a.png") == "s3://bucket/a.png"
    spaced = folder / "a b ü%.png"
    tiny_picture(spaced)
    assert files.real(spaced.as_uri()) == os.path.realpath(str(spaced))
    assert files.read(spaced.as_uri()) == (spaced.read_bytes(), spaced.as_uri())
    (folder / "link.png").symlink_to(spaced)
    assert files.real("link.png") == files.real(str(spaced))


def test_what_is_found(memory, folder):
    (folder / "deeper").mkdir()
    tiny_picture(folder / "deeper" / "b.png")
    for name in ("a.png", "c.txt", "deeper/b.png"):
        memory.pipe(f"/bucket/{name}", b"x")
    for root in (str(folder), "memory:///bucket"):
        inside = files.find(root)
        assert inside == sorted(inside)
        assert not any("deeper" in name for name in inside)
        assert files.find(f"{root}/**/b.*") == [f"{root}/deeper/b.png"]
        assert files.find(f"{root}/*.gif") == []
        assert files.find(f"{root}/absent.png") is None
    assert files.find("memory://bucket") == ["memory:///bucket/a.png", "memory:///bucket/c.txt"]
    assert files.real("memory://bucket/a.png") == files.real("memory:///bucket/a.png")
    assert [files.exists(f"memory://bucket/{name}") for name in ("a.png", "b.png")] == [True, False]


def test_a_file_is_there_when_it_is_whole_or_not_at_all(memory, monkeypatch):
    files.write("memory://bucket/a.bin", b"first")

    class Cut(bytes):
        """Bytes whose writing fails halfway."""

        def __len__(self):
            raise OSError("the line is dead")

    from fsspec.implementations.memory import MemoryFile

    write = MemoryFile.write
    monkeypatch.setattr(MemoryFile, "write", lambda self, data: write(self, data[:3]) and len(data))
    for name in ("a.bin", "new.bin"):
        with pytest.raises(DreamError, match=rf"memory://bucket/{name} cannot be written \(the line is dead\): check"):
            files.write(f"memory://bucket/{name}", Cut(b"second"))
    assert memory.cat("/bucket/a.bin") == b"first"
    assert not memory.exists("/bucket/new.bin")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("memory://bucket/absent.png", "there is no memory://bucket/absent.png: check the address"),
        ("memory://bucket/empty.png", "memory://bucket/empty.png is empty: there is no picture in it"),
        ("nowhere://bucket/in.png", "nowhere://bucket/in.png cannot be read (Protocol not known: nowhere): check the"),
    ],
)
def test_addresses_that_cannot_be_read(memory, folder, net, capsys, source, words):
    memory.pipe("/bucket/empty.png", b"")
    assert words in refused(capsys, folder, [source, "out.png", "--model", net])


def test_packages_that_are_missing(memory, folder, net, capsys, monkeypatch):
    for module, source, words in (
        ("fsspec.core", "s3://b/in.png", "s3://b/in.png needs fsspec, which is not installed here: pip install fsspec"),
        ("s3fs", "s3://b/in.png", "s3://b/in.png needs a package that is not installed here: Install s3fs"),
    ):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            assert words in refused(capsys, folder, [source, "out.png", "--model", net])
    assert "Protocol not known" in refused(capsys, folder, ["in.png", "nowhere://b/out.png", "--model", net])


def test_folders(memory, folder):
    files.make_folder("memory://bucket/out")
    files.make_folder("memory://bucket/out")
    files.make_folder("out")
    files.make_folder("out")
    assert memory.isdir("/bucket/out")
    assert Path("out").is_dir()
    for name, words in (("in.png", "the folder in.png cannot be made"), ("a/b", "the folder a/b cannot be made")):
        with pytest.raises(DreamError, match=words):
            files.make_folder(name)
    with pytest.raises(UsageError, match=r"out is a folder: name a file in it, such as out/dream\.png"):
        files.check("out")


@pytest.mark.usefixtures("here")
def test_a_batch_by_address_is_the_same_dreams(memory, folder, net, capsys):
    for number in range(3):
        memory.put(tiny_picture(folder / f"{number}.png", 40 + number), f"/bucket/in/{number}.png")
    memory.put("guide.png", "/bucket/guide.png")
    guided = ["--guide", "memory://bucket/guide.png", "--model", net, *SHORT]
    again = ["batch", "memory://bucket/in", "memory://bucket/in/1.png", "memory://bucket/out", *guided]
    assert main(again) == 0
    assert capsys.readouterr().err.endswith("dreamify: 3 dreamt: memory://bucket/out\n")
    assert main(["batch", "memory://bucket/in/[01].png", "out", *guided]) == 0
    assert main(["1.png", "alone.png", "--guide", "guide.png", "--model", net, *SHORT]) == 0
    assert memory.cat("/bucket/out/1.png") == Path("out/1.png").read_bytes() == Path("alone.png").read_bytes()
    memory.rm("/bucket/out/2.png")
    capsys.readouterr()
    assert main(again) == 0
    assert "1 dreamt, 2 done before" in capsys.readouterr().err
    sha256 = hashlib.sha256(Path("2.png").read_bytes()).hexdigest()
    assert picture.read_recipe("memory://bucket/out/2.png")["input_sha256"] == sha256
    assert "would replace it" in refused(capsys, folder, ["batch", *["memory://bucket/in"] * 2, *guided], code=2)


@pytest.mark.usefixtures("here")
def test_an_object_store(folder, net, monkeypatch, capsys):
    """A local server that speaks S3's protocol."""
    moto = pytest.importorskip("moto.server", reason="needs moto, which plays S3")
    pytest.importorskip("s3fs", reason="s3:// needs s3fs")
    server = moto.ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        own = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
        for name, value in {**own, "AWS_DEFAULT_REGION": "us-east-1"}.items():
            monkeypatch.setenv(name, value)
        import s3fs

        s3 = s3fs.S3FileSystem(skip_instance_cache=True)
        s3.mkdir("bucket")
        s3.put("in.png", "bucket/in/a.png")
        assert main(["batch", "s3://bucket/in", "s3://bucket/out", "--model", net, *SHORT]) == 0
        assert main(["in.png", "alone.png", "--model", net, *SHORT]) == 0
        assert s3.cat("bucket/out/a.png") == Path("alone.png").read_bytes()
        assert main(["batch", "s3://bucket/*/a.png", "s3://bucket/out", "--model", net, *SHORT, "--seed", "8"]) == 1
        assert (
            "s3://bucket/out/a.png is already there, a dream with seed 7, and this one has 8" in capsys.readouterr().err
        )
        assert main(["batch", "s3://bucket/in/*", "s3://absent/out", "--model", net, *SHORT]) == 1
        assert "there is no s3://absent/out: check the address" in capsys.readouterr().err
        assert not s3.exists("absent")
    finally:
        server.stop()


@pytest.mark.parametrize("tells", [True, False])
def test_a_limit_for_addresses_too(memory, folder, net, capsys, monkeypatch, tells):
    """With services that report the size of a file correctly, wrongly or not at all."""
    memory.pipe("/bucket/in.png", Path("in.png").read_bytes() + bytes(5000))
    monkeypatch.setattr(files, "_MAX_SIZE", 4000)
    monkeypatch.setattr(files, "_BLOCK", 1000)
    read = []
    if tells:
        monkeypatch.setattr(memory, "open", None)
    else:
        monkeypatch.setattr(memory, "info", lambda path: {"size": 10})
        opened = memory.open

        def watched(*args):
            file = opened(*args)
            whole = file.read
            file.read = lambda size: read.append(size) or whole(size)
            return file

        monkeypatch.setattr(memory, "open", watched)
    line = refused(capsys, folder, ["memory://bucket/in.png", "out.png", "--model", net])
    assert "memory://bucket/in.png has more than" in line
    assert line.endswith("bytes, the limit: shrink it first")
    assert sum(read) <= 5000


def test_frames_at_an_address(memory, folder, net, capsys):
    command = ["in.png", "out.png", "--frames", "memory://bucket/frames", "--model", net, *SHORT]
    assert main(command) == 0
    names = memory.ls("/bucket/frames", detail=False)
    assert len(names) == 4
    assert main(command) == 0
    other = [*command, "--seed", "8"]
    assert "holds the frames of a dream with seed 7, and this one has 8" in refused(capsys, folder, other, code=2)
    assert main([*other, "--force", "--iterations", "1"]) == 0
    assert len(memory.ls("/bucket/frames", detail=False)) == 2
    memory.put("in.png", "/bucket/frames/mine.png")
    assert "holds files that are not frames of one dream, such as mine.png" in refused(capsys, folder, command, code=2)


def test_a_dream_at_an_address_is_replaced_and_what_is_no_dream_is_not(memory, folder, net, capsys):
    again = ["in.png", "memory://bucket/out.png", "--model", net, *SHORT]
    assert main(again) == 0
    whole = memory.cat("/bucket/out.png")
    assert main(again) == 0
    assert memory.cat("/bucket/out.png") == whole
    memory.pipe("/bucket/out.png", b"mine")
    assert "exists and is not a dream" in refused(capsys, folder, again, code=2)
    memory.put("in.png", "/bucket/in.png")
    itself = ["memory://bucket/in.png", "memory://bucket/./in.png", "--model", net, "--force"]
    itself[1] = "memory:///bucket/in.png"
    assert "is an input" in refused(capsys, folder, itself, code=2)
    assert memory.cat("/bucket/out.png") == b"mine"
    assert main([*again, "--force"]) == 0
    assert memory.cat("/bucket/out.png") == whole
