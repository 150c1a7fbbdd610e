"""From what a person asks for to all that the dream needs: pictures read, net loaded, what it goes for found."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Optional, Sequence

import numpy as np

from . import __version__, goals, memory, noise, picture
from .ascent import Ascent, Term
from .caffe_format.convolutional import as_convolutional
from .caffe_format.topology import Topology, read_topology
from .default_model import Choice, choose
from .dream import guide_features
from .engines import choose_engine, make_net
from .errors import DreamError
from .goals import Goal
from .objectives import objective_guide
from .picture import Picture
from .request import Inputs, Recipe, Request, read_inputs, share_of, with_noise_anew
from .settings import GOOGLENET, NetSettings, byte_text
from .sizes import Size, check_sizes, octave_sizes
from .terminal import say

_MUCH = 2 * 2**30  # bytes: a dream that takes more says so beforehand

# What a repeated dream must agree in, and how a person calls it.
_SAME = {
    "input_sha256": "the picture",
    "guide_sha256": "the guide",
    "mask_sha256": "the mask",
    "model_sha256": "the model's .caffemodel",
    "prototxt_sha256": "the model's deploy.prototxt",
}


@dataclass
class Prepared:
    """A request with all that its dream needs."""

    request: Request  # with the seed drawn, and the memory that it is bound to
    net: Any
    choice: Choice  # of the model
    inputs: Inputs
    goal: Goal
    recipe: Recipe

    @cached_property
    def ascend(self) -> Ascent:
        """The dream's step; for a guide, what the layer shows for it is computed now."""
        return _ascent(self.request, self.net, self.goal, self.inputs)


def prepare(
    request: Request,
    like: Optional[Recipe] = None,
    varying: Sequence[str] = (),
    begun: Optional[str] = None,
    base: Optional[Picture] = None,
    guide: Optional[Picture] = None,
) -> Prepared:
    """Reads the pictures, finds and loads the net, and refuses what cannot be dreamt.

    Where there is a recipe to be `like`, inputs that are not those of the recipe are refused before anything is dreamt.
    begun: the model that this dream was begun with, when it goes on.
    base, guide: what is dreamt on, and towards, where they are not to be read from request.source and request.guide.
    varying: keys of the recipe of which nothing is said, because other dreams with other values follow (see varied).
    """
    is_class = request.kind == "class"
    request = seeded(request)
    inputs = read_inputs(request, base, guide)
    choice = choose(request.net.model, request.net.engine, progress=True, begun=begun)
    model = choice.model
    if not model.verified:
        say(f"{model.name} is unverified: the SHA-256 of its weights is {model.sha256}")
    # What a net cannot dream on is told before an engine is loaded, which takes seconds.
    topology = read_topology(model.prototxt)
    goal = _goal(request, as_convolutional(topology) if is_class else topology, choice, inputs)
    if choice.stands_in:
        _tell_stand_in(choice, goal)
    told = {"layer": goal.text, "seed": f"seed {request.dream.seed}"}
    say(", ".join([model.name, *(text for key, text in told.items() if key not in varying)]))
    net = _net(model, request.net, is_class)
    say(f"computing with {net.engine} {net.engine_version} on {net.device}")
    request = _fitted(request, net, goal, inputs)
    recipe = _recipe(request, net, choice, goal, inputs)
    if like is not None:
        _compare(like, recipe)
        recipe.update({key: value for key, value in like.items() if key.startswith("asked_")})
    return Prepared(request, net, choice, inputs, goal, recipe)


def check(request: Request) -> None:
    """Refuses what cannot be dreamt on any picture: a model, a layer, a guide or a mask that is not there."""
    choice = choose(request.net.model, request.net.engine, progress=True)
    topology = read_topology(choice.model.prototxt)
    topology = as_convolutional(topology) if request.kind == "class" else topology
    goals.find_goal(request.goal, request.dream, topology, choice.model.classes, choice.layer)
    for source in (request.guide, request.mask):
        if source:
            picture.read(source, request.pictures.max_size, request.dream.seed)


def varied(prepared: Prepared, request: Request, inputs: Optional[Inputs] = None) -> Prepared:
    """Another dream with the net of one that is prepared, and with its pictures or others; nothing is said.

    The net is left to keep to the memory that this dream may take, so of all the dreams of one net only the last that
    was prepared can be dreamt.

    request: the other one, with other dream settings, a seed among them, and what --memory said.
    Raises what prepare raises for a layer that is not there, a size that does not suit it, and too little memory.
    """
    net = prepared.net
    if inputs is None:
        same = request.dream.seed == prepared.request.dream.seed
        inputs = prepared.inputs if same else with_noise_anew(prepared.inputs, request)
    goal = _goal(request, net.topology, prepared.choice, inputs)
    if getattr(net, "memory", None):
        net.memory = None  # the other dream's
    request = _fitted(request, net, goal, inputs, quiet=True)
    recipe = _recipe(request, net, prepared.choice, goal, inputs)
    return Prepared(request, net, prepared.choice, inputs, goal, recipe)


class KeptNet:
    """Prepares one dream after the other, with a net that stays loaded as long as the next one wants the same.

    Of all its dreams only the last that was prepared can be dreamt, see varied.
    """

    def __init__(self) -> None:
        self._loaded_for: Any = None
        self._first: Optional[Prepared] = None

    def prepare(self, request: Request, base: Optional[Picture] = None, guide: Optional[Picture] = None) -> Prepared:
        """As prepare does; raises what that does."""
        loaded_for = request.net, request.kind == "class"
        request = seeded(request)
        if self._first is not None and loaded_for == self._loaded_for:
            return varied(self._first, request, read_inputs(request, base, guide))
        self._first = None  # two nets need not fit into memory
        self._first, self._loaded_for = prepare(request, base=base, guide=guide), loaded_for
        return self._first


def seeded(request: Request) -> Request:
    """The request with a seed, which is drawn where it has none."""
    if request.dream.seed is not None:
        return request
    return replace(request, dream=replace(request.dream, seed=int(np.random.randint(2**31))))


def _goal(request: Request, topology: Topology, choice: Choice, inputs: Inputs) -> Goal:
    """What is gone for, on octaves that are large enough for it."""
    dream = request.dream
    goal = goals.find_goal(request.goal, dream, topology, choice.model.classes, choice.layer)
    for aim in goal.aims:
        check_sizes(topology, inputs.base.pixels.shape[:2], dream.octave_n, dream.octave_scale, aim.end)
        if inputs.guide:
            check_sizes(topology, inputs.guide.pixels.shape[:2], 1, dream.octave_scale, aim.end, "guide")
    return goal


def _tell_stand_in(choice: Choice, goal: Goal) -> None:
    """That another network dreams than the one of 2015, on what, and how to have that one."""
    instead = "".join(f", its {goal.recipe[key[len('asked_') :]]} for {asked}" for key, asked in goal.asked.items())
    say(
        f"{GOOGLENET} is not here and cannot be downloaded, so {choice.model.name} dreams{instead}; "
        f"`dreamify models fetch {GOOGLENET}` gets the real one, or says what is wrong"
    )


def _net(model: Any, settings: NetSettings, convolutional: bool) -> Any:
    engine = choose_engine(settings.engine)
    if settings.threads:
        engine.set_threads(settings.threads)
    return make_net(model, engine, settings.device, settings.precision, blobs="needed", convolutional=convolutional)


def _fitted(request: Request, net: Any, goal: Goal, inputs: Inputs, quiet: bool = False) -> Request:
    """Has the net keep to the memory that there is; the request says how much that is, where it makes a difference."""
    more = Ascent.bytes_per_pixel(len(goal.aims), request.goal, inputs.mask is not None)
    more += _bytes_of_octaves(request, inputs.base.pixels.shape[:2])
    found = memory.fit(net, [aim.end for aim in goal.aims], inputs.sizes, request.net.memory, more)
    if not quiet and (found.bound or found.size > _MUCH):
        tiles = f", in tiles to stay within {byte_text(found.bound)}" if found.bound else ""
        say(f"it takes about {byte_text(found.size)} of memory{tiles}")
    return replace(request, net=replace(request.net, memory=found.bound))


def _bytes_of_octaves(request: Request, size: Size) -> int:
    """What the smaller octaves take for each of the picture's pixels, beyond as much again, which memory.fit counts."""
    dream = request.dream
    pixels = sum(h * w for h, w in octave_sizes(size, dream.octave_n, dream.octave_scale))
    return max(0, 12 * (pixels // (size[0] * size[1]) - 1))


def _ascent(request: Request, net: Any, goal: Goal, inputs: Inputs) -> Ascent:
    if inputs.guide:
        (end,) = (aim.end for aim in goal.aims)
        terms = [Term(end, objective_guide(guide_features(net, inputs.guide.pixels, end)))]
    else:
        terms = [Term(aim.end, aim.objective, aim.weight) for aim in goal.aims]
    return Ascent(net, request.dream, terms, request.goal, share_of(inputs.mask) if inputs.mask else None)


def _recipe(request: Request, net: Any, choice: Choice, goal: Goal, inputs: Inputs) -> Recipe:
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
    if choice.stands_in:
        recipe["asked_model"] = request.net.model
    return {**recipe, **goal.asked}


def _compare(old: Recipe, new: Recipe) -> None:
    """Refuses inputs other than a recipe's, and warns of programs that may compute other last bits."""
    for key, what in _SAME.items():
        if old.get(key) != new.get(key):
            raise DreamError(f"{what} is not the one of that dream: its SHA-256 is {new.get(key)}, not {old.get(key)}")
    for key, what in (("version", "dreamify"), ("engine_version", new["engine"])):
        if old.get(key) != new[key]:
            say(f"that dream was made with {what} {old.get(key)}, this is {new[key]}: it may differ")
