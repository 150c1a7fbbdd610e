"""Turns a request into a dream that can run: reads the pictures, loads the net and resolves the target."""

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

_MUCH = 2 * 2**30  # bytes: a dream that needs more announces it

# What must match when a dream is repeated, and its name in messages.
_SAME = {
    "input_sha256": "the picture",
    "guide_sha256": "the guide",
    "mask_sha256": "the mask",
    "model_sha256": "the model's .caffemodel",
    "prototxt_sha256": "the model's deploy.prototxt",
}


@dataclass
class DreamJob:
    """A request, with everything that its dream needs."""

    request: Request  # with the seed drawn and the memory limit set
    net: Any
    choice: Choice  # of the model
    inputs: Inputs
    goal: Goal
    recipe: Recipe

    @cached_property
    def ascend(self) -> Ascent:
        """The gradient ascent step of the dream. For a guide, the first access computes its features."""
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

    like: a recipe to repeat; inputs that do not match it are refused before anything is dreamt.
    varying: recipe keys that are not announced, because dreams with other values follow (see variant_of).
    begun: the model that the dream was started with, if this resumes it.
    base, guide: pictures to use instead of reading request.source and request.guide.
    """
    is_class = request.kind == "class"
    asked = request = seeded(request)
    inputs = read_inputs(request, base, guide)
    choice = choose(request.net.model, request.net.engine, progress=True, begun=begun)
    model = choice.model
    if not model.verified:
        say(f"{model.name} is unverified: the SHA-256 of its weights is {model.sha256}")
    # Report a layer that cannot be dreamt on before loading an engine, which takes seconds.
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
    """Refuses a request that fails on every picture: its model, layer, guide or mask does not exist."""
    choice = choose(request.net.model, request.net.engine, progress=True)
    topology = read_topology(choice.model.prototxt)
    topology = as_convolutional(topology) if request.kind == "class" else topology
    targets.find_goal(request.goal, request.dream, topology, choice.model.classes, choice.layer)
    for source in (request.guide, request.mask):
        if source:
            picture.read(source, request.pictures.max_size, request.dream.seed)


def variant_of(prepared: DreamJob, request: Request) -> DreamJob:
    """Prepares another dream with the net and the pictures of a prepared one, without messages.

    This sets the net's memory limit to that of the new dream. Of all dreams that share a net, only the one prepared
    last can therefore be run.

    request: the new request, with a seed, with the memory limit as given by --memory, and with other dream settings.
    Raises what prepare raises for an unknown layer, an unsuitable size and too little memory.
    """
    same = request.dream.seed == prepared.request.dream.seed
    inputs = prepared.inputs if same else redraw_noise(prepared.inputs, request)
    return _prepared(request, prepared.net, prepared.choice, inputs)


def _prepared(request: Request, net: Any, choice: Choice, inputs: Inputs) -> DreamJob:
    """Prepares a request on a loaded net, which may have run another dream before, without messages."""
    goal, request = _goal(request, net.topology, choice, inputs)
    if getattr(net, "memory", None):
        net.memory = None  # the limit of the other dream
    request = _fitted(request, net, goal, inputs, quiet=True)
    return DreamJob(request, net, choice, inputs, goal, _recipe(request, net, choice, goal, inputs))


class NetCache:
    """Prepares one dream after another and keeps the net loaded while they use the same one.

    Nothing else is kept. Only the dream prepared last can be run, see variant_of.
    """

    def __init__(self) -> None:
        self._loaded_for: Any = None
        self._loaded: Optional[Tuple[Any, Choice]] = None  # the net, and the choice of its model

    def prepare(self, request: Request, base: Optional[Picture] = None, guide: Optional[Picture] = None) -> DreamJob:
        """Does what prepare does, and raises what it raises."""
        loaded_for = request.net, request.kind == "class"
        if self._loaded is None or loaded_for != self._loaded_for:
            self._loaded = None  # two nets might not fit into memory
            prepared = prepare(request, base=base, guide=guide)
            self._loaded, self._loaded_for = (prepared.net, prepared.choice), loaded_for
            return prepared
        request = seeded(request)
        inputs = read_inputs(request, base, guide)
        prepared = _prepared(request, *self._loaded, inputs)
        _tell_octaves(request, prepared.request, inputs)
        return prepared


def seeded(request: Request) -> Request:
    """The request with a seed; draws one if it has none."""
    if request.dream.seed is not None:
        return request
    return replace(request, dream=replace(request.dream, seed=int(np.random.randint(2**31))))


def _goal(request: Request, topology: Topology, choice: Choice, inputs: Inputs) -> Tuple[Goal, Request]:
    """Resolves the target and checks that every octave is large enough; returns the request with its octave count.

    Raises DreamError if an octave or the guide is too small for a layer.
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
    """A sentence that a picture of (height, width) gets fewer octaves than the default; "" if it gets all of them.

    asked, used: the request before and after it was prepared.
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
    """Reports that a fallback replaces the 2015 network, on which layers it dreams, and how to get the real one."""
    instead = "".join(f", its {goal.recipe[key[len('asked_') :]]} for {asked}" for key, asked in goal.asked.items())
    say(
        f"{GOOGLENET} is not installed and cannot be downloaded, so {choice.model.name} dreams{instead}; "
        f"`dreamify models fetch {GOOGLENET}` downloads it, or says what is wrong"
    )


def _net(model: Any, settings: NetSettings, convolutional: bool) -> Any:
    engine = choose_engine(settings.engine)
    why = not_caffe() if settings.engine == "auto" else None
    if why:
        say(f"{why}: using PyTorch instead")
    if settings.threads:
        engine.set_threads(settings.threads)
    return make_net(model, engine, settings.device, settings.precision, blobs="needed", convolutional=convolutional)


def _fitted(request: Request, net: Any, goal: Goal, inputs: Inputs, quiet: bool = False) -> Request:
    """Makes the net fit into memory; returns the request, with the limit if it changes how the net runs."""
    more = Ascent.bytes_per_pixel(len(goal.aims), request.goal, inputs.mask is not None)
    more += _bytes_of_octaves(request, inputs.base.pixels.shape[:2])
    found = memory.fit(net, [aim.end for aim in goal.aims], inputs.sizes, request.net.memory, more)
    if not quiet and (found.bound or found.size > _MUCH):
        tiles = f", in tiles to stay within {byte_text(found.bound)}" if found.bound else ""
        say(f"this takes about {byte_text(found.size)} of memory{tiles}")
    return replace(request, net=replace(request.net, memory=found.bound))


def _bytes_of_octaves(request: Request, size: Size) -> int:
    """Bytes per picture pixel that the smaller octaves use, beyond the one copy that memory.fit already counts."""
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
        recipe["threads"] = net.threads  # the count affects the last bits; in float64 the file is always the same
    recipe.update(model=net.model.name, model_sha256=net.model.sha256, prototxt_sha256=net.model.prototxt_sha256)
    for settings in (request.dream, request.pictures):
        recipe.update({f.metadata["option"]: getattr(settings, f.name) for f in fields(settings)})
    if "layer" not in goal.recipe:
        del recipe["layer"]
    if request.net.memory:
        recipe["memory"] = request.net.memory  # tiles affect the last bits, too
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
    """Refuses inputs that differ from the old recipe; warns if other versions may change the last bits."""
    for key, what in _SAME.items():
        if old.get(key) != new.get(key):
            sums = f"its SHA-256 is {new.get(key)}, not {old.get(key)}"
            raise DreamError(f"{what} is not the one used for that dream: {sums}")
    for key, what in (("version", "dreamify"), ("engine_version", new["engine"])):
        if old.get(key) != new[key]:
            say(f"that dream was made with {what} {old.get(key)}, this is {new[key]}: the result may differ")
