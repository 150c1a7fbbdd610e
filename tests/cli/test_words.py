"""Words in the wrong place: each is answered with what to type, and a word that is a file is always that file."""

# ruff: noqa: RUF001  # dashes and quotation marks of typography

import shlex
from pathlib import Path

import pytest

from deepdream.cli import main, words
from deepdream.cli.main import VERBS, parser_of
from tests.helpers.tiny import refused, tiny_picture

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def folder(folder):
    tiny_picture(folder / "two words.png")
    tiny_picture(folder / "in.jpg")
    tiny_picture(folder / "-x.png")
    return folder


def test_nothing_typed_is_answered_with_three_examples_that_work(capsys, folder):
    assert main([]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "usage: dreamify IN [OUT]" in printed.err
    examples = [line.split("  ")[1] for line in printed.err.splitlines() if line.startswith("  dreamify ")]
    assert len(examples) == 3
    for example in [*examples, *words.EXAMPLES.values()]:
        _, *typed = shlex.split(example)
        verb = typed[0] if typed[0] in VERBS else "dream"
        parser_of(verb).parse_intermixed_args(typed[verb != "dream" :])


def test_help_is_the_same_as_the_option(capsys):
    for verb in ([], *([verb] for verb in VERBS)):
        assert main(["help", *verb]) == 0
        told = capsys.readouterr().out
        with pytest.raises(SystemExit, match="0"):
            main([*verb, "--help"])
        assert capsys.readouterr().out == told
    assert main(["help", "help"]) == 0


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["layers"], "there is no verb and no file layers: did you mean dreamify keys (list the layers to dream on)?"),
        (["layers", "--model", "vgg16"], "did you mean dreamify keys"),
        (["list"], "did you mean dreamify keys (list the layers to dream on) or dreamify models (list"),
        (["film", "in.mp4", "out.mp4"], "did you mean dreamify video"),
        (["movie"], "did you mean dreamify video"),
        (["vidoe", "in.mp4", "out.mp4"], "did you mean dreamify video"),
        (["Zoom", "in.png", "out"], "did you mean dreamify zoom"),
        (["version"], "did you mean dreamify --version?"),
        (["nosuch"], "there is no verb and no file nosuch: dreamify help lists the verbs"),
        (["help", "nosuch"], "there is no verb 'nosuch' to explain: dreamify help lists them"),
        (["help", "film"], "did you mean dreamify video"),
        (["help", "zoom", "video"], "help explains one verb"),
        (["zoom", "help"], "help comes first: dreamify help zoom"),
        (["in.png", "help"], "help stands alone or before a verb"),
        (["in.png", "zoom", "out.mp4"], "zoom is a verb, which comes first: dreamify zoom in.png out.mp4"),
        (
            ["two words.png", "zoom", "out", "--rate=1"],
            "comes first: dreamify zoom 'two words.png' out --rate=1",
        ),
        (["--force", "zoom", "in.png", "out"], "zoom is a verb, which comes first: dreamify zoom --force in.png out"),
        (["--model", "vgg16", "keys"], "keys is a verb, which comes first: dreamify keys --model vgg16"),
        (["zoom"], "IN, OUT are missing: dreamify zoom in.jpg zoom.gif (see dreamify zoom --help)"),
        (["zoom", "in.png"], "OUT is missing: dreamify zoom in.jpg zoom.gif"),
        (["video", "in.mp4"], "OUT is missing: dreamify video in.mp4 out.mp4"),
        (["sheet", "in.png"], "OUT is missing: dreamify sheet in.jpg sheet.png --layers all"),
        (["batch", "photos"], "missing: dreamify batch photos/ dreams/"),
        (["in.png", "out.png", "--rate", "1"], "--rate is an option of dreamify zoom"),
        (["zoom", "in.png", "out", "--blend", "1"], "--blend is an option of dreamify video"),
        (
            ["keys", "--layer=x"],
            "--layer is an option of a plain dream, dreamify zoom, dreamify video and dreamify batch",
        ),
        (["in.png", "out.png", "--itterations", "1"], "unrecognized arguments: --itterations 1: did you mean --iter"),
        (
            ["in.png", "out.png", "–seed", "1"],
            "–seed begins with a dash of typography, not of the keyboard: type --seed",
        ),
        (["in.png", "out.png", "—iter=1"], "type --iter=1"),
        (["in.png", "out.png", "-–seed", "1"], "type --seed"),
        (["–help"], "type --help"),
        (["in.png", "–"], "type -"),
        (["“in.png”", "out.png"], "“in.png” has quotation marks of typography, which quote nothing in a shell"),
        (["“two", "words.png”", "out.png"], "“two has quotation marks"),
        (["in.png", "out.png", "--guide=“two", "words.png”"], "has quotation marks"),
        (["in.png", "4c"], "4c is a layer, where OUT should be: dreamify in.png out.png 4c"),
        (["in.png", "block3/output"], "is a layer, where OUT should be"),
        (["in.png", "20"], "20 stands where OUT should be: steps are given as --iterations 20"),
        (["in.png", "4c", "out.png"], "LAYER comes after OUT: dreamify in.png out.png 4c"),
        (["in.png", "no/"], "there is no folder no/: make it first, or name a file"),
        (
            ["--layer", "in.png", "4c"],
            "in.png is a picture, where a layer should be: dreamify in.png out.png --layer 4c",
        ),
        (["--layer", "in.png", "4c", "new.png"], "dreamify in.png new.png --layer 4c"),
        (["in.png", "in.jpg", "two words.png"], "dreamify batch in.png in.jpg 'two words.png' dreams"),
        (["in.png", "new.png", "--layer", "in.jpg"], "in.jpg is a picture, where LAYER should be: dreamify keys lists"),
        (
            ["batch", "in.png", "in.jpg"],
            "in.jpg is a file, where OUTDIR should be: dreamify batch in.png in.jpg dreams",
        ),
        (["zoom", "in.png", "out", "4c"], "unrecognized arguments: 4c: a layer is given as --layer 4c"),
        (["in.png", "-o", "out.png"], "unrecognized arguments: -o out.png: options have long names"),
        (["models", "list"], "dreamify models lists them, and dreamify models fetch NAME downloads one"),
        (["", "out.png"], "IN is empty: name a file"),
        ([""], "IN is empty: name a file"),
        (["in.png", ""], "OUT is empty: name a file"),
        (["-x.png", "out.png"], "-x.png begins with a dash, as options do: type ./-x.png"),
        (["--", "-x.png", "out.png"], "type ./-x.png"),
        (["in.mp4"], "in.mp4 is a film: dreamify video in.mp4 out.mp4"),
        (["in.mp4", "film.gif"], "in.mp4 is a film: dreamify video in.mp4 film.gif"),
        (["in.png", "out.webm"], "a plain dream is one picture: dreamify zoom in.png out.webm"),
    ],
)
def test_what_was_meant_is_told(capsys, folder, args, words):
    assert words in refused(capsys, folder, args, 2)


def test_two_pictures_of_a_pattern_stay_as_they_are(capsys, folder):
    assert "is not a dream: choose another OUT" in refused(capsys, folder, ["in.jpg", "in.png"], 2)


@pytest.mark.parametrize("name", ["layers", "film", "keyss", "help", "–seed", "“odd”"])
def test_a_file_is_never_taken_for_a_mistake(folder, net, name):
    Path("in.png").rename(name)
    assert main([name, "out.png", "--iterations", "1", "--model", net]) == 0
    assert Path("out.png").exists()


def test_a_folder_that_is_called_as_a_verb_is_a_folder(folder, net, capsys):
    for name in ("keys", "layers"):
        Path(name).mkdir()
    assert main(["in.png", "keys", "--iterations", "1", "--model", net]) == 0
    assert Path("keys/in.png").exists()
    assert main(["keys", "--model", net]) == 0  # the verb, as ever
    assert "layers is a folder: name a picture in it" in refused(capsys, folder, ["layers"], 2)


def test_names_that_only_look_odd_are_left_alone(folder, net):
    for name in ("rock’n’roll’s.png", "“Starry Night” again.png", "a–b.png", "-dash.png"):
        args = ["in.png", "--iterations", "1", "--model", net, "--", name]
        assert main([*args[:-2], name] if not name.startswith("-") else [*args[:-2], f"./{name}"]) == 0
        assert Path(name).exists()
    assert main(["in.png", "out.png", "--class=no“such”", "--model", net]) == 2


@pytest.mark.parametrize("option", ["--layer", "--class", "--model", "--engine"])
def test_a_word_without_end_is_shown_short(capsys, folder, net, option):
    args = ["in.png", "out.png", option, "x" * 5000]
    assert len(refused(capsys, folder, args if option == "--model" else [*args, "--model", net], 2)) < 500
