"""What can be typed, what --help says, and the sentence and exit code for everything that is wrong."""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import fields
from pathlib import Path

import pytest

from deepdream.cli import info, main
from deepdream.cli.main import VERBS
from deepdream.settings import DREAM, NET, PICTURE
from tests.helpers.nets import layer
from tests.helpers.tiny import ROOT, command, dream_of_old, refused, tiny_picture

LAYER = "inception_4c/output"
SENTINEL = dream_of_old()
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def folder(tmp_path):
    """A folder with a picture, and with a file where the dream would go."""
    tiny_picture(tmp_path / "in.png")
    (tmp_path / "out.png").write_bytes(SENTINEL)
    return tmp_path


def helped(capsys, *args):
    with pytest.raises(SystemExit) as caught:
        main([*args, "--help"])
    assert caught.value.code == 0
    return " ".join(capsys.readouterr().out.split())


def test_help_shows_the_real_defaults(capsys):
    text = helped(capsys)
    assert "IN [OUT] [LAYER] [ITERATIONS] [OCTAVES] [SCALE]" in text
    for field in (field for settings in (DREAM, NET, PICTURE) for field in fields(settings)):
        flag = "--" + field.metadata["option"].replace("_", "-")
        if field.metadata["kind"] is bool:
            assert f"--no-{flag[2:]} do not {field.metadata['help']}" in text
            continue
        own = text.rsplit(f" {flag} ", 1)[1].split(" --")[0]
        assert field.metadata["help"] in own
        assert ("(default: " if field.default is None else f"(default: {field.default})") in own
    assert all(f"{verb} {module.HELP}" in helped(capsys) for verb, module in VERBS.items())


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(capsys, verb):
    assert helped(capsys, verb).startswith(f"usage: dreamify {verb} ")


@pytest.mark.parametrize(
    "args",
    [
        *(["--help"], ["again", "--help"], ["--version"], ["in.png", "out.png", "l", "x"]),
        *([], ["help"], ["help", "zoom"], ["layers"], ["nosuch"], ["zoom", "in.png"], ["in.png", "zoom", "out.mp4"]),
        *(["in.png", "out.png", "--rate", "1"], ["in.png", "out.png", "—seed", "1"]),
    ],
)
def test_what_needs_no_numbers_does_not_wait_for_them(args):
    code = (
        "import atexit, sys; from deepdream.cli import main\n"
        "heavy = ('numpy', 'scipy', 'torch', 'PIL', 'google.protobuf', 'yaml')\n"
        "atexit.register(lambda: print(*(name for name in heavy if name in sys.modules), file=sys.stderr))\n"
        "main(sys.argv[1:])"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.splitlines()[-1] == ""


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--seed", "1"], "IN is missing: dreamify in.jpg out.png (see dreamify --help)"),
        (["in.png", "out.png", LAYER, "1", "1", "1.4", "more"], "unrecognized arguments: more"),
        (["in.png", "out.png", "--iter_n", "3"], "unrecognized arguments: --iter_n"),
        (["in.png", "out.png", LAYER, "ten"], "ITERATIONS: 'ten' is not a whole number"),
        (["in.png", "out.png", LAYER, "10", "1.5"], "OCTAVES: '1.5' is not a whole number"),
        (["in.png", "out.png", LAYER, "10", "4", "1,4"], "SCALE: '1,4' is not a number"),
        (["in.png", "out.png", "--seed", "x"], "--seed: 'x' is not a whole number"),
        (["in.png", "out.png", "--step"], "--step: expected one argument"),
        (["in.png", "out.png", "--engine", "theano"], "engine must be one of auto, caffe, torch, not 'theano'"),
        (["in.png", "out.png", LAYER, "-1"], "iterations must be a whole number from 0 to 1000000, not -1"),
        (["in.png", "out.png", LAYER, "1", "0"], "octaves must be a whole number from 1 to 1000, not 0"),
        (["in.png", "out.png", LAYER, "1", "2", "1"], "scale must be a number above 1 and at most 1000, not 1.0"),
        (["in.png", "out.png", "--threads", "100000"], "threads must be a whole number from 1 to 1024"),
        (
            ["in.png", "out.png", LAYER, "--layer", "conv1"],
            "layer is given twice, by position and as --layer",
        ),
        (
            ["in.png", "out.png", LAYER, "3", "--iterations", "3"],
            "iterations is given twice, by position",
        ),
        (
            ["in.png", "out.gif"],
            "out.gif is a film or an animation, and a plain dream is one picture: dreamify zoom in.png out.gif",
        ),
        (["in.png", "out"], "the format of out is not known"),
        (["in.png", "out.txt"], "the format of out.txt is not known: end its name in .png, .jpg"),
        (["-", "out.png", "--guide", "-"], "only one of picture, guide and mask can be standard input"),
        (["keys", "4c"], "unrecognized arguments: 4c"),
        (["again", "in.png", "in.png"], "OUT is missing: dreamify again out.png in.jpg new.png"),
        (["models", "list"], "invalid choice: 'list'"),
        (["models", "fetch"], "name the model to fetch: dreamify models fetch NAME"),
        (["models", "fetch", "vgg16", "vgg19"], "name the model to fetch: dreamify models fetch NAME"),
        (["models", "add", "vgg16"], "name the model and its files: dreamify models add NAME FILE..."),
        (["models", "add", "nonsense", "in.png"], "there is no model 'nonsense'"),
        (["models", "add", "vgg16", "missing.caffemodel"], "there is no file missing.caffemodel: check the path"),
        (["models", "fetch", "nonsense"], "there is no model 'nonsense'"),
        (["in.png", "out.png", "--model", "bvlc_googlenett"], "there is no model 'bvlc_googlenett', did you mean"),
        (["in.png", "out.png", "--model", "./missing"], "missing does not exist"),
        (["in.png", "out.png", "--model", "in.png/"], "in.png is a file"),
        (["in.png", "out.png", "--model", "."], "must hold exactly one"),
    ],
)
def test_wrong_use(capsys, folder, monkeypatch, args, words):
    monkeypatch.chdir(folder)
    assert words in refused(capsys, folder, args, code=2)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ["--layer", "inception_4c/outptu"],
            "there is no layer 'inception_4c/outptu' in this net: did you mean " + LAYER,
        ),
        (["--layer", "relu1"], "layer relu1 has no blob of its own name to dream on: use conv1"),
    ],
)
def test_a_layer_that_is_not_there(capsys, folder, net, args, words):
    line = refused(capsys, folder, [folder / "in.png", folder / "out.png", "--model", net, *args], 2)
    assert words in line


@pytest.mark.parametrize(
    ("device", "precision", "words"),
    [
        ("cuda:99", "float32", "there is no device cuda:99 here: use one of auto, cpu"),
        ("gpu", "float64", "there is no device gpu here: use one of auto, cpu"),
        ("mps", "float64", "mps has no float64: use --device cpu or --precision float32"),
    ],
)
def test_a_device_that_is_not_there(capsys, folder, net, device, precision, words):
    pytest.importorskip("torch")
    args = ["--engine", "torch", "--device", device, "--precision", precision, "--model", net]
    assert words in refused(capsys, folder, [folder / "in.png", folder / "out.png", *args], 2)


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        ("missing.png", "out.png", "there is no file missing.png"),
        ("cut.png", "out.png", "cut.png is damaged or truncated"),
        ("text.png", "out.png", "text.png is not a picture"),
        ("empty.png", "out.png", "empty.png is empty"),
        (".", "out.png", ". is a folder: name a picture in it"),
        ("bomb.png", "out.png", "bomb.png says that it has more than"),
        ("in.png", "missing/out.png", "the folder missing does not exist"),
        ("in.png", "text.png/out.png", "the folder text.png does not exist"),
    ],
)
@pytest.mark.parametrize("as_guide", [False, True])
def test_pictures_and_folders(capsys, folder, net, monkeypatch, source, target, words, as_guide):
    monkeypatch.chdir(folder)
    whole = Path(tiny_picture(folder / "whole.png")).read_bytes()
    Path("cut.png").write_bytes(whole[: len(whole) // 2])
    Path("text.png").write_text("no picture")
    Path("empty.png").touch()
    Path("bomb.png").write_bytes(b"P6 30000 30000 255\n")
    pictures = ["in.png", target, "--guide", source] if as_guide else [source, target]
    assert words in refused(capsys, folder, [*pictures, "--model", net, "--frames", "frames"])


def test_a_read_only_folder(capsys, net):
    if not hasattr(os, "geteuid"):
        pytest.skip("permissions work differently here")
    root = os.geteuid() == 0  # for whom permissions do not count
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to other users
    try:
        source = tiny_picture(folder / "in.png")
        (folder / "out.png").write_bytes(SENTINEL)
        (folder / "frames").mkdir(0o555)
        folder.chmod(0o555)
        os.seteuid(65534 if root else os.geteuid())
        line = refused(capsys, folder, [source, folder / "out.png", "--model", net])
        assert "out.png cannot be written (Permission denied" in line
        line = refused(capsys, folder, [source, "-", "--model", net, "--frames", folder / "frames"])
        assert "octave01-iteration0001.png cannot be written (Permission denied" in line
    finally:
        os.seteuid(0 if root else os.geteuid())
        folder.chmod(0o755)
        (folder / "frames").chmod(0o755)
        shutil.rmtree(folder)


def damaged(net, folder, how):
    """A copy of the net with something wrong about it."""
    shutil.copytree(net, folder)
    weights, prototxt = next(folder.glob("*.caffemodel")), folder / "deploy.prototxt"
    text, data = prototxt.read_text(), weights.read_bytes()
    if how == "cut":
        weights.write_bytes(data[: len(data) // 2])
    elif how == "no protobuf":
        weights.write_bytes(b"<html>404 Not Found</html>")
    elif how == "empty":
        weights.write_bytes(b"")
    elif how == "of another net":
        prototxt.write_text(text.replace("kernel_size: 5", "kernel_size: 3"))
    elif how == "unsupported":
        prototxt.write_text(text.replace('"ReLU"', '"Cubic"'))
    elif how == "no text":
        prototxt.write_bytes(data)
    elif how == "no input":
        prototxt.write_text(layer("conv1", "Convolution", "data"))
    elif how == "twice":
        (folder / "second.caffemodel").write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("how", "code", "words"),
    [
        ("cut", 1, "is damaged"),
        ("no protobuf", 1, "is a web page and not the file itself"),
        ("empty", 1, "holds no weights"),
        (
            "of another net",
            1,
            "layer inception_4c/output needs 6x4x3x3 and 6, but net.caffemodel has 6x4x5x5",
        ),
        ("unsupported", 1, "layer relu1 is of type Cubic, which is not supported"),
        ("no text", 1, "is not a Caffe net in text form"),
        ("no input", 1, "declares no input"),
        ("twice", 2, "must hold exactly one *.caffemodel but holds net.caffemodel, second.caffemodel"),
    ],
)
def test_models_that_are_not_right(capsys, folder, net, tmp_path_factory, how, code, words):
    model = damaged(net, tmp_path_factory.mktemp("model") / "tiny", how)
    assert words in refused(capsys, folder, [folder / "in.png", folder / "out.png", "--model", model], code)


def test_a_real_process_ends_with_the_code_and_no_traceback(folder):
    process = command("missing.png", "out.png", cwd=folder)
    assert process.communicate(timeout=60) == (b"", b"dreamify: there is no file missing.png: check the path\n")
    assert process.returncode == 1


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "interrupted, nothing written"),
        (MemoryError(), 1, "memory has run out"),
    ],
)
def test_what_python_raises_by_itself(capsys, folder, monkeypatch, error, code, words):
    def fail(_args):
        raise error

    monkeypatch.setattr(info, "run", fail)
    assert words in refused(capsys, folder, ["info", "x.png"], code)
