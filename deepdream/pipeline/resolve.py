"""Resolves a request on its model and its pictures, before a net is loaded."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, Sequence

from ..arrays import Size
from ..caffe_format.convolutional import as_convolutional
from ..caffe_format.sizes import check_channels, check_sizes, octave_sizes, octaves_that_fit
from ..caffe_format.topology import Topology
from ..console import say
from ..images import picture
from ..modelzoo.auto import choose
from ..modelzoo.load import usable_topology
from ..modelzoo.model import Model
from ..seamless import Seamless
from ..settings import GOOGLENET, NetSettings
from . import targets
from .layers import stands_for
from .request import Inputs, Request, read_inputs
from .targets import Target


class Resolved(NamedTuple):
    """A request that is known to work on its model and its pictures; no net is loaded yet."""

    request: Request  # with as many octaves as fit, if their number was left open
    model: Model
    inputs: Inputs
    target: Target


def resolve(
    request: Request,
    model: Model | None = None,
    inputs: Inputs | None = None,
    topology: Topology | None = None,
) -> Resolved:
    """Resolves the target and checks that every octave is large enough. Loads no engine, which would take seconds.

    model, inputs: what is known already. topology: that of a loaded net.
    Raises UsageError if the layer, channel or class does not exist; DreamError if an octave or the guide is too small
    for a layer, if a picture cannot be read or if the model is not available.
    """
    inputs = inputs or read_inputs(request)
    model = model or find_model(request.net)
    topology = topology or _topology(request, model)
    size, octave_n, scale = inputs.base.size, request.dream.octave_n, request.dream.octave_scale
    target = targets.find_target(
        request.objective, request.dream, topology, model.card.classes, model.layer, request.layers
    )
    if request.fit_octaves:
        octave_n = max(1, min(octaves_that_fit(topology, size, octave_n, scale, term.end) for term in target.terms))
    if request.dream.seamless:
        Seamless(request.dream.seamless, topology, [term.end for term in target.terms])  # refuses what cannot be
    for term in target.terms:
        check_sizes(topology, size, octave_n, scale, term.end)
        sizes = octave_sizes(size, octave_n, scale)
        if inputs.guide:
            check_sizes(topology, inputs.guide.size, 1, scale, term.end, "guide")
            sizes.append(inputs.guide.size)
        check_channels(topology, sizes, term.end, term.channels, bool(inputs.guide))
    return Resolved(replace(request, dream=replace(request.dream, octave_n=octave_n)), model, inputs, target)


def find_model(net: NetSettings, begun: str | None = None) -> Model:
    """The model of the settings. begun: the model that the dream was started with, if this resumes it."""
    return choose(net.model, net.engine, progress=True, begun=begun)


def announce(resolved: Resolved, asked: Request, varying: Sequence[str] = ()) -> None:
    """Reports the model, the layer, the seed and the number of octaves.

    asked: the request before it was resolved. varying: recipe keys to leave out, because other values follow.
    """
    request, model, inputs, target = resolved
    if not model.verified:
        say(f"{model.name} is unverified: the SHA-256 of its weights is {model.sha256}")
    if model.mean_told:
        say(f"{model.name}: {model.mean_told}")
    if model.is_fallback:
        _tell_fallback(model, target)
    else:
        tell_names(target)
    told = {"layer": target.text, "seed": f"seed {request.dream.seed}"}
    say(", ".join([model.name, *(text for key, text in told.items() if key not in varying)]))
    if "octaves" not in varying:
        tell_octaves(asked, request, inputs)


def check(request: Request) -> None:
    """Refuses a request that fails on every picture: its model, layer, guide or mask does not exist."""
    model = find_model(request.net)
    topology = _topology(request, model)
    targets.find_target(request.objective, request.dream, topology, model.card.classes, model.layer, request.layers)
    for source in (request.guide, request.mask):
        if source:
            picture.read(source, request.pictures.max_size, request.dream.seed)


def _topology(request: Request, model: Model) -> Topology:
    topology = usable_topology(model)
    return as_convolutional(topology) if request.kind == "class" else topology


def fewer_octaves(asked: Request, used: Request, size: Size) -> str:
    """A sentence that a picture of (height, width) gets fewer octaves than the default; "" if it gets all of them.

    asked, used: the request before and after it was prepared.
    """
    before, after = asked.dream.octave_n, used.dream.octave_n
    if before == after:
        return ""
    octaves = "one octave" if after == 1 else f"{after} octaves"
    return f"{octaves} instead of {before}, as a picture of {size[1]}x{size[0]} is too small for more"


def tell_octaves(asked: Request, used: Request, inputs: Inputs) -> None:
    words = fewer_octaves(asked, used, inputs.base.size)
    if words:
        say(words)


def tell_names(target: Target) -> None:
    """Reports which layers short names stand for."""
    for key, asked in target.asked.items():
        say(stands_for(asked, target.recipe[key[len("asked_") :]]))


def _tell_fallback(model: Model, target: Target) -> None:
    """Reports that a fallback replaces the 2015 network, on which layers it dreams, and how to get the real one."""
    instead = "".join(f", its {target.recipe[key[len('asked_') :]]} for {asked}" for key, asked in target.asked.items())
    say(
        f"{GOOGLENET} is not installed and cannot be downloaded, so {model.name} dreams{instead}; "
        f"`dreamify models fetch {GOOGLENET}` downloads it, or says what is wrong"
    )
