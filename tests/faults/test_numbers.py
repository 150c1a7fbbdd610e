"""Every number that can be given, by every way in, generated from the parsers and the settings: kept or refused."""

import math
from argparse import ArgumentTypeError
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import deepdream
from deepdream import settings
from deepdream.cli import main
from deepdream.cli.main import parser_of
from deepdream.errors import UsageError
from deepdream.images import recipe
from deepdream.settings_base import Settings
from deepdream.tasks import atlas, batch, film, sheet, sheet_axes, single, zoom
from deepdream.web import server
from tests.helpers.shared import SHARED, needs_cases
from tests.helpers.tiny import refused, tiny_picture

ABSURD = ["nan", "inf", "-inf", "1e308", "-1e308", "9" * 20, "-" + "9" * 20, "1" + "0" * 400, "1" + "0" * 5000]
SMALL = ["0", "-0", "-1"]
SIZES = ["1e308T", "1" + "0" * 400 + "G", "nanG", "-1G"]
LONGEST = 300  # characters of a sentence
POSITIONALS = {
    "dream": ["in.png", "out.png"],
    "zoom": ["in.png", "out"],
    "video": ["in.mp4", "out"],
    "batch": ["in.png", "out"],
    "sheet": ["in.png", "out.png", "--seeds=1,2"],
    "atlas": ["4c", "out.html"],
    "web": [],
}
KINDS = [kind for kind in vars(settings).values() if isinstance(kind, type) and issubclass(kind, Settings)]
NUMBERS = [
    (kind, field.name)
    for kind in KINDS
    if kind is not Settings
    for field in fields(kind)
    if field.metadata["kind"] not in (str, bool)
]
IN_WORDS = {  # numbers within text: the option, and what is around them
    "--shift": ("{},0", "zoom"),
    "--rate": ("0:{}", "zoom"),
    "--layer": ("{}:conv1", "zoom"),
    "--layers": ("conv1:{}", "dream"),
    "--channel": ("conv1:{}", "dream"),
    "--class": ("{}", "dream"),
    "--channels": ("{}", "atlas"),
}


def numeric_options():
    """(verb, what is typed, with {} for the number) of every option that takes a number, as the parsers tell."""
    found = []
    for verb in POSITIONALS:
        before = list(POSITIONALS[verb])
        for action in parser_of(verb)._actions:
            if not _is_number(action.type):
                continue
            if action.option_strings:
                found.append((verb, [*POSITIONALS[verb], action.option_strings[0] + "={}"]))
            else:  # the ones before it have to be there, too
                before.append("1" if len(before) > 2 else "conv1")
                found.append((verb, [*before, "{}"]))
    return found


def _is_number(kind):
    try:
        return kind and kind("x") and False
    except ArgumentTypeError:
        return True


OPTIONS = numeric_options()


def test_the_options_are_found():
    """The generated tests would pass on none at all."""
    typed = {f"{verb} {words[-1]}" for verb, words in OPTIONS}
    assert {"dream --jitter={}", "zoom --fps={}", "video --start={}", "sheet --seeds={}", "web --port={}"} <= typed
    assert len(typed) > 70
    assert len(NUMBERS) > 25


@pytest.fixture
def asked(monkeypatch):
    """The verbs do nothing but note what they were asked for."""
    calls = []

    def note(*args):
        calls.append(args)
        return 0

    def note_sheet(request, values, workers):
        return note(sheet_axes.find_axes(request, values)[0], workers)

    for module in (single, zoom, film, atlas, batch, server):
        monkeypatch.setattr(module, "run", note)
    monkeypatch.setattr(sheet, "run", note_sheet)
    return calls


def sentence(capsys):
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("dreamify: ")
    assert len(line) <= LONGEST
    return line


@pytest.mark.parametrize(("verb", "words"), OPTIONS, ids=[f"{verb} {words[-1]}" for verb, words in OPTIONS])
def test_typed(asked, capsys, verb, words):
    argv = [] if verb == "dream" else [verb]
    for text in [*ABSURD, *SIZES, *SMALL]:
        typed = [word.format(text) for word in words]
        code = main([*argv, *typed])
        if text in SMALL and code == 0:
            assert len(asked.pop(0)) > 0
            assert capsys.readouterr().err == ""
        else:
            assert code == 2, text
            sentence(capsys)
    assert asked == []


@pytest.mark.parametrize("option", IN_WORDS)
def test_typed_within_text(folder, net, capsys, option):
    around, verb = IN_WORDS[option]
    start = POSITIONALS[verb] if verb == "dream" else [verb, *POSITIONALS[verb]]
    for text in ABSURD:
        words = [*start, f"{option}={around.format(text)}", "--seed", "1", "--model", net]
        assert len(refused(capsys, folder, words, 2)) <= LONGEST


@pytest.mark.parametrize(("kind", "name"), NUMBERS, ids=[f"{kind.__name__}.{name}" for kind, name in NUMBERS])
def test_in_python(kind, name):
    metadata = kind.__dataclass_fields__[name].metadata
    lowest = metadata["above"] if metadata["minimum"] is None else metadata["minimum"]
    absurd = [math.nan, math.inf, -math.inf, 1e308, -1e308, 10**20, -(10**20), 10**400, 10**5000, np.float64("nan")]
    for value in [*absurd, metadata["maximum"] + 1, lowest - 1, True, "1", [10**5000], np.ones((9, 9))]:
        with pytest.raises(UsageError) as caught:
            kind(**{name: value})
        assert len(str(caught.value)) <= LONGEST
    if name != "end":  # which has to come after the start
        assert getattr(kind(**{name: metadata["maximum"]}), name) == metadata["maximum"]


DREAM_NUMBERS = [(kind, name) for kind, name in NUMBERS if kind in (settings.DreamSettings, settings.ObjectiveSettings)]
REPEATED = [*DREAM_NUMBERS, (settings.NetSettings, "threads"), (settings.NetSettings, "memory")]
REPEATED += [(settings.PictureSettings, "max_size")]


@pytest.mark.parametrize(("kind", "name"), REPEATED, ids=[name for _, name in REPEATED])
def test_in_a_recipe(folder, net, capsys, kind, name):
    option = kind.__dataclass_fields__[name].metadata["option"]
    for text in [*ABSURD, "Infinity", "NaN", "[" * 300 + "]" * 300, '"5"', "true", "{}"]:
        number = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}.get(text, text)
        write_recipe("dream.png", f'{{"dreamify": {{"octaves": 1, "{option}": {number}}}}}')
        line = refused(capsys, folder, ["again", "dream.png", "in.png", "new.png", "--model", net])
        assert len(line) <= LONGEST


def write_recipe(path, text):
    chunks = PngImagePlugin.PngInfo()
    chunks.add_text(recipe.KEYWORD, text)
    Image.new("RGB", (8, 8)).save(path, pnginfo=chunks)


@pytest.mark.parametrize("number", ["1" + "0" * 30, "1" + "0" * 400, "1e308", "-1", "NaN", '"x"', "[]", "null"])
def test_in_the_recipe_of_a_zoom_that_is_there(folder, net, capsys, number):
    """Of its first frame, which is all that is in the folder."""
    Path("out").mkdir()
    write_recipe("out/0000.png", f'{{"dreamify": {{"zoom_frames": {number}}}}}')
    line = refused(capsys, folder, ["zoom", "in.png", "out", "--seed", "7", "--model", net], 2)
    assert "out holds files that are not frames of one zoom" in line
    write_recipe("out/0000.png", '{"dreamify": {"zoom_frames": 1}}')
    line = refused(capsys, folder, ["zoom", "in.png", "out", "--frames", "1", "--seed", "7", "--model", net], 2)
    assert "out is a zoom with program None, and this is one with dreamify: choose another OUT" in line


@needs_cases
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("recipe-seed-400-digits", "seed must be a whole number from 0 to 4294967295, not 1000"),
        ("recipe-jitter-10e30", "jitter must be a whole number from 0 to 1000000, not 10000000000000000000"),
    ],
)
def test_recipes_that_were_found(folder, net, capsys, name, words):
    case = SHARED / "cases" / "faults" / f"{name}.png"
    line = refused(capsys, folder, ["again", case, "in.png", "new.png", "--model", net])
    assert line.startswith(f"dreamify: the recipe cannot be repeated: {words}")
    assert main(["info", str(case)]) == 0


@pytest.mark.parametrize("name", ["iter_n", "octave_n", "octave_scale", "step_size", "jitter", "seed"])
def test_deepdream_itself(net, name):
    tiny = deepdream.load_net(net, blobs="needed")
    grey = np.full((28, 40, 3), 128, np.float32)
    for value in (math.nan, math.inf, 1e308, -(10**20), 10**400, 10**5000):
        with pytest.raises(UsageError, match="must be") as caught:
            deepdream.deepdream(tiny, grey, **{name: value})
        assert len(str(caught.value)) <= LONGEST
        if name in ("step_size", "jitter"):
            with pytest.raises(UsageError, match="must be"):
                deepdream.make_step(tiny, **{name: value})


def extremes():
    """What the settings of a dream allow at most and at least, as it is typed."""
    found = ["--scale=1.0001"]
    for kind, name in DREAM_NUMBERS:
        metadata = kind.__dataclass_fields__[name].metadata
        if name in ("iter_n", "octave_n"):  # which would take their time, or the picture
            continue
        found += [
            f"--{metadata['option']}={metadata[limit]}"
            for limit in ("minimum", "maximum")
            if metadata[limit] is not None
        ]
    found += ["--iterations=0", "--octaves=1", "--max-size=1000000", "--memory=1024T", "--threads=1", "--step=-0"]
    return [*found, "--layers=conv1:1000000,inception_4c/output:-1000000", "--layers=conv1:-0.0,pool1:1"]


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("option", extremes())
@pytest.mark.parametrize("more", [[], ["--no-clip"]])
@pytest.mark.usefixtures("one_thread")
def test_what_is_allowed_works(folder, net, option, more):
    start = [] if option.startswith("--iterations") else ["--iterations", "2"]
    octaves = [] if option.startswith("--octaves") else ["--octaves", "1" if "scale=1000" in option else "2"]
    assert main(["in.png", "out.png", *start, *octaves, "--model", net, option, *more]) == 0
    assert Image.open("out.png").size == (40, 28)


@pytest.mark.parametrize(
    "option",
    ["--rotate=360", "--rotate=-360", "--shift=1000000,-1000000", "--rate=-0.99", "--rate=0.99", "--fps=0.1"],
)
@pytest.mark.usefixtures("one_thread")
def test_what_a_zoom_allows_works(folder, zoomed, option):
    tiny_picture("in.png", 24, 20)
    assert zoomed("out", "--seed", "7", "--frames=2", "--octaves=1", option) == 0
    assert Image.open("out/0001.png").size == (24, 20)
