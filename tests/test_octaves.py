"""Octaves that nobody typed give way to what the picture has room for, in every verb; typed ones are refused."""

import gc
import shutil
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deepdream
from deepdream.cli import main
from deepdream.errors import DreamError
from deepdream.images.picture import read_recipe
from deepdream.pipeline.prepare import NetCache
from deepdream.pipeline.request import Request, read_inputs
from deepdream.settings import DreamSettings, NetSettings
from tests.helpers.nets import layer
from tests.helpers.tiny import LEAST, TEXT, refused, snapshot, tiny_net, tiny_picture
from tests.tasks.test_sheet_picture import place

LAYER = "inception_4c/output"
FEW = ["--iterations", "1", "--seed", "7"]
TOLD = "dreamify: 2 octaves instead of 4, as a picture of 20x16 is too small for more"
VERBS = {
    "dream": ["in.png", "out.png"],
    "channel": ["in.png", "out.png", "--channel", f"{LAYER}:5"],
    "class": ["in.png", "out.png", "--class", "3"],
    "layers": ["in.png", "out.png", "--layers", f"conv1:1,{LAYER}:1"],
    "guide and mask": ["in.png", "out.png", "--guide", "guide.png", "--mask", "mask.png"],
    "noise": ["noise:20x16", "out.png"],
    "standard output": ["in.png", "-"],
    "zoom": ["zoom", "in.png", "out", "--frames", "2"],
    "video": ["video", "clip", "out"],
    "batch": ["batch", "in.png", "out", "--workers", "1"],
    "sheet": ["sheet", "in.png", "out.png", "--iterations", "1,2", "--seeds", "7"],
}
pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    """The tiny net with a classifier, which at each of its places sees 32 pixels."""
    return tiny_net(tmp_path_factory.mktemp("models") / "tiny", TEXT + layer("prob", "Softmax", "fc"))


@pytest.fixture
def small(folder):
    """Of 20x16 two octaves have the 9 pixels that the layer needs: 16, 11 and then 8."""
    tiny_picture(folder / "in.png", 20, 16)
    Image.new("L", (20, 16), 200).save("mask.png")
    (folder / "clip").mkdir()
    for number in range(2):
        tiny_picture(folder / "clip" / f"{number}.png", 20, 16)
    return folder


def told(text):
    return [line for line in text.splitlines() if "octave" in line]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("what", VERBS)
def test_what_nobody_typed_gives_way(small, net, capfdbinary, what):
    if what == "video":
        pytest.importorskip("av")
        pytest.importorskip("cv2")
    if what == "class":
        tiny_picture(small / "in.png", 60, 50)  # 50, 36 and then 26
    words = [*VERBS[what], *([] if what == "sheet" else FEW), "--model", net]
    results = {}
    for octaves in (None, "2", "4"):
        code = main([*words, *(["--octaves", octaves] if octaves else [])])
        printed = capfdbinary.readouterr()
        results[octaves] = code, made(small, printed.out), printed.err.decode()
    (code, whole, said), (code_2, whole_2, said_2), (code_4, whole_4, said_4) = results.values()
    assert (code, code_2, code_4) == (0, 0, 1)
    assert told(said) == [TOLD.replace("20x16", "60x50") if what == "class" else TOLD]
    assert told(said_2) == []
    assert whole == whole_2 != {}
    assert whole_4 == {}
    assert "at most 2 octaves work (--octaves 2)" in said_4


def made(folder, printed):
    """{name: bytes} of what a command has written, which is removed."""
    found = {"-": printed} if printed else {}
    for path in sorted(folder.glob("out*")):
        found.update({path.name: path.read_bytes()} if path.is_file() else snapshot(path))
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return found


def test_what_fits_stays_as_it_is(folder, net, capsys):
    for more in ([], ["--octaves", "4"]):
        assert main(["in.png", f"out{len(more)}.png", *FEW, *more, "--model", net]) == 0
    assert Path("out0.png").read_bytes() == Path("out2.png").read_bytes()
    assert told(capsys.readouterr().err) == []


def test_again_repeats_as_many_as_there_were(small, net):
    assert main(["in.png", "out.png", *FEW, "--model", net]) == 0
    assert read_recipe("out.png")["octaves"] == 2
    assert main(["again", "out.png", "in.png", "new.png", "--model", net]) == 0
    assert Path("new.png").read_bytes() == Path("out.png").read_bytes()


def test_a_picture_too_small_for_one_is_refused(folder, net, capsys):
    tiny_picture(folder / "in.png", LEAST - 1, 40)
    line = refused(capsys, folder, ["in.png", "out.png", "--model", net])
    assert f"a picture of 8x40 does not suit layer {LAYER}, which needs at least 9x9" in line


@pytest.mark.usefixtures("here")
def test_a_batch_tells_it_once_for_each_size(small, net, capsys):
    for name, size in {"a": (20, 16), "b": (20, 16), "c": (10, 10), "d": (90, 80)}.items():
        tiny_picture(small / f"{name}.png", *size)
    pictures = [f"{name}.png" for name in "abcd"]
    assert main(["batch", *pictures, "out", *FEW, "--workers", "1", "--model", net]) == 0
    one = "dreamify: one octave instead of 4, as a picture of 10x10 is too small for more"
    assert told(capsys.readouterr().err) == [TOLD, one]
    assert [read_recipe(f"out/{name}")["octaves"] for name in pictures] == [2, 2, 1, 4]


def test_each_dream_of_a_sheet_has_as_many_as_fit(small, net, capsys):
    """So that it is the dream that it would be alone."""
    words = ["--iterations", "1", "--model", net]
    assert main(["sheet", "in.png", "out.png", "--layers", f"conv1,{LAYER},pool1", *words]) == 0
    assert told(capsys.readouterr().err) == [f"{TOLD}: {LAYER}"]
    assert read_recipe("out.png")["octaves"] == [4, 2, 4]
    for name in ("conv1", LAYER):
        assert main(["in.png", "plain.png", name, "--seed", "0", *words]) == 0
        place(np.asarray(Image.open("out.png")), np.asarray(Image.open("plain.png")))


def test_a_sheet_of_every_layer_leaves_out_what_suits_on_no_octave(small, net, capsys):
    assert main(["sheet", "in.png", "out.png", "--layers", "all", "--iterations", "1", "--model", net]) == 0
    said = capsys.readouterr().err
    assert "left out, because the picture is too small for them: fc, prob\n" in said
    assert told(said) == [f"{TOLD}: {LAYER}"]
    assert read_recipe("out.png")["sheet_layer"] == ["conv1", "pool1", LAYER]


def test_python_keeps_its_octaves(net):
    with pytest.raises(DreamError, match="at most 2 octaves work"):
        deepdream.deepdream(deepdream.load_net(net), np.zeros((16, 20, 3), np.float32), octave_n=4)


def test_a_kept_net_keeps_nothing_of_the_dreams(small, net):
    """Neither of the first nor of those after it."""
    dream = DreamSettings(iter_n=1, octave_n=2, seed=0)
    request = Request("in.png", "out.png", dream, net=NetSettings(model=net), guide="guide.png", mask="mask.png")
    kept, pictures = NetCache(), []
    for seed in range(3):
        other = replace(request, dream=replace(dream, seed=seed))
        prepared = kept.prepare(other, read_inputs(other))
        assert len(list(prepared.steps(prepared.inputs.base.pixels))) == 2
        inputs = prepared.inputs
        pictures += [weakref.ref(image.pixels) for image in (inputs.base, inputs.guide, inputs.mask)]
        del prepared, inputs
        gc.collect()
    assert len(pictures) == 9
    assert [picture() for picture in pictures] == [None] * 9
