"""OUT that was left out or is a folder, ~ in every path, and lists of pictures."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from deepdream.cli import main
from deepdream.cli.main import VERBS, parser_of
from deepdream.cli.paths import listed, path
from deepdream.images.picture import read_recipe
from deepdream.storage import files
from deepdream.tasks import single
from tests.helpers.tiny import command, refused, snapshot, tiny_picture

SHORT = ["--iterations", "1", "--octaves", "1", "--seed", "7", "--threads", "1"]
pytestmark = pytest.mark.usefixtures("one_thread")


def names(folder="."):
    return sorted(path.name for path in Path(folder).iterdir())


def test_without_out_the_dream_is_beside_its_picture_under_a_free_name(folder, net, capsys):
    (folder / "some place").mkdir()
    tiny_picture(folder / "some place" / "in.jpg")
    for name in ("in-dream.jpg", "in-dream-2.jpg", "in-dream-3.jpg"):
        before = snapshot(folder)
        assert main(["some place/in.jpg", *SHORT, "--model", net, "--force"]) == 0
        said = capsys.readouterr().err
        assert f"no OUT was named: the dream goes to some place/{name}\n" in said
        assert f"the dream is in some place/{name}\n" in said
        after = snapshot(folder)
        assert set(after) - set(before) == {f"some place/{name}"}
        assert before.items() <= after.items()
    assert main(["some place/in.jpg", "out.jpg", *SHORT, "--model", net]) == 0
    assert Path("out.jpg").read_bytes() == Path("some place/in-dream.jpg").read_bytes()


@pytest.mark.parametrize(
    ("source", "name"),
    [("in.gif", "in-dream.png"), ("in", "in-dream.png"), ("IN.JPG", "IN-dream.JPG"), ("a.b.tif", "a.b-dream.tif")],
)
def test_the_format_is_kept_where_it_can_be_written(folder, net, source, name):
    tiny_picture(folder / "x.png")
    from PIL import Image

    kind = {".gif": "GIF", ".JPG": "JPEG", ".tif": "TIFF"}.get(Path(source).suffix, "PNG")
    Image.open("x.png").save(source, kind)
    assert main([source, *SHORT, "--model", net, "--layer", "conv1"]) == 0
    assert read_recipe(name)["layer"] == "conv1"


def test_noise_has_a_name_too(folder, net):
    assert main(["noise:40x30", *SHORT, "--model", net]) == 0
    assert read_recipe("noise-dream.png")["input"] == "noise:40x30"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("-", "standard input has no name to make OUT of: name OUT, or - for standard output"),
        ("memory://bucket/in.jpg", "beside the address memory://bucket/in.jpg nothing is written unasked: name OUT"),
        (os.devnull, "is a pipe or a device, beside which nothing is written: name OUT"),
        (".", ". is a folder: name a picture in it, or dream all of them with dreamify batch"),
        ("a" * 250 + ".png", "is too long to make another one of it: name OUT"),
    ],
)
def test_what_has_no_place_for_a_dream_beside_it(folder, net, capsys, source, says):
    assert says in refused(capsys, folder, [source, "--model", net], 2)


def test_a_file_that_appears_meanwhile_is_not_replaced(folder, net, monkeypatch, capsys):
    finalize = single.finalize

    def late(*args):
        Path("in-dream.png").write_bytes(b"mine")
        Path("in-dream-2.png").symlink_to("nowhere")
        return finalize(*args)

    monkeypatch.setattr(single, "finalize", late)
    assert main(["in.png", *SHORT, "--model", net]) == 0
    assert Path("in-dream.png").read_bytes() == b"mine"
    assert not Path("nowhere").exists()
    assert "the dream is in in-dream-3.png\n" in capsys.readouterr().err
    assert read_recipe("in-dream-3.png")


@pytest.mark.parametrize("has_links", [True, False])
def test_the_last_moment_decides_even_without_hard_links(folder, monkeypatch, has_links):
    """What takes the name after every look at it, as another process does."""
    if not has_links:
        monkeypatch.setattr("os.link", lambda *_: (_ for _ in ()).throw(OSError(95, "Operation not supported")))
    files.write("new.png", b"first", new=True)
    with pytest.raises(files.NameTaken):
        files.write("new.png", b"second", new=True)
    assert Path("new.png").read_bytes() == b"first"
    assert names() == ["guide.png", "in.png", "new.png"]


def test_several_at_once_all_have_names_of_their_own(folder, net):
    running = [command("in.png", *SHORT, "--model", net, stderr=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    made = [name for name in names() if "dream" in name]
    assert made == ["in-dream-2.png", "in-dream-3.png", "in-dream.png"]
    assert len({Path(name).read_bytes() for name in made}) == 1


def test_a_folder_takes_the_name_of_the_picture(folder, net, capsys):
    Path("dreams").mkdir()
    tiny_picture(folder / "in.jpg")
    assert main(["in.jpg", "dreams", *SHORT, "--model", net]) == 0
    assert main(["in.jpg", "dreams/", *SHORT, "--model", net]) == 0
    assert "dreams/ is a folder: the dream goes to dreams/in-2.jpg\n" in capsys.readouterr().err
    assert main(["in.jpg", ".", *SHORT, "--model", net]) == 0  # its own folder
    assert main(["noise:30x30", "dreams", *SHORT, "--model", net]) == 0
    assert main(["again", "in-dream.jpg", "in.jpg", "dreams", "--model", net]) == 0
    assert names("dreams") == ["in-2.jpg", "in-3.jpg", "in.jpg", "noise.png"]
    assert len({path.read_bytes() for path in Path("dreams").glob("in*")}) == 1
    assert "standard input has no name: name a file in dreams" in refused(capsys, folder, ["-", "dreams"], 2)
    assert "the format of dreams is not known" in refused(
        capsys, folder, ["sheet", "in.jpg", "dreams", "--iterations", "1,2", "--model", net], 2
    )


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="permissions work differently here")
def test_a_folder_that_is_read_only(net, capsys):
    root = os.geteuid() == 0  # for whom permissions do not count
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    try:
        source = tiny_picture(folder / "in.png")
        (folder / "closed").mkdir(0o555)
        folder.chmod(0o555)
        os.seteuid(65534 if root else os.geteuid())
        for args, name in (([source, folder / "closed"], "closed/in.png"), ([source], "in-dream.png")):
            line = refused(capsys, folder, [*args, "--model", net])
            assert f"{name} cannot be written (Permission denied" in line
    finally:
        os.seteuid(0 if root else os.geteuid())
        folder.chmod(0o755)
        shutil.rmtree(folder)


def test_home_is_expanded_in_every_path(folder, net, monkeypatch, own_cache):
    monkeypatch.setenv("HOME", str(folder))
    Path("m").symlink_to(net)
    Path("steps").mkdir()
    args = ["--guide=~/guide.png", "--model", "~/m", "--frames=~/steps", *SHORT]
    assert main(["~/in.png", "~/out.png", *args]) == 0
    assert main(["info", "~/out.png"]) == main(["keys", "--model=~/m"]) == 0
    assert main(["again", "~/out.png", "~/in.png", "~/new.png", "--guide=~/guide.png", "--model=~/m"]) == 0
    assert main(["zoom", "~/in.png", "~/zoom", "--frames", "1", "--model=~/m", *SHORT]) == 0
    assert {"out.png", "new.png", "zoom", "steps"} <= set(names())
    assert names("steps")
    assert path("./~") == "./~"
    assert path("a~") == "a~"


def test_every_path_of_every_verb_is_one():
    """An argument that is named as a path is expanded as one."""
    named = {"IN", "OUT", "OUTDIR", "DREAM", "PICTURE", "FOLDER", "MODEL"}
    for verb in ("dream", *VERBS):
        for action in parser_of(verb)._actions:
            if (action.metavar in named or action.dest == "model") and (verb, action.metavar) != ("batch", "IN"):
                assert action.type is path, (verb, action.metavar)


def test_lists(folder, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    text = "# mine\n\n in.png \r\n~/photos\n*.jpg\n#no.png\n./#1.png\n"
    Path("list.txt").write_bytes(text.encode("utf-8-sig"))
    Path("@in.png").touch()
    assert listed(["@list.txt", "~/x.png", "@in.png"]) == [
        *("in.png", "/home/me/photos", "*.jpg", "./#1.png"),
        *("/home/me/x.png", "@in.png"),
    ]


def test_a_batch_of_a_list(folder, net, here):
    Path("list.txt").write_text("in.png\nguide.png\n")
    assert main(["batch", "@list.txt", "dreams", *SHORT, "--workers", "1", "--model", net]) == 0
    assert names("dreams") == ["guide.png", "in.png"]


@pytest.mark.parametrize(
    ("content", "code", "says"),
    [
        (None, 1, "there is no file list.txt: check the path"),
        (b"", 1, "list.txt is empty"),
        (b"# nothing\n\n", 2, "the list list.txt names no pictures: write one path a line into it"),
        ("in.png\n".encode("utf-16"), 2, "the list list.txt is not text in UTF-8: save it as UTF-8"),
        ("ü.png\n".encode("latin-1"), 2, "the list list.txt is not text in UTF-8: save it as UTF-8"),
        (b"in.png\0guide.png\0", 2, "the list list.txt is not text in UTF-8"),
    ],
)
def test_lists_that_are_none(folder, net, capsys, content, code, says):
    if content is not None:
        Path("list.txt").write_bytes(content)
    assert says in refused(capsys, folder, ["batch", "@list.txt", "dreams", "--model", net], code)
    assert "@ names no list" in refused(capsys, folder, ["batch", "@", "dreams", "--model", net], 2)
