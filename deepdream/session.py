"""One dream from file to file: read the pictures, dream with a progress bar, store the result with its recipe."""

import signal
import sys
import tempfile
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

import numpy as np
from tqdm import tqdm

from . import __version__, memory, model_zoo, picture
from .caffe_format.topology import read_topology
from .dream import Step, dream_steps, guide_features
from .engines import choose_engine, make_net
from .errors import DreamError, UsageError
from .objectives import objective_guide, objective_L2
from .settings import DREAM, NET, PICTURE, DreamSettings, NetSettings, PictureSettings, byte_text
from .sizes import Size, check_sizes, octave_sizes

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


def run(request: Request, like: Optional[Recipe] = None) -> int:
    """Dreams and writes the result; returns the exit code: 128 and the signal's number where one cut the dream short.

    Where there is a recipe to be `like`, inputs that are not those of the recipe are refused before anything is dreamt.
    """
    _check(request)
    if request.dream.seed is None:
        request = replace(request, dream=replace(request.dream, seed=int(np.random.randint(2**31))))
    dream, max_size = request.dream, request.pictures.max_size
    base = picture.read(request.source, max_size)
    guide = picture.read(request.guide, max_size) if request.guide else None
    model = model_zoo.resolve(request.net.model, progress=True)
    if not model.verified:
        _say(f"{model.name} is unverified: the SHA-256 of its weights is {model.sha256}")
    _check_sizes(model, request.dream, base, guide)
    if request.frames:
        _make_folder(request.frames)
    _say(f"{model.name}, layer {dream.end}, seed {dream.seed}")
    net = _net(model, request.net)
    _say(f"computing with {net.engine} {net.engine_version} on {net.device}")
    request = _fitted(request, net, base, guide)
    recipe = _recipe(request, net, base, guide)
    if like is not None:
        _compare(like, recipe)

    last, cut_short = _dream(request, net, base, guide, recipe)
    unfinished = last and (last.octave + 1, last.iteration + 1) != (dream.octave_n, dream.iter_n)
    moment = _moment(dream, last) if last and unfinished else None
    image = last.whole() if last else base.pixels.astype(np.float32)
    del net, last  # a large picture's memory may be needed to write it
    _write(request, image, recipe, moment, base.alpha)
    if isinstance(cut_short, DreamError):
        raise cut_short
    return 128 + cut_short if moment and cut_short else 0


def _dream(
    request: Request, net: Any, base: picture.Picture, guide: Optional[picture.Picture], recipe: Recipe
) -> Tuple[Optional[Step], Union[int, DreamError, None]]:
    """Dreams, with a bar and frames; returns the last step done, and the signal or the frame's fault that ended it."""
    dream = request.dream
    objective = objective_guide(guide_features(net, guide.pixels, dream.end)) if guide else objective_L2
    steps = dream_steps(net, base.pixels, dream, objective)
    last: Optional[Step] = None
    with _Progress(dream, base.pixels.shape[:2]) as progress, _interruptible() as interrupted:
        for last in steps:
            progress.show(last)
            try:
                if request.frames:
                    _write_frame(request, last, recipe)
            except DreamError as fault:
                return last, fault  # a disk that is full need not be the one that the dream goes to
            if interrupted():
                return last, interrupted()
    return last, None


def request_again(recipe: Recipe, source: str, target: str, guide: Optional[str], model: Optional[str]) -> Request:
    """The Request that repeats the dream of a recipe."""
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
    if request.source == "-" and request.guide == "-":
        raise UsageError("standard input can be the picture or the guide, not both")
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
        _say(f"it takes about {byte_text(found.size)} of memory{tiles}")
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
            _say(f"that dream was made with {what} {old.get(key)}, this is {new[key]}: it may differ")


def _write(
    request: Request, image: np.ndarray, recipe: Recipe, moment: Optional[str], alpha: Optional[np.ndarray]
) -> None:
    pixels = picture.to_uint8(image, request.dream.clip)
    recipe = {**recipe, "moment": moment} if moment else recipe
    try:
        picture.write(request.target, pixels, recipe, alpha)
    except DreamError as error:
        raise DreamError(f"{error}; the dream is in {_rescued(request, pixels, recipe, alpha)}") from None
    where = "standard output" if request.target == "-" else request.target
    _say(f"stopped at {moment}: the dream so far is in {where}" if moment else f"the dream is in {where}")


def _rescued(request: Request, pixels: np.ndarray, recipe: Recipe, alpha: Optional[np.ndarray]) -> Path:
    """Where a dream of hours went when it could not be written where it should: the folder for temporary files."""
    path = Path(tempfile.gettempdir()) / f"dreamify-{uuid.uuid4().hex[:8]}.png"
    picture.write(str(path), pixels, recipe, alpha)
    return path


def _write_frame(request: Request, step: Step, recipe: Recipe) -> None:
    target = Path(str(request.frames)) / _frame_name(step.octave, step.iteration)
    pixels = picture.to_uint8(step.picture(), request.dream.clip)
    picture.write(str(target), pixels, {**recipe, "moment": _moment(request.dream, step)})


def _frame_name(octave: int, iteration: int) -> str:
    return f"octave{octave + 1:02}-iteration{iteration + 1:04}.png"


def _moment(dream: DreamSettings, step: Step) -> str:
    return f"octave {step.octave + 1} of {dream.octave_n}, iteration {step.iteration + 1} of {dream.iter_n}"


class _Progress:
    """A bar on standard error where that is a terminal and the dream takes longer than two seconds.

    It counts pixels times iterations, what time goes by, so that the time left is right from the first octave on.
    """

    def __init__(self, dream: DreamSettings, size: Size):
        self._dream = dream
        sizes = octave_sizes(size, dream.octave_n, dream.octave_scale)
        self._bar = tqdm(
            total=dream.iter_n * sum(h * w for h, w in sizes),
            bar_format="{desc} |{bar}| {percentage:3.0f}%, {remaining} left",
            disable=None,
            delay=2,
            leave=False,
        )

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: Any) -> None:
        self._bar.close()

    def show(self, step: Step) -> None:
        h, w = step.octave_base.shape[1:]
        self._bar.set_description_str(f"{_moment(self._dream, step)}, {w}x{h}", refresh=False)
        self._bar.update(h * w)


@contextmanager
def _interruptible() -> Iterator[Callable[[], Optional[int]]]:
    """The first Ctrl-C, or SIGTERM, waits until the step under way is done, so that a whole picture is left.

    The second does not. What is yielded tells the signal that came, if one did.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    caught: List[int] = []

    def catch(number: int, _: Any) -> None:
        caught.append(number)
        signal.signal(number, before[signal.Signals(number)])
        again = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        _say(f"finishing this step; {again} again to drop the dream")

    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # a script's background job ignores Ctrl-C, and is to go on doing so
            signal.signal(number, catch)
    try:
        yield lambda: caught[0] if caught else None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(text: str) -> None:
    print(f"dreamify: {text}", file=sys.stderr, flush=True)
