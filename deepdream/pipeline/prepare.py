"""From what a person asks for to all that the dream needs: pictures read, net loaded, what it goes for found."""

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Optional, Sequence, Tuple

import numpy as np

from .. import __version__
from ..arrays import Size
from ..ascent import Ascent, Term
from ..caffe_format.convolutional import as_convolutional
from ..caffe_format.sizes import check_channels, check_sizes, octave_sizes, octaves_that_fit
from ..caffe_format.topology import Topology, read_topology
from ..console import say
from ..dream import guide_features
from ..engines import choose_engine, not_caffe
from ..errors import DreamError
from ..images import noise, picture
from ..images.picture import Picture
from ..modelzoo.auto import Choice, choose
from ..modelzoo.load import make_net
from ..objectives import objective_guide
from ..settings import GOOGLENET, NetSettings
from ..units import byte_text
from . import memory, targets
from .request import Inputs, Recipe, Request, mask_weights, read_inputs, redraw_noise
from .targets import Goal

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
class DreamJob:
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
) -> DreamJob:
    """Reads the pictures, finds and loads the net, and refuses what cannot be dreamt.

    Where there is a recipe to be `like`, inputs that are not those of the recipe are refused before anything is dreamt.
    begun: the model that this dream was begun with, when it goes on.
    base, guide: what is dreamt on, and towards, where they are not to be read from request.source and request.guide.
    varying: recipe keys that are not announced, because dreams with other values follow (see variant_of).
    """
    is_class = request.kind == "class"
    asked = request = seeded(request)
    inputs = read_inputs(request, base, guide)
    choice = choose(request.net.model, request.net.engine, progress=True, begun=begun)
    model = choice.model
    if not model.verified:
        say(f"{model.name} is unverified: the SHA-256 of its weights is {model.sha256}")
    # What a net cannot dream on is told before an engine is loaded, which takes seconds.
    topology = read_topology(model.prototxt)
    goal, request = _goal(request, as_convolutional(topology) if is_class else topology, choice, inputs)
    if choice.is_fallback:
        _tell_stand_in(choice, goal)
    told = {"layer": goal.text, "seed": f"seed {request.dream.seed}"}
    say(", ".join([model.name, *(text for key, text in told.items() if key not in varying)]))
    if "octaves" not in varying:
        _tell_octaves(asked, request, inputs)
    net = _net(model, request.net, is_class)
    say(f"computing with {net.engine} {net.engine_version} on {net.device}")
    request = _fitted(request, net, goal, inputs)
    recipe = _recipe(request, net, choice, goal, inputs)
    if like is not None:
        _compare(like, recipe)
        recipe.update({key: value for key, value in like.items() if key.startswith("asked_")})
    return DreamJob(request, net, choice, inputs, goal, recipe)


def check(request: Request) -> None:
    """Refuses what cannot be dreamt on any picture: a model, a layer, a guide or a mask that is not there."""
    choice = choose(request.net.model, request.net.engine, progress=True)
    topology = read_topology(choice.model.prototxt)
    topology = as_convolutional(topology) if request.kind == "class" else topology
    targets.find_goal(request.goal, request.dream, topology, choice.model.classes, choice.layer)
    for source in (request.guide, request.mask):
        if source:
            picture.read(source, request.pictures.max_size, request.dream.seed)


def variant_of(prepared: DreamJob, request: Request) -> DreamJob:
    """Another dream with the net of one that is prepared, and with its pictures; nothing is said.

    The net is left to keep to the memory that this dream may take, so of all the dreams of one net only the last that
    was prepared can be dreamt.

    request: the other one, with other dream settings, a seed among them, and what --memory said.
    Raises what prepare raises for a layer that is not there, a size that does not suit it, and too little memory.
    """
    same = request.dream.seed == prepared.request.dream.seed
    inputs = prepared.inputs if same else redraw_noise(prepared.inputs, request)
    return _prepared(request, prepared.net, prepared.choice, inputs)


def _prepared(request: Request, net: Any, choice: Choice, inputs: Inputs) -> DreamJob:
    """A request on a net that is there, and that may have dreamt another; nothing is said."""
    goal, request = _goal(request, net.topology, choice, inputs)
    if getattr(net, "memory", None):
        net.memory = None  # the other dream's
    request = _fitted(request, net, goal, inputs, quiet=True)
    return DreamJob(request, net, choice, inputs, goal, _recipe(request, net, choice, goal, inputs))


class NetCache:
    """Prepares one dream after the other, with a net that stays loaded as long as the next one wants the same.

    Nothing else of a dream is kept. Of all of them only the last that was prepared can be dreamt, see variant_of.
    """

    def __init__(self) -> None:
        self._loaded_for: Any = None
        self._loaded: Optional[Tuple[Any, Choice]] = None  # the net, and the choice of its model

    def prepare(self, request: Request, base: Optional[Picture] = None, guide: Optional[Picture] = None) -> DreamJob:
        """As prepare does; raises what that does."""
        loaded_for = request.net, request.kind == "class"
        if self._loaded is None or loaded_for != self._loaded_for:
            self._loaded = None  # two nets need not fit into memory
            prepared = prepare(request, base=base, guide=guide)
            self._loaded, self._loaded_for = (prepared.net, prepared.choice), loaded_for
            return prepared
        request = seeded(request)
        inputs = read_inputs(request, base, guide)
        prepared = _prepared(request, *self._loaded, inputs)
        _tell_octaves(request, prepared.request, inputs)
        return prepared


def seeded(request: Request) -> Request:
    """The request with a seed, which is drawn where it has none."""
    if request.dream.seed is not None:
        return request
    return replace(request, dream=replace(request.dream, seed=int(np.random.randint(2**31))))


def _goal(request: Request, topology: Topology, choice: Choice, inputs: Inputs) -> Tuple[Goal, Request]:
    """What is gone for, and the request with as many octaves as are dreamt.

    Raises DreamError where an octave, or the guide, is too small for a layer.
    """
    size, octave_n, scale = inputs.base.pixels.shape[:2], request.dream.octave_n, request.dream.octave_scale
    goal = targets.find_goal(request.goal, request.dream, topology, choice.model.classes, choice.layer)
    if request.fit_octaves:
        octave_n = max(1, min(octaves_that_fit(topology, size, octave_n, scale, aim.end) for aim in goal.aims))
    for aim in goal.aims:
        check_sizes(topology, size, octave_n, scale, aim.end)
        sizes = octave_sizes(size, octave_n, scale)
        if inputs.guide:
            check_sizes(topology, inputs.guide.pixels.shape[:2], 1, scale, aim.end, "guide")
            sizes.append(inputs.guide.pixels.shape[:2])
        check_channels(topology, sizes, aim.end, aim.channels, bool(inputs.guide))
    return goal, replace(request, dream=replace(request.dream, octave_n=octave_n))


def fewer_octaves(asked: Request, used: Request, size: Size) -> str:
    """The sentence that a picture of (height, width) gets fewer octaves than the default; "" where it gets them all.

    asked, used: the request before it was prepared, and after.
    """
    before, after = asked.dream.octave_n, used.dream.octave_n
    if before == after:
        return ""
    octaves = "one octave" if after == 1 else f"{after} octaves"
    return f"{octaves} instead of {before}, as a picture of {size[1]}x{size[0]} is too small for more"


def _tell_octaves(asked: Request, used: Request, inputs: Inputs) -> None:
    words = fewer_octaves(asked, used, inputs.base.pixels.shape[:2])
    if words:
        say(words)


def _tell_stand_in(choice: Choice, goal: Goal) -> None:
    """That another network dreams than the one of 2015, on what, and how to have that one."""
    instead = "".join(f", its {goal.recipe[key[len('asked_') :]]} for {asked}" for key, asked in goal.asked.items())
    say(
        f"{GOOGLENET} is not here and cannot be downloaded, so {choice.model.name} dreams{instead}; "
        f"`dreamify models fetch {GOOGLENET}` gets the real one, or says what is wrong"
    )


def _net(model: Any, settings: NetSettings, convolutional: bool) -> Any:
    engine = choose_engine(settings.engine)
    why = not_caffe() if settings.engine == "auto" else None
    if why:
        say(f"{why}, so PyTorch computes")
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
    return Ascent(net, request.dream, terms, request.goal, mask_weights(inputs.mask) if inputs.mask else None)


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
    if choice.is_fallback:
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
