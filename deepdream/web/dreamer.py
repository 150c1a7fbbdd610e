"""Dreams for the page, without the page: one after the other, each told moment by moment to whoever asked for it."""

import contextlib
import re
import tempfile
import threading
import time
import warnings
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Generator, Iterator, List, NamedTuple, Optional

import numpy as np
from PIL import Image

from .. import picture, transparency
from ..dream import Step, dream_steps
from ..errors import DreamError, UsageError
from ..picture import Picture
from ..preparation import KeptNet, Prepared, fewer_octaves
from ..request import Recipe, Request
from ..session import outcome
from ..settings import WEB, WEB_MOST, WebSettings
from ..sizes import octave_sizes
from ..terminal import heard, moment

# Seconds between two moments: at least, since to show them takes time from the dream, and at most, so that it is soon
# noticed when nobody looks any more.
_PAUSE, _PATIENCE = 0.2, 1
_LONGEST_NAME = 60


class Result(NamedTuple):
    """What a dream has come to, whole or stopped."""

    dream: Path  # a PNG with its recipe
    before: Path  # the picture as it was dreamt on
    recipe: Recipe


class Moment(NamedTuple):
    """What there is to see of a dream under way."""

    words: str
    share: float = 0.0  # of the work, that is done
    picture: Optional[np.ndarray] = None  # (h, w, 3) uint8: as large as its octave, where there is a new one
    result: Optional[Result] = None
    is_last: bool = False


_LEFT = Moment("stopped before its turn: nothing was dreamt", is_last=True)


class Dream:
    """One dream, from its place in the line to its end."""

    ended: "Future[Moment]"  # the last moment, or what went wrong

    def __init__(self, request: Request, base: Picture):
        self.request, self.base = request, base
        self.is_stopped = self.is_dropped = False
        self._news = threading.Condition()
        self._latest, self._is_new = Moment("getting ready"), True

    def stop(self) -> None:
        """Ends the dream after the step under way, with what there is by then; or takes it out of the line."""
        self.is_stopped = True
        self.ended.cancel()

    def drop(self) -> None:
        """Ends it with nothing: nobody wants it any more."""
        self.is_dropped = True
        self.stop()

    def tell(self, news: Moment) -> None:
        """Says what there is to see now; a picture that nobody has seen yet stays until somebody has."""
        with self._news:
            unseen = self._latest.picture if self._is_new else None
            self._latest = news if news.picture is not None else news._replace(picture=unseen)
            self._is_new = True
            self._news.notify()

    def wake(self) -> None:
        """Has whoever looks see that it has ended."""
        with self._news:
            self._news.notify()

    @property
    def is_seen(self) -> bool:
        """Whether somebody has looked since it was told last."""
        return not self._is_new

    def look(self) -> Moment:
        """What there is to see, as soon as that is new or all is over, else after a while; a picture is given once."""
        with self._news:
            self._news.wait_for(lambda: self._is_new or self.ended.done(), _PATIENCE)
            latest = self._latest if self._is_new else self._latest._replace(picture=None)
            self._is_new = False
            return latest


class Dreamer:
    """Dreams one dream at a time, in the order in which they were asked for, with a net that it keeps.

    All of them in one thread: what PyTorch and numba know of their threads is each thread's own.
    """

    def __init__(self, folder: Path, settings: WebSettings = WEB):
        """folder: for what is made here; whoever reads it may remove it from there."""
        self._folder, self._settings = folder, settings
        self._net = KeptNet()
        self._executor = ThreadPoolExecutor(1, "dreamer")
        self._line: List[Dream] = []
        self._reading = threading.Lock()  # one large picture at a time is decoded

    def begin(self, request: Request) -> Dream:
        """Reads the picture and puts the dream at the end of the line.

        Raises DreamError, or UsageError, for what is refused here, with the name of the file and without its path.
        """
        _check(request)
        if len(self._line) > self._settings.waiting:
            raise DreamError(f"{len(self._line)} dreams are under way or waiting already: try again in a while")
        with _without_paths(request), self._reading:
            for source in _sources(request):
                self._check_file(source)
            base = picture.read(request.source, request.pictures.max_size)
        dream = Dream(request, base)
        self._line.append(dream)
        dream.ended = self._executor.submit(self._dream, dream)
        dream.ended.add_done_callback(lambda _: self._leave(dream))
        return dream

    def moments(self, dream: Dream) -> Generator[Moment, None, None]:
        """What there is to see of a dream; the last has its result, if it has one.

        Whoever closes this before its end drops the dream. Raises DreamError where it fails.
        """
        try:
            while not dream.ended.done():
                news, before = dream.look(), self._before(dream)
                waits = f"waiting for {before} other dream{'s' if before > 1 else ''}"
                yield news._replace(words=waits) if before else news
                wait([dream.ended], _PAUSE)
            with _without_paths(dream.request):
                yield _LEFT if dream.ended.cancelled() else dream.ended.result()
        finally:
            dream.drop()

    def close(self) -> None:
        """Drops every dream; returns when the step under way is done."""
        for dream in list(self._line):
            dream.drop()
        self._executor.shutdown()

    def _before(self, dream: Dream) -> int:
        """How many come before it."""
        with contextlib.suppress(ValueError):  # it has just ended
            return self._line.index(dream)
        return 0

    def _leave(self, dream: Dream) -> None:
        self._line.remove(dream)
        dream.wake()

    def _check_file(self, source: str) -> None:
        if not Path(source).exists():
            raise DreamError(f"{source} is not here any more: give it again")
        pixels, most = _declared_pixels(source), self._settings.megapixels
        if pixels > most * 1e6:
            raise DreamError(f"{source} has {pixels / 1e6:.1f} megapixels, and {most:g} is the limit: shrink it first")

    def _dream(self, dream: Dream) -> Moment:
        with heard(lambda text: dream.tell(Moment(text))):
            prepared = self._net.prepare(dream.request, dream.base)
        last: Optional[Step] = None
        for step in _steps(prepared, dream):
            last = step
            if dream.is_stopped:
                break
        if dream.is_stopped and (last is None or dream.is_dropped):
            return Moment("stopped before the first step: nothing was dreamt", is_last=True)
        result = _written(prepared, last, Path(tempfile.mkdtemp(dir=self._folder)))
        so_far, seed = result.recipe.get("moment"), result.recipe["seed"]
        words = f"stopped at {so_far}: this is the dream so far" if so_far else "the dream is done"
        fewer = fewer_octaves(dream.request, prepared.request, dream.base.pixels.shape[:2])
        words = f"{words} (seed {seed}{fewer and ', '}{fewer})"
        return Moment(words, 1.0, None, result, is_last=True)


def _steps(prepared: Prepared, dream: Dream) -> Iterator[Step]:
    """Dreams; after each octave and every second or so, what there is to see is told with its picture."""
    base, settings = prepared.inputs.base, prepared.request.dream
    if dream.is_stopped:
        return
    sizes = octave_sizes(base.pixels.shape[:2], settings.octave_n, settings.octave_scale)
    work, done, shown = settings.iter_n * sum(h * w for h, w in sizes), 0, -1.0
    for step in dream_steps(prepared.net, base.pixels, settings, prepared.ascend):
        h, w = step.octave_base.shape[1:]
        done += h * w
        is_due = step.iteration + 1 == settings.iter_n or (dream.is_seen and time.monotonic() > shown + _PATIENCE)
        image = None
        if is_due:
            alpha = transparency.resized(base.alpha, h, w)
            image = transparency.on_white(picture.to_uint8(step.picture(), settings.clip), alpha)
        shown = time.monotonic() if is_due else shown
        dream.tell(Moment(f"{moment(settings, step)}, {w}x{h}", done / work, image))
        yield step


def _written(prepared: Prepared, last: Optional[Step], folder: Path) -> Result:
    """Stores the dream, and the picture as it was before, for comparison."""
    base, settings = prepared.inputs.base, prepared.request.dream
    image, recipe = outcome(prepared, last)
    target, before = folder / f"{_stem(prepared.request.source)}-dream.png", folder / "before.png"
    picture.write(str(target), picture.to_uint8(image, settings.clip), recipe, base.alpha)
    Image.fromarray(transparency.joined(base.pixels, base.alpha)).save(before)
    return Result(target, before, recipe)


def _stem(source: str) -> str:
    """A picture's name as part of a file's name, whatever its owner called it."""
    return re.sub(r"[^\w.-]+", "_", Path(source).stem).strip("._")[:_LONGEST_NAME] or "picture"


def _check(request: Request) -> None:
    """Raises UsageError for more than one visitor may ask for."""
    for name, most in WEB_MOST.items():
        value, option = getattr(request.dream, name), request.dream.__dataclass_fields__[name].metadata["option"]
        if value > most:
            raise UsageError(f"{option} may be {most} at most on this page, not {value}")


def _sources(request: Request) -> List[str]:
    return [source for source in (request.source, request.guide) if source]


def _declared_pixels(source: str) -> int:
    """What a picture's file says of its size, before it is decoded; 0 where it says nothing, of which others tell."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(source) as image:
                return image.width * image.height
    except Exception:  # decoders raise whatever comes
        return 0


@contextlib.contextmanager
def _without_paths(request: Request) -> Iterator[None]:
    """Names the files of a request as their owner knows them, in what goes wrong."""
    try:
        yield
    except DreamError as error:
        words = str(error)
        for source in _sources(request):
            words = words.replace(source, Path(source).name)
        raise type(error)(words) from None
