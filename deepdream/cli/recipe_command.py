"""The command that makes a dream again, from its recipe.

A recipe may come from anyone: every value is checked as if it were typed, and quoted for the shell.
"""

import os
from typing import Any, Callable, Dict, List

from ..errors import UsageError, shown
from ..images.recipe import BROWSER, Recipe
from ..settings import (
    ATLAS_DREAM,
    ATLAS_OBJECTIVE,
    ATLAS_SOURCE,
    DREAM,
    GROWTH,
    NET,
    OBJECTIVE,
    PICTURE,
    SHEET,
    VIDEO,
    ZOOM,
    AtlasSettings,
)
from ..settings_base import Settings
from .words import joined

_SEQUENCES = {"zoom": ZOOM, "video": VIDEO}
_ALWAYS = ("layer", "iterations", "octaves", "scale", "seed")  # the others only if they are not the default


def recipe_in(name: str) -> Recipe:
    """The recipe in a picture, a film or the page of an atlas. Raises DreamError if there is none, or a damaged one."""
    from ..tasks import atlas_page
    from ..video import reader

    return (atlas_page if atlas_page.is_page(name) else reader).read_recipe(name)


def command(recipe: Dict[str, Any], name: str, is_model: Callable[[str], bool]) -> str:
    """The command, for a person who puts names in the places of IN, OUT, GUIDE and MASK.

    name: of the picture or film that holds the recipe. is_model: whether a model has this name; any other was given by
    the path of its folder. Raises UsageError for a recipe that this version does not know.
    """
    if "atlas_layer" in recipe:
        return _of_atlas(recipe, name, is_model)
    verb = next((verb for verb in ("zoom", "video", "sheet") if any(key.startswith(f"{verb}_") for key in recipe)), "")
    source = recipe.get("input", "IN")
    out = _in_format("OUT", name) if verb in _SEQUENCES else _out("" if "growth_frames" in recipe else name)
    words = ["dreamify", *([verb] if verb else []), _text("input", source), out]
    varied = [key for key in recipe if key.startswith("sheet_")]
    if verb == "sheet":
        words += _of_sheet({key[len("sheet_") :]: recipe[key] for key in varied}, recipe)
    else:
        words += _options(DREAM, recipe, _ALWAYS)
    kind = recipe.get("objective")
    words += [f"--{kind}", str(kind).upper()] if kind == "guide" else []
    words += ["--mask", "MASK"] if "mask_sha256" in recipe else []
    words += _options(OBJECTIVE, recipe)
    if verb in _SEQUENCES:
        start = len(verb) + 1
        own = {key[start:]: value for key, value in recipe.items() if key.startswith(f"{verb}_")}
        words += _options(_SEQUENCES[verb], own, tuple(own))
    if "growth_frames" in recipe:
        words += ["--growth", _in_format("GROWTH", name), *_options(GROWTH, recipe)]
    return joined(words + _of_net(recipe, is_model))


def _of_net(recipe: Dict[str, Any], is_model: Callable[[str], bool]) -> List[str]:
    net = NET.with_options({key: value for key, value in recipe.items() if key == "model"})
    words = _typed("model", net.model if is_model(net.model) else "MODEL")
    is_of_browser = recipe.get("engine") == BROWSER  # which no command starts
    how = {"model", "engine", "threads"} if is_of_browser else {"model"}
    words += _options(NET, {key: value for key, value in recipe.items() if key not in how}, ("engine", "threads"))
    return words + _options(PICTURE, recipe)


def _of_atlas(recipe: Dict[str, Any], name: str, is_model: Callable[[str], bool]) -> str:
    """The command of an atlas, whose defaults are its own."""
    layer, channels = _text("layer", recipe["atlas_layer"]), _text("channels", recipe.get("atlas_channels", ""))
    AtlasSettings(channels)
    words = ["dreamify", "atlas", layer, _out(name), "--channels", channels]
    source = _text("input", recipe.get("input", "IN"))
    words += ["--from", source] if source != ATLAS_SOURCE else []
    words += _options(ATLAS_DREAM, recipe, _ALWAYS)
    words += _options(ATLAS_OBJECTIVE, {option: recipe.get(option, 0.0) for option in ("tv", "decay", "blur")})
    return joined(words + _of_net(recipe, is_model))


def _in_format(what: str, name: str) -> str:
    """A film or an animation in the format of the file that holds the recipe; a frame is one of a folder."""
    ending = os.path.splitext(name)[1]  # noqa: PTH122
    return what + ending if ending.lower() in (".mp4", ".webm", ".gif", ".webp") else what


def _out(name: str) -> str:
    """A picture in the format of the file that holds the recipe."""
    ending = os.path.splitext(name)[1]  # noqa: PTH122
    return f"OUT{ending}" if ending[1:].isalnum() else "OUT.png"


def _options(settings: Settings, recipe: Dict[str, Any], always: Any = ()) -> List[str]:
    """The options for those settings that a recipe has, and that are not the default. Raises UsageError."""
    known = {key: value for key, value in recipe.items() if key in settings.options() and value is not None}
    if isinstance(known.get("octaves"), list):  # as many as fit each dream
        del known["octaves"]
    checked = settings.with_options(known).by_option()
    words: List[str] = []
    for option in known:
        value = checked[option]
        if option in always or value != settings.by_option()[option]:
            words += _typed(option, value)
    return words


def _of_sheet(varied: Dict[str, Any], recipe: Dict[str, Any]) -> List[str]:
    """The options of a sheet, which have names of their own for what can have several values."""
    names = {DREAM.option(field): option for option, field in SHEET.items()}
    words = _options(DREAM, {key: value for key, value in recipe.items() if key not in names})
    for option, own in names.items():
        values = varied.get(option, [recipe[option]] if option in recipe else [])
        if not isinstance(values, list):
            raise UsageError(f"{option} must be a list of values, not {shown(values)}")
        if values and not isinstance(values[0], list):  # a list: as many octaves as fit each dream
            several = [DREAM.with_options({option: value}).by_option()[option] for value in values]
            words += _typed(own, ",".join(_text(option, value) for value in several))
    return words


def _typed(option: str, value: Any) -> List[str]:
    flag = "--" + option.replace("_", "-")
    if value is False:
        return [f"--no-{flag[2:]}"]
    text = _text(option, value)
    return [f"{flag}={text}"] if text.startswith("-") or not text else [flag, text]


def _text(option: str, value: Any) -> str:
    text = str(value)
    if not text.isprintable():
        raise UsageError(f"its {option} has characters that cannot be typed")
    return text
