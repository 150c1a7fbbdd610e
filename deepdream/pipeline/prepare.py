"""Turns a request into a dream that can run: loads the net and plans its memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Iterator, Sequence, cast

import numpy as np

from .. import __version__
from ..arrays import Size
from ..ascent import Ascent, Term
from ..caffe_format.sizes import octave_sizes
from ..compat import cached_property
from ..console import say
from ..dream import Begun, Step, dream_steps, guide_features
from ..engines import choose_engine, not_caffe
from ..errors import DreamError
from ..images import noise
from ..images import recipe as recipes
from ..images.picture import Picture
from ..images.recipe import Recipe
from ..modelzoo.load import make_net
from ..modelzoo.model import Model
from ..objectives import objective_guide
from ..seamless import Seamless
from ..settings import NetSettings
from ..units import byte_text
from . import memory
from .memory import MemoryPlan
from .request import Inputs, Request, mask_weights, read_inputs, redraw_noise
from .resolve import Resolved, announce, find_model, resolve, tell_octaves
from .targets import Target

if TYPE_CHECKING:
    from ..engines.interface import NeededNet

_GROWTH = 20  # bytes per picture pixel: a step at full size, beside the one that is dreamt on; measured
_MUCH = 2 * 2**30  # bytes: a dream that needs more announces it

# What must match when a dream is repeated, and its name in messages.
_SAME = {
    "input_sha256": "the picture",
    "guide_sha256": "the guide",
    "mask_sha256": "the mask",
    recipes.MODEL: "the model's .caffemodel",
    recipes.NUMBERS: "the model, by its numbers,",
    "prototxt_sha256": "the model's deploy.prototxt",
    recipes.MEAN: "the model's mean",
    recipes.SCALE: "the model's scale",
}


@dataclass
class DreamJob:
    """A request, with everything that its dream needs."""

    request: Request
    model: Model
    net: NeededNet
    inputs: Inputs
    target: Target
    plan: MemoryPlan
    recipe: Recipe

    def steps(
        self,
        start: np.ndarray,
        seed: int | None = None,
        begun: Begun | None = None,
        shares: Sequence[float] | None = None,
    ) -> Iterator[Step]:
        """Dreams on a picture, (h, w, 3); yields each step. Jobs that share a net take turns: one dream at a time.

        seed: another one than the request's. begun: what was done before; its last step is yielded first.
        shares: of each term, whose gradients are then mixed by them.
        """
        dream = self.request.dream if seed is None else replace(self.request.dream, seed=seed)
        self.plan.apply(self.net)
        ascend = self._ascend
        if shares:
            terms = [term._replace(weight=share) for term, share in zip(ascend.terms, shares) if share]
            ascend = replace(ascend, terms=terms, is_mix=len(terms) > 1)
        return dream_steps(self.net, start, dream, ascend, begun)

    @cached_property
    def _ascend(self) -> Ascent:
        """The gradient ascent step of the dream. For a guide, the first access computes its features."""
        terms, guide, mask = self.target.terms, self.inputs.guide, self.inputs.mask
        if guide:
            (end,) = (term.end for term in terms)
            terms = [Term(end, objective_guide(guide_features(self.net, guide.pixels, end)))]
        request = self.request
        return Ascent(self.net, request.dream, terms, request.objective, mask_weights(mask) if mask else None)


def prepare(request: Request, model: Model | None = None, inputs: Inputs | None = None) -> DreamJob:
    """Reads the pictures, finds and loads the net, and refuses what cannot be dreamt; reports what it does.

    model, inputs: what is known already; otherwise they are found and read.
    """
    resolved = resolve(request, model, inputs)
    announce(resolved, request)
    return load(resolved)


def prepare_again(request: Request, begun: Recipe, base: Picture | None = None) -> DreamJob:
    """Does what prepare does. What was not given is as in the recipe that a sequence was begun with, {} for none.

    base: the picture of the request, if it is read already.
    """
    if request.is_seed_drawn and "seed" in begun:
        request = replace(request, dream=replace(request.dream, seed=begun["seed"]))
    inputs = read_inputs(request, base)
    resolved = resolve(request, find_model(request.net, begun.get("model")), inputs)
    announce(resolved, request)
    return load(resolved, begun.get("memory"))


def load(resolved: Resolved, memory_limit: int | None = None, plan: MemoryPlan | None = None) -> DreamJob:
    """Loads the net and plans its memory; reports both.

    memory_limit: the one that a resumed dream was begun with, which applies unless --memory is given. plan: made by
    another process, to be followed.
    """
    settings = resolved.request.net
    _ = resolved.model.numbers_sha256  # for the recipe, here because its memory is free again before the net is loaded
    net = _load_net(resolved.model, settings, resolved.request.kind == "class")
    say(f"computing with {net.engine} {net.engine_version} on {net.device}")
    job = _job(resolved, net, plan or _plan(resolved, net, settings.memory or memory_limit))
    if job.plan.limit or job.plan.estimate > _MUCH:
        tiles = f", in tiles to stay within {byte_text(job.plan.limit)}" if job.plan.limit else ""
        say(f"this takes about {byte_text(job.plan.estimate)} of memory{tiles}")
    return job


def variant_of(job: DreamJob, request: Request, plan: MemoryPlan | None = None) -> DreamJob:
    """Prepares another dream with the net and the pictures of a prepared one, without messages.

    request: the new request, with other dream settings. plan: made before, to be followed whatever memory is free now.
    Raises what resolve raises, and DreamError for too little memory.
    """
    same = request.dream.seed == job.request.dream.seed
    inputs = job.inputs if same else redraw_noise(job.inputs, request)
    return _on_net(request, job.model, job.net, inputs, plan)


class NetCache:
    """Prepares one dream after another and keeps the net loaded while they use the same one. Nothing else is kept."""

    def __init__(self) -> None:
        self._loaded: tuple[Model, NeededNet] | None = None
        self._loaded_for: tuple[NetSettings, bool] | None = None

    def prepare(self, request: Request, inputs: Inputs, plan: MemoryPlan | None = None) -> DreamJob:
        """Does what prepare does, and raises what it raises. plan: made by another process, to be followed."""
        loaded_for = request.net, request.kind == "class"
        if self._loaded and loaded_for == self._loaded_for:
            job = _on_net(request, *self._loaded, inputs, plan)
            tell_octaves(request, job.request, inputs)
            return job
        self._loaded = None  # two nets might not fit into memory
        resolved = resolve(request, inputs=inputs)
        announce(resolved, request)
        job = load(resolved, plan=plan)
        self._loaded, self._loaded_for = (job.model, job.net), loaded_for
        return job


def _on_net(request: Request, model: Model, net: NeededNet, inputs: Inputs, plan: MemoryPlan | None = None) -> DreamJob:
    """Prepares a request on a loaded net, without messages."""
    resolved = resolve(request, model, inputs, net.topology)
    return _job(resolved, net, plan or _plan(resolved, net, request.net.memory))


def _load_net(model: Model, settings: NetSettings, convolutional: bool) -> NeededNet:
    engine = choose_engine(settings.engine)
    why = not_caffe() if settings.engine == "auto" else None
    if why:
        say(f"{why}: using PyTorch instead")
    if settings.threads:
        engine.set_threads(settings.threads)
    net = make_net(model, engine, settings.device, settings.precision, blobs="needed", convolutional=convolutional)
    return cast("NeededNet", net)  # that is the kind with blobs="needed"


def _plan(resolved: Resolved, net: NeededNet, limit: int | None) -> MemoryPlan:
    request, inputs, terms = resolved.request, resolved.inputs, resolved.target.terms
    per_pixel = Ascent.bytes_per_pixel(len(terms), request.objective, inputs.mask is not None)
    per_pixel += _bytes_of_octaves(request, inputs.base.size) + _GROWTH * bool(request.growth)
    ends, sizes = [term.end for term in terms], inputs.sizes
    if request.dream.seamless:
        sizes[0] = Seamless(request.dream.seamless, net.topology, ends).size(sizes[0])
        per_pixel += Seamless.BYTES_PER_PIXEL
    return memory.plan(net, ends, sizes, limit, per_pixel)


def _bytes_of_octaves(request: Request, size: Size) -> int:
    """Bytes per picture pixel that the smaller octaves use, beyond the one copy that memory.fit already counts."""
    dream = request.dream
    pixels = sum(h * w for h, w in octave_sizes(size, dream.octave_n, dream.octave_scale))
    return max(0, 12 * (pixels // (size[0] * size[1]) - 1))


def _job(resolved: Resolved, net: NeededNet, plan: MemoryPlan) -> DreamJob:
    request, model, inputs, target = resolved
    return DreamJob(request, model, net, inputs, target, plan, _recipe(resolved, net, plan))


def _recipe(resolved: Resolved, net: NeededNet, plan: MemoryPlan) -> Recipe:
    request, model, inputs, target = resolved
    recipe: Recipe = {"program": "dreamify", "version": __version__}
    recipe.update(engine=net.engine, engine_version=net.engine_version, device=str(net.device), precision=net.precision)
    if net.precision != "float64":
        recipe["threads"] = net.threads  # the count affects the last bits; in float64 the file is always the same
    recipe.update({"model": model.name, recipes.MODEL: model.sha256})
    if model.numbers_sha256:
        recipe[recipes.NUMBERS] = model.numbers_sha256
    recipe["prototxt_sha256"] = model.prototxt_sha256
    if not model.card.files:
        recipe.update({recipes.MEAN: model.mean, recipes.SCALE: model.scale})
    recipe.update({**request.dream.by_option(), **request.pictures.by_option()})
    if "layer" not in target.recipe:
        del recipe["layer"]
    if request.dream.seamless is None:
        del recipe["seamless"]
    if plan.limit:
        recipe["memory"] = plan.limit  # tiles affect the last bits, too
    recipe.update(objective=request.kind, **target.recipe)
    for regularizer in ("tv", "decay", "blur"):
        if getattr(request.objective, regularizer):
            recipe[regularizer] = getattr(request.objective, regularizer)
    recipe["input_sha256"] = inputs.base.sha256
    if noise.size_of(request.source):
        recipe["input"] = request.source
    if inputs.guide:
        recipe["guide_sha256"] = inputs.guide.sha256
    if inputs.mask:
        recipe["mask_sha256"] = inputs.mask.sha256
    if model.is_fallback:
        recipe["asked_model"] = request.net.model
    return recipes.normalized({**recipe, **target.asked})


def repeat(job: DreamJob, like: Recipe) -> None:
    """Makes a job the repetition of an earlier dream: checks its inputs and keeps what that one was asked for.

    Refuses inputs that differ from the earlier recipe; warns if other versions may change the last bits.
    """
    free = recipes.uncompared(like, job.recipe)
    for key, what in _SAME.items():
        if key not in free and like.get(key) != job.recipe.get(key):
            it = "its SHA-256" if key.endswith("_sha256") else "it"
            values = f"{it} is {job.recipe.get(key)}, not {like.get(key)}"
            raise DreamError(f"{what} is not the one used for that dream: {values}")
    versions = {"version": "dreamify", "engine_version": job.net.engine}
    if like.get("engine") == recipes.BROWSER:
        del versions["engine_version"]
        say(
            f"that dream was made in a browser, by {recipes.BROWSER} {like.get('engine_version')}: each step of "
            f"{job.net.engine} agrees with it, but over many steps the detail of the two pictures parts"
        )
    for key, what in versions.items():
        if like.get(key) != job.recipe[key]:
            say(f"that dream was made with {what} {like.get(key)}, this is {job.recipe[key]}: the result may differ")
    job.recipe.update({key: value for key, value in like.items() if key.startswith("asked_")})
