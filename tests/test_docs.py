"""The documentation: every link, anchor and picture is there, every page can be reached, and the README stays short."""

import re
import shlex

import pytest
from PIL import Image

from deepdream.cli.main import VERBS, parser_of
from tests.helpers import pages
from tests.helpers.tiny import ROOT

DOCS = ROOT / "docs"
NAMES = [str(path.relative_to(ROOT)) for path in pages.PAGES]


@pytest.mark.parametrize("name", NAMES)
def test_every_link_and_picture_is_there(name):
    page = ROOT / name
    for link in pages.links(page):
        if re.match(r"(https?|mailto):", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target == ROOT or ROOT in target.parents, link
        if anchor:
            assert anchor in pages.anchors(target), link
        if target.suffix in (".jpg", ".png", ".gif"):
            Image.open(target).verify()


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_is_named_is_there(name):
    named = re.findall(
        r"`((?:benchmarks|deepdream|docker|docs|examples|notebooks|tests)/[\w./*-]+)`", pages.read(ROOT / name)
    )
    for path in named:
        assert list(ROOT.glob(path)), path


def test_every_page_can_be_reached_from_the_index():
    linked = {(DOCS / link.split("#")[0]).resolve() for link in pages.links(DOCS / "index.md") if ":" not in link}
    assert set(DOCS.glob("*.md")) - {DOCS / "index.md"} <= linked
    assert "docs/index.md" in pages.links(ROOT / "README.md")


def test_every_picture_is_shown():
    shown = {(page.parent / link).resolve() for page in pages.PAGES for link in pages.links(page) if ":" not in link}
    pictures = {path for path in DOCS.rglob("*") if path.suffix in (".jpg", ".png", ".gif", ".svg")}
    assert pictures - shown == set()


def test_the_readme_is_short_and_names_every_verb():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 130
    assert re.search(r"^make dream .*\nmake test ", text, re.M)
    assert text.index("make test") < text.index("## ")
    for verb in VERBS:
        assert f"`dreamify {verb}`" in text


def test_usage_has_every_option():
    text = (DOCS / "usage.md").read_text(encoding="utf-8")
    for verb in ("dream", *VERBS):
        options = {option for action in parser_of(verb)._actions for option in action.option_strings}
        for option in options - {"-h", "--help", "--workers", "--scheduler"}:
            assert option in text, (verb, option)


@pytest.mark.parametrize("name", NAMES)
def test_every_command_of_dreamify_can_be_parsed(name):
    for line in pages.commands(ROOT / name):
        words = shlex.split(re.sub(r"[|<>].*|\[[^]]*\]", "", line.split("| ")[-1]))
        words = words[1:] if words[:1] in (["python"], ["python3"]) else words
        if words[:1] in (["dreamify"], ["dreamify.py"]) and words[1:] != ["--version"]:
            verb = words[1] if words[1] in VERBS else "dream"
            parser_of(verb).parse_intermixed_args(words[1:] if verb == "dream" else words[2:])


def test_a_dream_in_the_gallery_is_shown_under_its_own_command():
    page = DOCS / "gallery.md"
    made = {word for line in pages.commands(page) for word in shlex.split(line) if re.search(r"\.(jpg|gif)$", word)}
    shown = {link.split("/")[-1] for link in pages.links(page) if link.startswith("gallery/")}
    assert shown <= made
