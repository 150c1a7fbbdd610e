"""An atlas of a layer: every channel is what its command dreams, on a page that needs nothing else, and on a sheet."""

import html
import io
import re
import shlex
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepdream.caffe_format.topology import read_topology
from deepdream.cli import main
from deepdream.cli.recipe_command import recipe_in
from deepdream.modelzoo.caffemodel import net_parameter
from deepdream.tasks import atlas_page
from tests.helpers.nets import input_layer, layer, random_weights, write_prototxt
from tests.helpers.tiny import dream_of_old, refused, tiny_net, tiny_picture

LAYER = "inception_4c/output"
SHORT = ["--from", "noise:24x20", "--iterations", "2", "--octaves", "1", "--jitter", "2"]


@pytest.fixture
def atlas(folder, net, own_cache):
    """Makes an atlas; returns the exit code."""
    return lambda *args, model=net: main(["atlas", *SHORT, "--model", model, *args])


def tiles(page):
    """{channel: (its picture, its command)} of a page."""
    found = re.findall(r'id="c(\d+)"><summary><img src="data:image/webp;base64,([^"]+)".*?<code>([^<]+)</code>', page)
    return {int(c): (np.array(Image.open(io.BytesIO(b64decode(d)))), html.unescape(line)) for c, d, line in found}


def typed(command, net, out):
    """The words of a command, with names for those in capitals."""
    program, *words = shlex.split(command)
    assert program == "dreamify"
    names = {"OUT.png": out, "OUT.html": out, "MODEL": net, "IN": "in.png"}
    return [names.get(word, word) for word in words]


def holds(whole, part):
    """Whether a picture holds another one, at any place."""
    h, w = part.shape[:2]
    places = np.argwhere((whole == part[0, 0]).all(-1))
    return any(np.array_equal(whole[y : y + h, x : x + w], part) for y, x in places)


def test_each_channel_is_what_its_command_dreams(atlas, net, capsys):
    assert atlas("4c", "atlas.html", "atlas.png") == 0
    said = capsys.readouterr().err
    assert f"4c stands for {LAYER}" in said
    assert f"6 channels of {LAYER}, at 24x20\n" in said
    page, sheet = tiles(Path("atlas.html").read_text(encoding="utf-8")), np.array(Image.open("atlas.png"))
    assert sorted(page) == list(range(6))
    for number in (0, 5):
        shown, command = page[number]
        assert f"--channel {LAYER}:{number}" in command
        assert main(typed(command, net, "alone.png")) == 0
        alone = np.array(Image.open("alone.png"))
        assert holds(sheet, alone)
        stored = io.BytesIO()  # on the page it is lossy
        Image.fromarray(alone).save(stored, "WEBP", quality=88, method=4)
        assert np.array_equal(shown, np.array(Image.open(stored)))
    assert not np.array_equal(page[0][0], page[5][0])


def test_the_page_needs_nothing_else(atlas):
    assert atlas(LAYER, "atlas.html") == 0
    page = Path("atlas.html").read_text(encoding="utf-8")
    assert not re.search(r"<script|https?:|src=\"(?!data:)|href=", page)


def test_what_is_done_is_not_dreamt_again(atlas, capsys):
    assert atlas(LAYER, "atlas.html", "--channels", "2-4,0") == 0
    assert f"4 channels of {LAYER}, at 24x20\n" in capsys.readouterr().err
    assert atlas(LAYER, "atlas.png") == 0
    assert f"6 channels of {LAYER}, at 24x20, 4 of them already done" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["png", "html"])
def test_its_command_makes_the_same_file(atlas, net, capsys, ending):
    name, new = f"atlas.{ending}", f"again.{ending}"
    assert atlas("4c", name, "--channels", "1-2,5", "--blur", "0") == 0
    recipe = recipe_in(name)
    assert (recipe["atlas_layer"], recipe["atlas_channels"]) == (LAYER, "1-2,5")
    capsys.readouterr()
    assert main(["info", name]) == 0
    *_, command = capsys.readouterr().out.splitlines()
    assert main(typed(command, net, new)) == 0
    assert Path(new).read_bytes() == Path(name).read_bytes()
    assert main(["again", name, "in.png", "new.png", "--model", net]) == 1
    assert "that recipe is of an atlas" in capsys.readouterr().err


def test_pages_without_a_recipe(folder, capsys):
    for text in ("<html></html>", '<meta name="dreamify" content="{&quot;dreamify&quot;: [" />', "\xff"):
        (folder / "other.html").write_bytes(text.encode("latin-1"))
        assert main(["info", "other.html"]) == 1
        assert "recipe" in capsys.readouterr().err
        assert not atlas_page.is_one("other.html")


def test_a_name_that_is_neither_a_page_nor_a_picture(atlas, capsys):
    assert atlas(LAYER, "atlas") == 2
    assert "; or in .html for a page" in capsys.readouterr().err


def test_a_picture_to_start_from(atlas, folder):
    tiny_picture(folder / "clear.png", 40, 28, "RGBA")
    assert atlas(LAYER, "atlas.html", "atlas.png", "--from", "clear.png", "--channels", "0") == 0
    shown, command = tiles(Path("atlas.html").read_text(encoding="utf-8"))[0]
    assert shown.shape == (28, 40, 4)
    assert " IN OUT.png " in command
    assert Image.open("atlas.png").mode == "RGBA"


def test_workers_dream_the_same(atlas, here):
    assert atlas(LAYER, "alone.png", "--threads", "1") == 0
    assert atlas(LAYER, "by-workers.png", "--workers", "2", "--step", "4.0") == 0
    assert Path("alone.png").read_bytes() == Path("by-workers.png").read_bytes()


@pytest.mark.parametrize("name", ["atlas.html", "atlas.png"])
def test_only_an_atlas_or_a_dream_is_replaced(atlas, folder, net, capsys, name):
    for there in (b"the user's own", dream_of_old()):
        Path(name).write_bytes(there)
        if there.startswith(b"the"):
            line = refused(capsys, folder, ["atlas", LAYER, name, *SHORT, "--model", net], 2)
            assert f"{name} exists and is not a dream: choose another OUT, or replace it with --force" in line
            assert atlas(LAYER, name, "--force") == 0
        else:
            assert atlas(LAYER, name) == 0
    assert atlas(LAYER, name, "--channels", "0") == 0


def silent_net(folder):
    """A net of which two channels of four read a layer that is zero for every picture."""
    text = input_layer((1, 3, 32, 32))
    for name, bottom in (("alive", "data"), ("dark", "data"), ("below", "dark")):
        text += layer(name, "Convolution", bottom, param="convolution_param { num_output: 2 kernel_size: 3 pad: 1 }")
        text += layer(f"relu_{name}", "ReLU", name, name)
    text += 'layer { name: "both" type: "Concat" bottom: "alive" bottom: "below" top: "both" }\n'
    folder.mkdir()
    topology = read_topology(write_prototxt(folder, text))
    weights = random_weights(topology)
    weights["dark"][1][:] = -1e6
    (folder / "net.caffemodel").write_bytes(net_parameter(weights).SerializeToString())
    return str(folder)


def test_channels_that_nothing_reaches_stay_grey_and_are_told(atlas, folder, capsys):
    model = silent_net(folder / "silent")
    assert atlas("both", "atlas.html", "atlas.png", model=model) == 0
    assert "2 of 4 channels are left grey (the gradient is zero on this picture): 2, 3" in capsys.readouterr().err
    page = Path("atlas.html").read_text(encoding="utf-8")
    assert sorted(tiles(page)) == [0, 1]
    assert "2 of them stay grey" in page
    assert page.count("the gradient is zero") == 2
    assert atlas("below", "no.html", model=model) == 1
    assert "dreamify: all dreams failed (the gradient is zero" in capsys.readouterr().err
    assert not Path("no.html").exists()


def test_names_are_no_markup(atlas, folder):
    name = "<img/src=x>&"
    text = input_layer((1, 3, 32, 32))
    text += layer(name, "Convolution", "data", param="convolution_param { num_output: 1 kernel_size: 3 }")
    assert atlas(name, "atlas.html", model=tiny_net(folder / "odd", text)) == 0
    page = Path("atlas.html").read_text(encoding="utf-8")
    assert "<img/src" not in page
    assert html.escape(name) in page


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere", "a.html"], "there is no layer 'nowhere' in this net"),
        (["data", "a.html"], "data"),
        ([LAYER, "a.html", "--channels", "6"], "there is no channel 6: the layer has channels 0 to 5"),
        ([LAYER, "a.html", "--channels", "3-1"], "channels must be numbers and ranges, such as 0-63,100, not '3-1'"),
        ([LAYER, "a.html", "--channels", ""], "channels must be numbers and ranges, such as 0-63,100, not ''"),
        ([LAYER, "a.html", "--channels", "0-999999999"], "there is no channel 999999999"),
        ([LAYER, "a.html", "./a.html"], "a.html and ./a.html are one file: name two"),
        ([LAYER, "-", "-"], "- and - are one file: name two"),
        ([LAYER, "a.doc"], "a.doc"),
        ([LAYER, "in.png", "--from", "in.png"], "in.png is an input, which is never overwritten"),
        ([LAYER, "a.html", "--from", "noise:4x4"], "4x4"),
    ],
)
def test_what_is_refused(folder, net, capsys, args, words):
    code = 1 if args[-1] == "noise:4x4" else 2
    assert words in refused(capsys, folder, ["atlas", *args, "--model", net], code)
