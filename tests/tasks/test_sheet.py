"""A sheet is of true dreams, and dreams none of them twice."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.cli import main
from deepdream.images import picture
from deepdream.tasks.sheet_cache import Cells
from tests.helpers.nets import layer
from tests.helpers.tiny import TEXT, command, refused, snapshot, tiny_net, tiny_picture
from tests.pipeline.test_memory import WIDE
from tests.tasks.test_sheet_picture import place

LAYER = "inception_4c/output"
SHORT = ["--iterations", "2", "--octaves", "2"]
pytestmark = pytest.mark.usefixtures("one_thread", "own_cache")


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.mark.parametrize(
    ("source", "axes", "more"),
    [
        ("in.png", ["--layers conv1,inception_4c/output", "--iterations 1,3"], ["--octaves", "2"]),
        ("in.png", ["--layers pool1,conv1", "--seeds 3,4"], [*SHORT, "--guide", "guide.png"]),
        ("in.png", ["--iterations 1,2", "--octaves 1,2"], ["--mask", "mask.png", "--tv", "0.1"]),
        ("in.png", ["--iterations 0,3,1"], ["--octaves", "1", "--no-clip", "--step", "9"]),
        ("in.png", ["--iterations 0,1"], ["--octaves", "2"]),
        ("in.png", ["--octaves 1,2,3"], ["--iterations", "2", "--no-clip", "--step", "9", "--jitter", "3"]),
        ("in.png", ["--scale 1.2,1.5"], [*SHORT, "--channel", "conv1:1"]),
        ("noise:30x20", ["--scale 1.2,1.5", "--seeds 1,2"], SHORT),
        ("rgba.png", ["--seeds 1,2"], [*SHORT, "--max-size", "20"]),
    ],
)
def test_every_dream_is_what_it_would_be_alone(folder, net, source, axes, more):
    tiny_picture(folder / "rgba.png", 60, 40, mode="RGBA")
    Image.fromarray(np.uint8(np.indices((28, 40)).sum(0) * 3)).save("mask.png")
    words = [word for axis in axes for word in axis.split()]
    assert main(["sheet", source, "out.png", "--model", net, *more, *words]) == 0
    options = [option.replace("--layers", "--layer").replace("--seeds", "--seed") for option in words[::2]]
    found = []
    for values in itertools.product(*(values.split(",") for values in words[1::2])):
        own = [word for pair in zip(options, values) for word in pair]
        seed = [] if "--seed" in own else ["--seed", "0"]
        assert main([source, "plain.png", "--model", net, *more, *own, *seed]) == 0
        found.append(place(pixels("out.png"), pixels("plain.png")))
        assert Cells().find(picture.read_recipe("plain.png"), pixels("plain.png").shape[:2]) is not None
    assert len(set(found)) == len(found)
    assert found == sorted(found)


def test_a_class_too(folder):
    """Whose net is another one, which takes pictures of any size."""
    net = tiny_net(folder / "classes", TEXT + layer("prob", "Softmax", "fc"))
    tiny_picture(folder / "in.png", 60, 50)
    more = ["--class", "1", "--iterations", "2", "--model", net, "--octaves"]
    assert main(["sheet", "in.png", "out.png", *more, "1,2"]) == 0
    for octaves in "12":
        assert main(["in.png", "plain.png", *more, octaves, "--seed", "0"]) == 0
        place(pixels("out.png"), pixels("plain.png"))


def test_each_dream_keeps_to_the_memory_that_it_may_take(folder, capsys):
    """One in tiles does not bind the next."""
    pytest.importorskip("torch")
    tiny_picture(folder / "in.png", 700, 500)
    narrow = layer("narrow", "Pooling", "data", param="pooling_param { pool: MAX kernel_size: 4 stride: 4 }")
    model = tiny_net(folder / "wide", WIDE + narrow)
    more = ["--iterations", "1", "--octaves", "1", "--model", model, "--engine", "torch", "--memory", "470M"]
    assert main(["sheet", "in.png", "out.png", "--layers", f"{LAYER},narrow", *more]) == 0
    for name, bound in ((LAYER, 470 * 2**20), ("narrow", None)):
        assert main(["in.png", "plain.png", name, "--seed", "0", *more]) == 0
        recipe = picture.read_recipe("plain.png")
        assert recipe.get("memory") == bound
        assert (Cells().find(recipe, (500, 700)) == pixels("plain.png")).all()


def test_on_one_octave_all_iterations_are_one_dream(folder, net, sheeted, steps):
    assert sheeted("out.png", "--iterations", "5,20,0,10", "--octaves", "1") == 0
    assert steps == [(0, iteration) for iteration in range(20)]
    assert sheeted("more.png", "--iterations", "5,10,20", "--octaves", "1,2", "--seeds", "0") == 0
    assert len(steps) == 20 + 2 * (5 + 10 + 20)
    assert sheeted("scales.png", "--iterations", "4", "--octaves", "1", "--scale", "1.3,1.4,1.5") == 0
    assert len(steps) == 20 + 2 * (5 + 10 + 20) + 4


def test_no_dream_is_dreamt_twice(folder, sheeted, steps):
    """Whatever the sheet that it is in, and whatever that is written as."""
    args = ["--octaves", "2", "--layers", f"conv1,{LAYER}", "--iterations"]
    assert sheeted("out.png", *args, "1,2") == 0
    assert len(steps) == 2 * 2 * (1 + 2)
    del steps[:]
    for out in ("again.png", "out.gif", "out.jpg"):
        assert sheeted(out, *args, "2,1") == 0
    assert steps == []
    assert sheeted("more.png", *args, "1,2,3") == 0
    assert len(steps) == 2 * 2 * 3


def test_other_dreams_are_not_taken_for_these(folder, sheeted, steps, tmp_path_factory):
    args = ["--octaves", "1", "--iterations", "1,2"]
    assert sheeted("out.png", *args) == 0
    for more in (["--seeds", "1"], ["--step", "2"], ["--guide", "guide.png"], ["--mask", "in.png"], ["--tv", "1"]):
        del steps[:]
        assert sheeted("out.png", *args, *more) == 0
        assert len(steps) == 2
    del steps[:]
    assert sheeted("out.png", *args, "--model", tiny_net(tmp_path_factory.mktemp("other") / "tiny", seed=1)) == 0
    assert len(steps) == 2
    tiny_picture(folder / "in.png", 40, 30)
    assert sheeted("out.png", *args) == 0
    assert len(steps) == 4


def test_a_damaged_dream_is_dreamt_again(folder, sheeted, steps):
    assert sheeted("out.png", *SHORT, "--seeds", "1,2,3") == 0
    kept = sorted(Cells().folder.iterdir())
    assert len(kept) == 3
    kept[1].write_bytes(kept[1].read_bytes()[:-40])
    del steps[:]
    assert sheeted("again.png", *SHORT, "--seeds", "1,2,3") == 0
    assert len(steps) == 4
    assert Path("again.png").read_bytes() == Path("out.png").read_bytes()


def test_a_cache_that_cannot_be_written_is_said_once(folder, sheeted, steps, capsys, own_cache):
    own_cache.mkdir(parents=True)
    (own_cache / "cells").write_text("mine")
    for _ in range(2):
        capsys.readouterr()
        assert sheeted("out.png", *SHORT, "--seeds", "1,2,3") == 0
        said = [line for line in capsys.readouterr().err.splitlines() if "cells" in line]
        assert len(said) == 1
        assert re.fullmatch(
            "dreamify: the dreams are not saved for later sheets: .* cannot be used .*File exists.*", said[0]
        )
    assert len(steps) == 2 * 3 * 4


def test_every_layer(folder, sheeted, capsys):
    """That the picture is large enough for; fc fits another size only."""
    assert sheeted("out.png", *SHORT, "--layers", "all") == 0
    said = capsys.readouterr().err
    assert "left out, because the picture is too small for them: fc\n" in said
    assert f"dreamify: 3 dreams of 40x28: layer conv1, pool1, {LAYER}\n" in said
    assert picture.read_recipe("out.png")["sheet_layer"] == ["conv1", "pool1", LAYER]
    assert sheeted("out.png", "--layers", "all", "--octaves", "1,4") == 0
    assert picture.read_recipe("out.png")["sheet_layer"] == ["conv1", "pool1", LAYER]
    tiny_picture(folder / "guide.png", 8, 8)
    assert sheeted("out.png", *SHORT, "--layers", "all", "--guide", "guide.png") == 0
    assert picture.read_recipe("out.png")["sheet_layer"] == ["conv1", "pool1"]


def test_an_animation_has_a_frame_for_each(folder, sheeted):
    args = ["--layers", f"conv1,{LAYER}", "--octaves", "1,2", "--iterations", "3"]
    assert sheeted("out.gif", *args) == 0
    assert sheeted("out.png", *args) == 0
    image = Image.open("out.gif")
    assert image.n_frames == 4
    assert image.info["loop"] == 0
    titles = set()
    for number in range(4):
        image.seek(number)
        assert image.info["duration"] == 1000
        frame = np.asarray(image.convert("RGB"))
        assert frame.shape[0] > 28
        titles.add(frame[28:].tobytes())
    assert len(titles) == 4
    assert picture.read_recipe("out.gif") == picture.read_recipe("out.png")


def test_the_recipe_says_what_differs_and_what_does_not(folder, net, sheeted, capsys):
    args = ["--layers", f"conv1,{LAYER}", "--iterations", "1,2", "--octaves", "2", "--guide", "guide.png"]
    assert sheeted("out.png", *args) == 0
    assert "dreamify: tiny, seed 0\n" in capsys.readouterr().err
    assert main(["in.png", "plain.png", "conv1", "1", "2", "--seed", "0", "--guide", "guide.png", "--model", net]) == 0
    wanted = picture.read_recipe("plain.png")
    del wanted["layer"], wanted["iterations"]
    assert picture.read_recipe("out.png") == {**wanted, "sheet_layer": ["conv1", LAYER], "sheet_iterations": [1, 2]}
    assert main(["info", "out.png"]) == 0
    assert re.search(r"^sheet_iterations +\[1, 2\]$", capsys.readouterr().out, re.MULTILINE)
    line = refused(capsys, folder, ["again", "out.png", "in.png", "new.png", "--model", net])
    assert "of a sheet, which cannot be repeated" in line
    assert line.endswith(": use dreamify sheet")


def test_noise_of_several_seeds_has_no_one_checksum(folder, net):
    assert main(["sheet", "noise:30x20", "out.png", *SHORT, "--seeds", "1,2", "--model", net]) == 0
    recipe = picture.read_recipe("out.png")
    assert "seed" not in recipe
    assert "input_sha256" not in recipe
    assert recipe["sheet_seed"] == [1, 2]


@pytest.mark.parametrize("out", ["out.png", "out.gif"])
def test_a_dream_that_fails_does_not_cost_the_others(folder, steps, capsys, out):
    dead = layer("dead", "Power", "conv1", param="power_param { scale: 0 }")
    net = tiny_net(folder / "deadly", TEXT.replace(layer_of("pool1"), dead + layer_of("pool1")))
    args = ["--octaves", "1", "--iterations", "1,2", "--model", net]
    assert main(["sheet", "in.png", out, "--layers", "conv1,dead,pool1", *args]) == 0
    said = capsys.readouterr().err
    assert said.count("is left grey: the gradient is zero on this picture\n") == 2
    assert "dead, 2 iterations is left grey" in said
    assert len(list(Cells().folder.iterdir())) == 4
    assert len(steps) == 4
    line = refused_all(capsys, folder, ["sheet", "in.png", "new.png", "--layers", "dead", *args])
    assert line.endswith("all dreams failed (the gradient is zero on this picture): try other layers or a smaller step")


def layer_of(name):
    return next(line + "\n" for line in TEXT.splitlines() if line.startswith(f'layer {{ name: "{name}"'))


def refused_all(capsys, folder, args):
    before = snapshot(folder)
    capsys.readouterr()
    assert main(args) == 1
    assert snapshot(folder) == before
    return capsys.readouterr().err.splitlines()[-1]


def test_standard_input_and_output(folder, net, own_cache):
    with (folder / "in.png").open("rb") as file:
        process = command("sheet", "-", "-", *SHORT, "--seeds", "1,2", "--threads", "1", "--model", net, stdin=file)
        data, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    Path("out.png").write_bytes(data)
    assert picture.read_recipe("out.png")["sheet_seed"] == [1, 2]
