"""Dreams for the page, without the page: one after the other, each told moment by moment to whoever asked for it."""

import contextlib
import re
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Generator, Iterator, List, NamedTuple, Optional

import numpy as np
from PIL import Image

from ..caffe_format.sizes import octave_sizes
from ..console import captured_messages
from ..dream import Step, dream_steps
from ..errors import DreamError, UsageError
from ..images import picture, transparency
from ..images.picture import Picture
from ..pipeline.prepare import DreamJob, NetCache, fewer_octaves
from ..pipeline.request import Recipe, Request
from ..settings import WEB, WEB_MOST, WebSettings
from ..tasks.progress import moment
from ..tasks.single import finalize
from .reader import Reader
from .storage import Storage

# Seconds between two moments: at least, since to show them takes time from the dream, and at most, so that it is soon
# noticed when nobody looks any more.
_PAUSE, _PATIENCE = 0.2, 1
_LONGEST_NAME = 60
_ENDING = "this page is being ended: nothing was dreamt"


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

    def __init__(self, request: Request, base: Picture, guide: Optional[Picture]):
        """request: with a target in a folder of the dream's own."""
        self.request, self.base, self.guide = request, base, guide
        self.ended: Future[Moment] = Future()  # the last moment, or what went wrong
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

    def __init__(self, storage: Storage, reader: Reader, settings: WebSettings = WEB):
        self._storage, self._reader, self._settings = storage, reader, settings
        self._net = NetCache()
        self._executor = ThreadPoolExecutor(1, "dreamer")
        self._lock = threading.Lock()  # of all that follows, and of nothing that takes time
        self._places = 0  # of dreams that are being read, wait, or are under way
        self._line: List[Dream] = []
        self._is_closed = False

    def begin(self, request: Request) -> Dream:
        """Reads the picture and puts the dream at the end of the line.

        Raises DreamError, or UsageError, for what is refused here, with the name of the file and without its path.
        """
        _check(request)
        self._take_place()
        try:
            return self._line_up(self._read(request))
        except BaseException:
            self._give_place_back()
            raise

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
        with self._lock:
            self._is_closed = True
            dreams = list(self._line)
        for dream in dreams:
            dream.drop()
        self._executor.shutdown()

    def _take_place(self) -> None:
        with self._lock:
            if self._places > self._settings.waiting:
                raise DreamError(f"{self._places} dreams are under way or waiting already: try again in a while")
            self._places += 1

    def _give_place_back(self) -> None:
        with self._lock:
            self._places -= 1

    def _read(self, request: Request) -> Dream:
        source = str(self._storage.find(request.source))
        guide = None if request.guide is None else str(self._storage.find(request.guide))
        request = replace(request, source=source, guide=guide)
        limits = request.pictures.max_size, self._settings.megapixels
        with _without_paths(request):
            base = self._reader.read(source, *limits)
            towards = None if guide is None else self._reader.read(guide, *limits)
        target = self._storage.make_folder() / f"{_stem(source)}-dream.png"
        return Dream(replace(request, target=str(target)), base, towards)

    def _line_up(self, dream: Dream) -> Dream:
        dream.ended.add_done_callback(lambda _: self._leave(dream))
        with self._lock:
            if self._is_closed:
                raise DreamError(_ENDING)
            self._line.append(dream)
            self._executor.submit(self._dream_next)
        return dream

    def _leave(self, dream: Dream) -> None:
        with self._lock:
            self._line.remove(dream)
            self._places -= 1
        dream.wake()

    def _before(self, dream: Dream) -> int:
        """How many come before it."""
        with self._lock, contextlib.suppress(ValueError):  # it has just ended
            return self._line.index(dream)
        return 0

    def _dream_next(self) -> None:
        """Dreams the first in the line, unless that has left it."""
        with self._lock:
            waiting = (dream for dream in self._line if not dream.ended.cancelled())
            dream = next((dream for dream in waiting if dream.ended.set_running_or_notify_cancel()), None)
        if dream is None:
            return
        try:
            dream.ended.set_result(self._dream(dream))
        except BaseException as error:
            dream.ended.set_exception(error)

    def _dream(self, dream: Dream) -> Moment:
        with captured_messages(lambda text: dream.tell(Moment(text))):
            prepared = self._net.prepare(dream.request, dream.base, dream.guide)
        last: Optional[Step] = None
        for step in _steps(prepared, dream):
            last = step
            if dream.is_stopped:
                break
        if dream.is_stopped and (last is None or dream.is_dropped):
            return Moment("stopped before the first step: nothing was dreamt", is_last=True)
        result = _written(prepared, last)
        so_far, seed = result.recipe.get("moment"), result.recipe["seed"]
        words = f"stopped at {so_far}: this is the dream so far" if so_far else "the dream is done"
        fewer = fewer_octaves(dream.request, prepared.request, dream.base.pixels.shape[:2])
        words = f"{words} (seed {seed}{fewer and ', '}{fewer})"
        return Moment(words, 1.0, None, result, is_last=True)


def _steps(prepared: DreamJob, dream: Dream) -> Iterator[Step]:
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


def _written(prepared: DreamJob, last: Optional[Step]) -> Result:
    """Stores the dream, and the picture as it was before, for comparison."""
    base, settings = prepared.inputs.base, prepared.request.dream
    image, recipe = finalize(prepared, last)
    target = Path(prepared.request.target)
    before = target.with_name("before.png")
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


@contextlib.contextmanager
def _without_paths(request: Request) -> Iterator[None]:
    """Names the files of a request as their owner knows them, in what goes wrong."""
    try:
        yield
    except DreamError as error:
        words = str(error)
        for path in filter(None, (request.source, request.guide, request.target)):
            words = words.replace(path, Path(path).name)
        raise type(error)(words) from None
