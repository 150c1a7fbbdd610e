"""The settings of a dream as the page exchanges them: in its address, from a recipe, and from a dream of before.

Settings are {name as on the command line: value}. An address or a recipe may come from anyone: every value is checked.
"""

from typing import Any, Dict, List, Mapping, Tuple
from urllib.parse import urlencode

from ..errors import UsageError, shown
from ..images.recipe import Recipe
from ..pipeline.request import Request
from ..settings import DREAM, OBJECTIVE, PICTURE, WEB_MAXIMA, WEB_SIZE, DreamSettings

Wishes = Dict[str, Any]

TARGETS = ("layer", "class", "channel", "layers")  # what a dream is of: one of these
_ALWAYS = ("iterations", "octaves", "seed")
_RARE = ("tv", "decay", "blur")
_KINDS = {
    option: field.metadata["kind"] for each in (DREAM, OBJECTIVE, PICTURE) for option, field in each.options().items()
}
SHARED = (*TARGETS, *_ALWAYS, *_RARE, "max_size")
_SEQUENCES = ("zoom_", "video_", "sheet_")
_NOT_HERE = ("scale", "step", "jitter", "clip", "seamless")  # settings that the page leaves at their defaults


def query(request: Request, model: str) -> str:
    """The address of a request, as far as it comes after the page's own. model: what the page calls its model."""
    wishes = {name: value for name, value in of_request(request).items() if value is not None}
    usual = _usual()
    told = {name: value for name, value in wishes.items() if name in (*TARGETS, *_ALWAYS) or value != usual[name]}
    return "?" + urlencode({"model": model, **told}, safe="/:,")


def of_request(request: Request) -> Wishes:
    """All settings of a dream of this page."""
    every = {**request.dream.by_option(), **request.objective.by_option(), **request.pictures.by_option()}
    wishes = {name: every[name] for name in SHARED}
    if request.kind in TARGETS:  # it takes the layer's place
        del wishes["layer"]
    return wishes


def of_query(given: Mapping[str, str]) -> Wishes:
    """The settings in an address. Raises UsageError for a value out of range; what is no setting is ignored."""
    wishes = {name: _parsed(name, text) for name, text in given.items() if name in SHARED and text}
    if not wishes and "model" not in given:
        return {}
    if any(name in wishes for name in TARGETS):
        wishes = {**{name: None for name in TARGETS if name != "layer"}, **wishes}
    return {**({"model": given["model"]} if "model" in given else {}), **checked(wishes)}


def of_recipe(recipe: Recipe) -> Tuple[Wishes, List[str]]:
    """The settings in a recipe, and what of it the page does not have, in words. Raises as checked does."""
    known = {name: value for name, value in recipe.items() if name in SHARED}
    usual = _usual()
    targets = {name: None for name in TARGETS if name != "layer"}
    wishes = checked({**{name: usual[name] for name in _RARE}, **targets, **known})
    if "model" in recipe:
        wishes["model"] = recipe["model"]
    missing = [f"{name} {shown(recipe[name])}" for name in _NOT_HERE if recipe.get(name, usual[name]) != usual[name]]
    missing += [f"a {name}" for name in ("guide", "mask") if f"{name}_sha256" in recipe]
    missing += [f"the rest of a {kind[:-1]}" for kind in _SEQUENCES if any(key.startswith(kind) for key in recipe)]
    return wishes, missing


def checked(wishes: Wishes) -> Wishes:
    """The same settings, without an empty longest side. Raises UsageError for values out of range on this page."""
    wishes = {name: value for name, value in wishes.items() if value is not None or name != "max_size"}
    for each in (DREAM, OBJECTIVE, PICTURE):
        made = each.with_options(wishes)
        if isinstance(made, DreamSettings):
            check_maxima(made)
    if sum(wishes.get(name) is not None for name in TARGETS) > 1:
        raise UsageError("layer, class, channel and layers cannot be combined: use one of them")
    return wishes


def check_maxima(dream: DreamSettings) -> None:
    """Raise UsageError if a setting is above the limit for one visitor."""
    for name, maximum in WEB_MAXIMA.items():
        value, option = getattr(dream, name), dream.option(name)
        if value > maximum:
            raise UsageError(f"{option} may be {maximum} at most on this page, not {value}")


def _usual() -> Wishes:
    return {**DREAM.by_option(), **OBJECTIVE.by_option(), "max_size": WEB_SIZE}


def _parsed(name: str, text: str) -> Any:
    """The value that a text stands for; the text itself if it is none, for the settings to refuse."""
    try:
        return _KINDS[name](text)
    except ValueError:
        return text
