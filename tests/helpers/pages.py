"""The project's pages: where they are, their links and anchors, and the commands in them."""

import re

from tests.helpers.tiny import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "models").glob("*/readme.md")])
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
_LINK = re.compile(r"\]\(([^()\s]+)\)|(?:src|href)=\"([^\"]+)\"")


def read(path):
    """A page's text, without its front matter."""
    return re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.S)


def blocks(path, language):
    """The text of a page's fenced blocks in a language."""
    return [text for name, text in _FENCED.findall(read(path)) if name == language]


def prose(path):
    """A page without its blocks of code and its words of code."""
    text = re.sub(r"^(    .*|\t.*)$", "", _FENCED.sub("", read(path)), flags=re.M)
    return re.sub(r"`[^`\n]+`", "code", text)


def links(path):
    """The targets of a page's links and pictures, in order."""
    return ["".join(groups) for groups in _LINK.findall(prose(path))]


def anchors(path):
    """The names of a page's headings, as GitHub makes them."""
    text = _FENCED.sub("", read(path))
    titles = re.findall(r"^#+ +(.+?) *$", text, re.M)
    slugs = [re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).lower()).replace(" ", "-") for title in titles]
    assert len(set(slugs)) == len(slugs), f"two headings of {path.name} have the same name"
    return slugs


def commands(path):
    """The lines that a page has a person type: those of its sh blocks and of its indented blocks, without comments."""
    indented = re.findall(r"^    ((?:python |sudo )?\S.*)$", _FENCED.sub("", read(path)), re.M)
    lines = [line for block in blocks(path, "sh") for line in block.splitlines()] + indented
    return [re.sub(r" +# .*", "", line).strip() for line in lines if line.strip() and not line.startswith("#")]
