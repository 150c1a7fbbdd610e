"""From what a person asks for to all that the dream needs: pictures read, net loaded, what it goes for found."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from PIL import Image

from . import __version__, goals, memory, model_zoo, noise, picture
from .ascent import Ascent, Term
from .caffe_format.convolutional import as_convolutional
from .caffe_format.topology import Topology, read_topology
from .dream import guide_features
from .engines import choose_engine, make_net
from .errors import DreamError, UsageError
from .goals import Goal
from .objectives import objective_guide
from .picture import Picture
from .settings import DREAM, GOAL, NET, PICTURE, DreamSettings, GoalSettings, NetSettings, PictureSettings, byte_text
from .sizes import Size, check_sizes
from .terminal import say

Recipe = Dict[str, Any]

_MUCH = 2 * 2**30  # bytes: a dream that takes more says so beforehand

# What a repeated dream must agree in, and how a person calls it.
_SAME = {
    "input_sha256": "the picture",
    "guide_sha256": "the guide",
    "mask_sha256": "the mask",
    "model_sha256": "the model's .caffemodel",
    "prototxt_sha256": "the model's deploy.prototxt",
}


@dataclass(frozen=True)
class Request:
    """What is to be dreamt: pictures by path or "-", and the settings."""

    source: str
    target: str
    dream: DreamSettings = DREAM
    goal: GoalSettings = GOAL
    net: NetSettings = NET
    pictures: PictureSettings = PICTURE
    guide: Optional[str] = None
    mask: Optional[str] = None
    frames: Optional[str] = None  # a folder for every iteration's picture

    @property
    def kind(self) -> str:
        """l2, guide, channel, class or layers. Raises UsageError where it would be two of them."""
        return goals.kind(self.goal, self.guide)


@dataclass(frozen=True)
class Inputs:
    """The pictures of a dream as they were read."""

    base: Picture
    guide: Optional[Picture]
    mask: Optional[Picture]

    @property
    def sizes(self) -> List[Size]:
        """(height, width) of what the net is run on."""
        return [image.pixels.shape[:2] for image in (self.base, self.guide) if image]


@dataclass
class Prepared:
    """A request with all that its dream needs."""

    request: Request  # with the seed drawn, and the memory that it is bound to
    net: Any
    inputs: Inputs
    goal: Goal
    recipe: Recipe

    @cached_property
    def ascend(self) -> Ascent:
        """The dream's step; for a guide, what the layer shows for it is computed now."""
        return _ascent(self.request, self.net, self.goal, self.inputs)


def prepare(request: Request, like: Optional[Recipe] = None, varying: Sequence[str] = ()) -> Prepared:
    """Reads the pictures, finds and loads the net, and refuses what cannot be dreamt.

    Where there is a recipe to be `like`, inputs that are not those of the recipe are refused before anything is dreamt.
    varying: keys of the recipe of which nothing is said, because other dreams with other values follow (see varied).
    """
    is_class = request.kind == "class"
    if request.dream.seed is None:
        request = replace(request, dream=replace(request.dream, seed=int(np.random.randint(2**31))))
    inputs = _read(request)
    model = model_zoo.resolve(request.net.model, progress=True)
    if not model.verified:
        say(f"{model.name} is unverified: the SHA-256 of its weights is {model.sha256}")
    # What a net cannot dream on is told before an engine is loaded, which takes seconds.
    topology = read_topology(model.prototxt)
    goal = _goal(request, as_convolutional(topology) if is_class else topology, model, inputs)
    told = {"layer": goal.text, "seed": f"seed {request.dream.seed}"}
    say(", ".join([model.name, *(text for key, text in told.items() if key not in varying)]))
    net = _net(model, request.net, is_class)
    say(f"computing with {net.engine} {net.engine_version} on {net.device}")
    request = _fitted(request, net, goal, inputs)
    recipe = _recipe(request, net, goal, inputs)
    if like is not None:
        _compare(like, recipe)
    return Prepared(request, net, inputs, goal, recipe)


def varied(prepared: Prepared, request: Request) -> Prepared:
    """Another dream with the net and the pictures of one that is prepared; nothing is said.

    The net is left to keep to the memory that this dream may take, so of all the dreams of one net only the last that
    was prepared can be dreamt.

    request: the other one, with other dream settings, a seed among them, and what --memory said.
    Raises what prepare raises for a layer that is not there, a size that does not suit it, and too little memory.
    """
    net, inputs = prepared.net, prepared.inputs
    if request.dream.seed != prepared.request.dream.seed:
        inputs = _with_noise_anew(inputs, request)
    goal = _goal(request, net.topology, net.model, inputs)
    if getattr(net, "memory", None):
        net.memory = None  # the other dream's
    request = _fitted(request, net, goal, inputs, quiet=True)
    return Prepared(request, net, inputs, goal, _recipe(request, net, goal, inputs))


def request_again(
    recipe: Recipe, source: str, target: str, guide: Optional[str], mask: Optional[str], model: Optional[str]
) -> Request:
    """The Request that repeats the dream of a recipe."""
    if "zoom_rate" in recipe:
        raise DreamError("that picture is of a zoom, and a zoom cannot be repeated from it: use dreamify zoom")
    if any(key.startswith("sheet_") for key in recipe):
        raise DreamError(
            "that picture is a sheet of dreams, and a sheet cannot be repeated from it: use dreamify sheet"
        )
    if "moment" in recipe:
        raise DreamError(f"that picture is a dream at {recipe['moment']}: only a finished dream can be repeated")
    for what, had, given in (
        ("guide", recipe.get("objective") == "guide", guide),
        ("mask", "mask_sha256" in recipe, mask),
    ):
        if had != bool(given):
            way_out = f"a {what}: name it with --{what}" if had else f"no {what}: leave --{what} out"
            raise UsageError(f"that dream had {way_out}")
    try:
        dream, goal, net = (_settings(kind, recipe) for kind in (DreamSettings, GoalSettings, NetSettings))
        pictures = _settings(PictureSettings, recipe)
    except UsageError as error:
        raise DreamError(f"the recipe cannot be repeated: {error}") from None
    return Request(source, target, dream, goal, replace(net, model=model) if model else net, pictures, guide, mask)


def _settings(kind: Any, recipe: Recipe) -> Any:
    options = {f.name: f.metadata["option"] for f in fields(kind)}
    return kind(**{name: recipe[option] for name, option in options.items() if option in recipe})


def _share(mask: Picture) -> np.ndarray:
    """(h, w) float32 of 0-1: how white and how opaque a mask is."""
    share = np.asarray(Image.fromarray(mask.pixels).convert("L"), np.float32) / 255
    return share if mask.alpha is None else share * mask.alpha.astype(np.float32) / 255


def _read(request: Request) -> Inputs:
    if [request.source, request.guide, request.mask].count("-") > 1:
        raise UsageError("standard input can be the picture, the guide or the mask, and only one of them")
    max_size, seed = request.pictures.max_size, request.dream.seed
    base = picture.read(request.source, max_size, seed)
    guide = picture.read(request.guide, max_size, seed) if request.guide else None
    mask = picture.read(request.mask, max_size, seed) if request.mask else None
    if mask:
        (h, w), (mask_h, mask_w) = base.pixels.shape[:2], mask.pixels.shape[:2]
        if (h, w) != (mask_h, mask_w):
            raise DreamError(f"the mask is {mask_w}x{mask_h} and the picture {w}x{h}: make it as large as the picture")
        if not _share(mask).any():
            raise DreamError("the mask is black all over, so nothing would be dreamt: make white what is to be dreamt")
    return Inputs(base, guide, mask)


def _with_noise_anew(inputs: Inputs, request: Request) -> Inputs:
    """The inputs with those that are noise drawn from the request's seed; the others cannot be read twice, maybe."""

    def anew(source: Optional[str], image: Optional[Picture]) -> Any:
        is_noise = source and noise.size_of(source)
        return picture.read(str(source), request.pictures.max_size, request.dream.seed) if is_noise else image

    return Inputs(anew(request.source, inputs.base), anew(request.guide, inputs.guide), anew(request.mask, inputs.mask))


def _goal(request: Request, topology: Topology, model: Any, inputs: Inputs) -> Goal:
    """What is gone for, on octaves that are large enough for it."""
    dream = request.dream
    goal = goals.find_goal(request.goal, dream, topology, model.classes)
    for aim in goal.aims:
        check_sizes(topology, inputs.base.pixels.shape[:2], dream.octave_n, dream.octave_scale, aim.end)
        if inputs.guide:
            check_sizes(topology, inputs.guide.pixels.shape[:2], 1, dream.octave_scale, aim.end, "guide")
    return goal


def _net(model: Any, settings: NetSettings, convolutional: bool) -> Any:
    engine = choose_engine(settings.engine)
    if settings.threads:
        engine.set_threads(settings.threads)
    return make_net(model, engine, settings.device, settings.precision, blobs="needed", convolutional=convolutional)


def _fitted(request: Request, net: Any, goal: Goal, inputs: Inputs, quiet: bool = False) -> Request:
    """Has the net keep to the memory that there is; the request says how much that is, where it makes a difference."""
    more = Ascent.bytes_per_pixel(len(goal.aims), request.goal, inputs.mask is not None)
    found = memory.fit(net, [aim.end for aim in goal.aims], inputs.sizes, request.net.memory, more)
    if not quiet and (found.bound or found.size > _MUCH):
        tiles = f", in tiles to stay within {byte_text(found.bound)}" if found.bound else ""
        say(f"it takes about {byte_text(found.size)} of memory{tiles}")
    return replace(request, net=replace(request.net, memory=found.bound))


def _ascent(request: Request, net: Any, goal: Goal, inputs: Inputs) -> Ascent:
    if inputs.guide:
        (end,) = (aim.end for aim in goal.aims)
        terms = [Term(end, objective_guide(guide_features(net, inputs.guide.pixels, end)))]
    else:
        terms = [Term(aim.end, aim.objective, aim.weight) for aim in goal.aims]
    return Ascent(net, request.dream, terms, request.goal, _share(inputs.mask) if inputs.mask else None)


def _recipe(request: Request, net: Any, goal: Goal, inputs: Inputs) -> Recipe:
    recipe: Recipe = {"program": "dreamify", "version": __version__}
    recipe.update(engine=net.engine, engine_version=net.engine_version, device=str(net.device), precision=net.precision)
    if net.precision != "float64":
        recipe["threads"] = net.threads  # they decide the last bits; in float64 any number of them gives the same file
    recipe.update(model=net.model.name, model_sha256=net.model.sha256, prototxt_sha256=net.model.prototxt_sha256)
    for settings in (request.dream, request.pictures):
        recipe.update({f.metadata["option"]: getattr(settings, f.name) for f in fields(settings)})
    if "layer" not in goal.recipe:
        del recipe["layer"]
    if request.net.memory:
        recipe["memory"] = request.net.memory  # tiles decide the last bits, too
    recipe.update(objective=request.kind, **goal.recipe)
    for prior in ("tv", "decay", "blur"):
        if getattr(request.goal, prior):
            recipe[prior] = getattr(request.goal, prior)
    recipe["input_sha256"] = inputs.base.sha256
    if noise.size_of(request.source):
        recipe["input"] = request.source
    if inputs.guide:
        recipe["guide_sha256"] = inputs.guide.sha256
    if inputs.mask:
        recipe["mask_sha256"] = inputs.mask.sha256
    return recipe


def _compare(old: Recipe, new: Recipe) -> None:
    """Refuses inputs other than a recipe's, and warns of programs that may compute other last bits."""
    for key, what in _SAME.items():
        if old.get(key) != new.get(key):
            raise DreamError(f"{what} is not the one of that dream: its SHA-256 is {new.get(key)}, not {old.get(key)}")
    for key, what in (("version", "dreamify"), ("engine_version", new["engine"])):
        if old.get(key) != new[key]:
            say(f"that dream was made with {what} {old.get(key)}, this is {new[key]}: it may differ")
