"""One dream from file to file: read the pictures, dream with a progress bar, store the result with its recipe."""

import tempfile
import uuid
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Dict, Optional, Tuple, Union

import numpy as np

from . import __version__, memory, model_zoo, noise, picture
from .caffe_format.topology import read_topology
from .dream import Step, dream_steps, guide_features
from .engines import choose_engine, make_net
from .errors import DreamError, UsageError
from .objectives import Objective, objective_guide, objective_L2
from .settings import DREAM, NET, PICTURE, DreamSettings, NetSettings, PictureSettings, byte_text
from .sizes import check_sizes
from .terminal import Progress, interruptible, moment, say

Recipe = Dict[str, Any]

_MUCH = 2 * 2**30  # bytes: a dream that takes more says so beforehand

# What a repeated dream must agree in, and how a person calls it.
_SAME = {
    "input_sha256": "the picture",
    "guide_sha256": "the guide",
    "model_sha256": "the model's .caffemodel",
    "prototxt_sha256": "the model's deploy.prototxt",
}


@dataclass(frozen=True)
class Request:
    """What is to be dreamt: pictures by path or "-", and the settings."""

    source: str
    target: str
    dream: DreamSettings = DREAM
    net: NetSettings = NET
    pictures: PictureSettings = PICTURE
    guide: Optional[str] = None
    frames: Optional[str] = None  # a folder for every iteration's picture


@dataclass
class Prepared:
    """A request with all that its dream needs."""

    request: Request  # with the seed drawn, and the memory that it is bound to
    net: Any
    base: picture.Picture
    objective: Objective
    recipe: Recipe


def prepare(request: Request, like: Optional[Recipe] = None) -> Prepared:
    """Reads the pictures, finds and loads the net, and refuses what cannot be dreamt.

    Where there is a recipe to be `like`, inputs that are not those of the recipe are refused before anything is dreamt.
    """
    if request.source == "-" and request.guide == "-":
        raise UsageError("standard input can be the picture or the guide, not both")
    if request.dream.seed is None:
        request = replace(request, dream=replace(request.dream, seed=int(np.random.randint(2**31))))
    dream, max_size = request.dream, request.pictures.max_size
    base = picture.read(request.source, max_size, dream.seed)
    guide = picture.read(request.guide, max_size, dream.seed) if request.guide else None
    model = model_zoo.resolve(request.net.model, progress=True)
    if not model.verified:
        say(f"{model.name} is unverified: the SHA-256 of its weights is {model.sha256}")
    _check_sizes(model, request.dream, base, guide)
    if request.frames:
        _make_folder(request.frames)
    say(f"{model.name}, layer {dream.end}, seed {dream.seed}")
    net = _net(model, request.net)
    say(f"computing with {net.engine} {net.engine_version} on {net.device}")
    request = _fitted(request, net, base, guide)
    recipe = _recipe(request, net, base, guide)
    if like is not None:
        _compare(like, recipe)
    objective = objective_guide(guide_features(net, guide.pixels, dream.end)) if guide else objective_L2
    return Prepared(request, net, base, objective, recipe)


def run(request: Request, like: Optional[Recipe] = None) -> int:
    """Dreams and writes the result; returns the exit code: 128 and the signal's number where one cut the dream short.

    like: see prepare.
    """
    _check(request)
    prepared = prepare(request, like)
    request, base, dream = prepared.request, prepared.base, prepared.request.dream
    last, cut_short = _dream(prepared)
    unfinished = last and (last.octave + 1, last.iteration + 1) != (dream.octave_n, dream.iter_n)
    so_far = moment(dream, last) if last and unfinished else None
    image = last.whole() if last else base.pixels.astype(np.float32)
    recipe = prepared.recipe
    del prepared, last  # a large picture's memory may be needed to write it
    _write(request, image, recipe, so_far, base.alpha)
    if isinstance(cut_short, DreamError):
        raise cut_short
    return 128 + cut_short if so_far and cut_short else 0


def _dream(prepared: Prepared) -> Tuple[Optional[Step], Union[int, DreamError, None]]:
    """Dreams, with a bar and frames; returns the last step done, and the signal or the frame's fault that ended it."""
    request, base = prepared.request, prepared.base
    steps = dream_steps(prepared.net, base.pixels, request.dream, prepared.objective)
    last: Optional[Step] = None
    with Progress(request.dream, base.pixels.shape[:2]) as progress, interruptible() as interrupted:
        for last in steps:
            progress.show(last)
            try:
                if request.frames:
                    _write_frame(request, last, prepared.recipe)
            except DreamError as fault:
                return last, fault  # a disk that is full need not be the one that the dream goes to
            if interrupted():
                return last, interrupted()
    return last, None


def request_again(recipe: Recipe, source: str, target: str, guide: Optional[str], model: Optional[str]) -> Request:
    """The Request that repeats the dream of a recipe."""
    if "zoom_rate" in recipe:
        raise DreamError("that picture is of a zoom, and a zoom cannot be repeated from it: use dreamify zoom")
    if "moment" in recipe:
        raise DreamError(f"that picture is a dream at {recipe['moment']}: only a finished dream can be repeated")
    if (recipe.get("objective") == "guide") != bool(guide):
        raise UsageError(
            "that dream had no guide: leave --guide out" if guide else "that dream had a guide: name it with --guide"
        )
    try:
        dream, net = _settings(DreamSettings, recipe), _settings(NetSettings, recipe)
        pictures = _settings(PictureSettings, recipe)
    except UsageError as error:
        raise DreamError(f"the recipe cannot be repeated: {error}") from None
    return Request(source, target, dream, replace(net, model=model) if model else net, pictures, guide)


def _settings(kind: Any, recipe: Recipe) -> Any:
    options = {f.name: f.metadata["option"] for f in fields(kind)}
    return kind(**{name: recipe[option] for name, option in options.items() if option in recipe})


def _check(request: Request) -> None:
    """Everything that can be wrong with the outputs, before the work."""
    picture.check_target(request.target)
    if request.frames and Path(request.frames).is_dir():
        picture.check_target(str(Path(request.frames) / _frame_name(0, 0)))


def _make_folder(folder: str) -> None:
    try:
        Path(folder).mkdir(exist_ok=True)
    except OSError as error:
        raise DreamError(f"the folder {folder} cannot be made: {error.strerror}") from None


def _check_sizes(model: Any, dream: DreamSettings, base: picture.Picture, guide: Optional[picture.Picture]) -> None:
    """What a net cannot dream on, told before an engine is loaded, which takes seconds."""
    topology = read_topology(model.prototxt)
    topology.check_end(dream.end)
    check_sizes(topology, base.pixels.shape[:2], dream.octave_n, dream.octave_scale, dream.end)
    if guide:
        check_sizes(topology, guide.pixels.shape[:2], 1, dream.octave_scale, dream.end, "guide")


def _net(model: Any, settings: NetSettings) -> Any:
    engine = choose_engine(settings.engine)
    if settings.threads:
        engine.set_threads(settings.threads)
    return make_net(model, engine, settings.device, settings.precision, blobs="needed")


def _fitted(request: Request, net: Any, base: picture.Picture, guide: Optional[picture.Picture]) -> Request:
    """Has the net keep to the memory that there is; the request says how much that is, where it makes a difference."""
    sizes = [image.pixels.shape[:2] for image in (base, guide) if image]
    found = memory.fit(net, request.dream.end, sizes, request.net.memory)
    if found.bound or found.size > _MUCH:
        tiles = f", in tiles to stay within {byte_text(found.bound)}" if found.bound else ""
        say(f"it takes about {byte_text(found.size)} of memory{tiles}")
    return replace(request, net=replace(request.net, memory=found.bound))


def _recipe(request: Request, net: Any, base: picture.Picture, guide: Optional[picture.Picture]) -> Recipe:
    recipe: Recipe = {"program": "dreamify", "version": __version__}
    recipe.update(engine=net.engine, engine_version=net.engine_version, device=str(net.device), precision=net.precision)
    if net.precision != "float64":
        recipe["threads"] = net.threads  # they decide the last bits; in float64 any number of them gives the same file
    recipe.update(model=net.model.name, model_sha256=net.model.sha256, prototxt_sha256=net.model.prototxt_sha256)
    for settings in (request.dream, request.pictures):
        recipe.update({f.metadata["option"]: getattr(settings, f.name) for f in fields(settings)})
    if request.net.memory:
        recipe["memory"] = request.net.memory  # tiles decide the last bits, too
    recipe.update(objective="guide" if guide else "l2", input_sha256=base.sha256)
    if noise.size_of(request.source):
        recipe["input"] = request.source
    if guide:
        recipe["guide_sha256"] = guide.sha256
    return recipe


def _compare(old: Recipe, new: Recipe) -> None:
    """Refuses inputs other than a recipe's, and warns of programs that may compute other last bits."""
    for key, what in _SAME.items():
        if old.get(key) != new.get(key):
            raise DreamError(f"{what} is not the one of that dream: its SHA-256 is {new.get(key)}, not {old.get(key)}")
    for key, what in (("version", "dreamify"), ("engine_version", new["engine"])):
        if old.get(key) != new[key]:
            say(f"that dream was made with {what} {old.get(key)}, this is {new[key]}: it may differ")


def _write(
    request: Request, image: np.ndarray, recipe: Recipe, so_far: Optional[str], alpha: Optional[np.ndarray]
) -> None:
    pixels = picture.to_uint8(image, request.dream.clip)
    recipe = {**recipe, "moment": so_far} if so_far else recipe
    try:
        picture.write(request.target, pixels, recipe, alpha)
    except DreamError as error:
        raise DreamError(f"{error}; the dream is in {_rescued(request, pixels, recipe, alpha)}") from None
    where = "standard output" if request.target == "-" else request.target
    say(f"stopped at {so_far}: the dream so far is in {where}" if so_far else f"the dream is in {where}")


def _rescued(request: Request, pixels: np.ndarray, recipe: Recipe, alpha: Optional[np.ndarray]) -> Path:
    """Where a dream of hours went when it could not be written where it should: the folder for temporary files."""
    path = Path(tempfile.gettempdir()) / f"dreamify-{uuid.uuid4().hex[:8]}.png"
    picture.write(str(path), pixels, recipe, alpha)
    return path


def _write_frame(request: Request, step: Step, recipe: Recipe) -> None:
    target = Path(str(request.frames)) / _frame_name(step.octave, step.iteration)
    pixels = picture.to_uint8(step.picture(), request.dream.clip)
    picture.write(str(target), pixels, {**recipe, "moment": moment(request.dream, step)})


def _frame_name(octave: int, iteration: int) -> str:
    return f"octave{octave + 1:02}-iteration{iteration + 1:04}.png"
