"""What was meant by words in the wrong place: a near miss of a verb, a typographic dash, an option of another verb.

Each of these is a sentence with the command to type. A word that is the name of a file is always taken for that file.
"""

import argparse
import difflib
import os
import re
import shlex
from typing import Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from ..errors import UsageError, shown
from .paths import FILMS, exists, extension

USAGE = """\
usage: dreamify IN [OUT] [LAYER [ITERATIONS [OCTAVES [SCALE]]]] [options]
       dreamify VERB ...

  dreamify in.jpg                             dreams in.jpg into in-dream.jpg
  dreamify in.jpg out.png --layer 3b          dreams on another layer: dreamify keys lists them
  dreamify zoom in.jpg zoom.gif --frames 20   dreams closer and closer

dreamify help lists all options and verbs, and dreamify help VERB explains a verb.
"""

EXAMPLES = {
    "dream": "dreamify in.jpg out.png",
    "keys": "dreamify keys --model squeezenet_v1.1",
    "info": "dreamify info out.png",
    "zoom": "dreamify zoom in.jpg zoom.gif",
    "video": "dreamify video in.mp4 out.mp4",
    "batch": "dreamify batch photos/ dreams/",
    "sheet": "dreamify sheet in.jpg sheet.png --layers all",
    "atlas": "dreamify atlas 4c atlas.html",
    "again": "dreamify again out.png in.jpg new.png",
    "run": "dreamify run program.py",
}

# Other words for what a verb does; typing errors are found by likeness.
_MEANT = {
    "keys": "layer layers key list-layers ls list channels",
    "info": "settings recipe show inspect metadata about",
    "zoom": "animate animation gif endless",
    "video": "film films movie movies videos clip",
    "batch": "folder many bulk all batches",
    "sheet": "grid compare contact-sheet contactsheet sheets",
    "atlas": "channels neurons units features",
    "web": "serve server gui ui browser page webui",
    "again": "repeat redo rerun resume continue finish",
    "models": "model fetch download nets networks list zoo",
    "run": "caffe pycaffe python execute exec",
    "--version": "version",
    "help": "usage commands verbs man",
}
_LONG = 100  # characters of a word that is quoted
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\uff0d"
_OPENING, _CLOSING = "\u201c\u201e\u00ab\u2018\u201a\u201d\u2019", "\u201d\u201c\u00bb\u2019\u2018"


def check_marks(words: List[str], options: Callable[[], List[str]]) -> None:
    """Raises UsageError for a dash or a quotation mark of typography where one of the keyboard was meant.

    Also for a file that looks like an option.

    options: all that there are, such as --layer.
    """
    names_only = False
    for word in words:
        if exists(word) and re.match(r"-[^-\d.]", word) and word not in options():
            raise UsageError(f"{word} begins with a dash, as options do: type {joined(['./' + word])}")
        names_only = names_only or word == "--"
        if names_only or exists(word):
            continue
        bare = word.lstrip(_DASHES)
        dashes = word[: len(word) - len(bare)]
        if dashes.strip("-"):
            name, _, value = bare.partition("=")
            meant = [option for option in options() if option.lstrip("-").startswith(name)] if name else ["-"]
            if meant:
                start = meant[0][: len(meant[0]) - len(meant[0].lstrip("-"))]
                right = joined([start + bare])
                raise UsageError(f"{word} begins with a dash of typography, not of the keyboard: type {right}")
        value = word.partition("=")[2] if word.startswith("-") else word
        if value and not exists(value) and _is_half_quoted(value):
            raise UsageError(
                f"{word} has quotation marks of typography, which quote nothing in a shell: type \" or ' instead"
            )


def _is_half_quoted(word: str) -> bool:
    """Whether quotation marks enclose a word, or part of what the shell has cut into words."""
    opens, closes = word[0] in _OPENING, word[-1] in _CLOSING
    inner = word[1:-1] if len(word) > 1 else ""
    has_other = any(mark in inner for mark in _OPENING + _CLOSING)
    return (opens and (closes or not has_other)) or (closes and not has_other and word[-1] != "\u2019")


def check_first(word: str, is_alone: bool, verbs: Dict[str, str]) -> None:
    """Raises UsageError if the first word is no file and resembles a verb. verbs: {verb: its help}."""
    if exists(word) or not re.fullmatch(r"[A-Za-z][A-Za-z_-]*", word):
        return
    name = word.lower().replace("_", "-")
    near = [verb for verb, others in _MEANT.items() if name in others.split()]
    near = near or difflib.get_close_matches(name, [*verbs, "help"], n=2, cutoff=0.7)
    if near:
        meant = " or ".join(f"dreamify {verb}" + _told(verbs.get(verb)) for verb in near)
        raise UsageError(f"there is no verb and no file {word}: did you mean {meant}?")
    if is_alone:
        raise UsageError(f"there is no verb and no file {word}: dreamify help lists the verbs")


def _told(help: Optional[str]) -> str:
    return f" ({help})" if help else ""


def check_verb_comes_first(words: List[str], parser: argparse.ArgumentParser, verbs: Dict[str, str]) -> None:
    """Raises UsageError for a verb that is not the first word. parser: of the plain dream."""
    for number in _places(words, parser):
        if words[number] in verbs and not exists(words[number]):
            if words[number] == "help":
                raise UsageError("help stands alone or before a verb: dreamify help, dreamify help zoom")
            rest = words[:number] + words[number + 1 :]
            right = joined(["dreamify", words[number], *rest])
            raise UsageError(f"{words[number]} is a verb, which comes first: {right}")


def _places(words: List[str], parser: argparse.ArgumentParser) -> Iterator[int]:
    """The numbers of the words that are neither options nor their values."""
    flags = {option for action in parser._actions if action.nargs == 0 for option in action.option_strings}
    number = 0
    while number < len(words) and words[number] != "--":
        word = words[number]
        if not word.startswith("-") or word == "-":
            yield number
        elif "=" not in word and word not in flags:
            number += 1
        number += 1


def explained(message: str, verb: str, parsers: "Callable[[], Mapping[str, argparse.ArgumentParser]]") -> str:
    """A message of argparse, with what to type instead as far as that is known. parsers: of all verbs."""
    missing = re.fullmatch("the following arguments are required: (.*)", message)
    if missing and verb in EXAMPLES:
        needed = missing.group(1)
        return f"{needed} {'are' if ',' in needed else 'is'} missing: {EXAMPLES[verb]}"
    if verb == "models" and "invalid choice" in message:
        return f"{message}: dreamify models lists them, and dreamify models fetch NAME downloads one"
    unknown = re.fullmatch("unrecognized arguments: (.*)", message)
    if not unknown:
        return message
    extra = unknown.group(1).split()
    message = (
        f"unrecognized arguments: {' '.join(word if len(word) <= _LONG else word[:_LONG] + '...' for word in extra)}"
    )
    option = next((word.split("=")[0] for word in extra if word.startswith("--")), None)
    if not option:
        if extra[0].startswith("-"):
            return f"{message}: options have long names, as in {EXAMPLES['dream']} --seed 1"
        takes_layer = verb != "dream" and "--layer" in parsers()[verb]._option_string_actions
        return f"{message}: a layer is given as --layer {extra[0]}" if takes_layer else message
    having = [other for other, parser in parsers().items() if option in parser._option_string_actions]
    if having:
        *others, last = ("a plain dream" if other == "dream" else f"dreamify {other}" for other in having)
        return f"{message}: {option} is an option of {', '.join(others) + ' and ' if others else ''}{last}"
    own = [name for name in parsers()[verb]._option_string_actions if name.startswith("--")]
    near = difflib.get_close_matches(option, own, n=2, cutoff=0.6)
    return f"{message}: did you mean {' or '.join(near)}?" if near else message


def check_places(source: str, target: Optional[str], layer: Optional[str]) -> None:
    """Raises UsageError if pictures, films and layers of a plain dream stand in each other's places."""
    films = (*FILMS, ".gif")
    if extension(source) in FILMS and (target is None or extension(target) in films):
        target = target or "out.mp4"
        raise UsageError(f"{source} is a film: {joined(['dreamify', 'video', source, target])}")
    if layer is not None and _is_picture(layer):
        if not exists(source) and exists(layer) and source != "-" and not source.startswith("noise:"):
            right = joined(["dreamify", layer, target or "out.png", "--layer", source])
            raise UsageError(f"{layer} is a picture, where a layer should be: {right}")
        if target is not None and not _is_picture(target):
            right = joined(["dreamify", source, layer, target])
            raise UsageError(f"{target} stands where OUT should be, because LAYER comes after OUT: {right}")
        several = joined(["dreamify", "batch", source, *([target] if target else []), layer, "dreams"])
        right = f"for several pictures, type {several}" if exists(target) else "dreamify keys lists the layers"
        raise UsageError(f"{layer} is a picture, where LAYER should be: {right}")
    if target is not None and target != "-" and not os.path.isdir(target):  # noqa: PTH112
        _check_out(source, target, films)


def _check_out(source: str, target: str, films: Tuple[str, ...]) -> None:
    if extension(target) in films:
        right = joined(["dreamify", "zoom", source, target])
        raise UsageError(f"{target} is a film or an animation, and a plain dream is one picture: {right}")
    if target.isdigit():
        raise UsageError(f"{target} stands where OUT should be: steps are given as --iterations {target}")
    if target.endswith(("/", os.sep)):
        raise UsageError(f"there is no folder {target}: make it first, or name a file")
    if not extension(target) and not exists(target) and "://" not in target and _is_layer(target):
        right = joined(["dreamify", source, "out.png", target])
        raise UsageError(f"{target} is a layer, where OUT should be: {right}")


def _is_picture(word: str) -> bool:
    from ..images.picture import extensions

    return extension(word) in extensions() or (extension(word) in (".gif", ".heic", ".heif", ".bmp"))


def _is_layer(word: str) -> bool:
    from ..caffe_format.layer_names import of_googlenet
    from ..modelzoo import zoo

    return of_googlenet(word) != word.lower() or bool(zoo.models_with(word))


def joined(words: List[str]) -> str:
    """Words as one types them in a shell, quoted where that is needed."""
    return " ".join(word if word and re.fullmatch(r"[\w./:,=@%+-]+", word) else shlex.quote(word) for word in words)


def no_such_verb(name: str) -> UsageError:
    return UsageError(f"there is no verb {shown(name)} to explain: dreamify help lists them")
