"""Runs the page's dreams one after the other and reports the progress of each. Does not depend on Gradio."""

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
from ..dream import Step
from ..errors import DreamError, UsageError
from ..images import picture, transparency
from ..images.picture import Picture
from ..images.recipe import PROGRESS, Recipe
from ..pipeline.prepare import DreamJob, NetCache
from ..pipeline.request import Request, read_inputs
from ..pipeline.resolve import fewer_octaves
from ..settings import WEB, WEB_MAXIMA, WebSettings
from ..tasks.progress import in_words
from ..tasks.single import finalize
from .reader import Reader
from .storage import Storage

# Seconds between two reports. Showing them slows down the dream, but without them the server would not notice that a
# visitor has left.
_MIN_PAUSE, _MAX_PAUSE = 0.2, 1
_MAX_NAME = 60
_ENDING = "this page is shutting down, and nothing was dreamt: try again later"


class Result(NamedTuple):
    """The result of a dream, finished or stopped."""

    dream: Path  # a PNG with its recipe
    before: Path  # the picture that the dream began with
    recipe: Recipe


class Progress(NamedTuple):
    """One report on the progress of a dream."""

    words: str
    share: float = 0.0  # of the work that is done
    picture: Optional[np.ndarray] = None  # (h, w, 3) uint8, at the size of its octave; None if there is no new one
    result: Optional[Result] = None
    is_last: bool = False


_LEFT = Progress("stopped before its turn: nothing was dreamt", is_last=True)


class Dream:
    """One dream, from its place in the queue to its end."""

    def __init__(self, request: Request, base: Picture, guide: Optional[Picture]):
        """request: its target must be in a folder that only this dream uses."""
        self.request, self.base, self.guide = request, base, guide
        self.ended: Future[Progress] = Future()  # the last report, or the exception
        self.is_stopped = self.is_dropped = False
        self._news = threading.Condition()
        self._latest, self._is_new = Progress("getting ready"), True

    def stop(self) -> None:
        """End the dream after the current step and keep the picture so far. If it is still waiting, cancel it."""
        self.is_stopped = True
        self.ended.cancel()

    def drop(self) -> None:
        """End the dream without a result, because nobody wants it any more."""
        self.is_dropped = True
        self.stop()

    def tell(self, news: Progress) -> None:
        """Set the latest report. If it has no picture, keep the previous picture until somebody has seen it."""
        with self._news:
            unseen = self._latest.picture if self._is_new else None
            self._latest = news if news.picture is not None else news._replace(picture=unseen)
            self._is_new = True
            self._news.notify()

    def wake(self) -> None:
        """Wake up look() after the dream has ended."""
        with self._news:
            self._news.notify()

    @property
    def is_seen(self) -> bool:
        """Whether look() has been called since the last tell()."""
        return not self._is_new

    def look(self) -> Progress:
        """Wait for a new report, the end or a timeout; return the latest report. Each picture is returned only once."""
        with self._news:
            self._news.wait_for(lambda: self._is_new or self.ended.done(), _MAX_PAUSE)
            latest = self._latest if self._is_new else self._latest._replace(picture=None)
            self._is_new = False
            return latest


class Dreamer:
    """Runs one dream at a time, first come, first served, and keeps the net in between.

    All dreams run in the same thread, because PyTorch and numba store their thread settings per thread.
    """

    def __init__(self, storage: Storage, reader: Reader, settings: WebSettings = WEB):
        self._storage, self._reader, self._settings = storage, reader, settings
        self._net = NetCache()
        self._executor = ThreadPoolExecutor(1, "dreamer")
        self._lock = threading.Lock()  # guards all attributes below; never held during slow work
        self._places = 0  # number of dreams that are being read, waiting or running
        self._line: List[Dream] = []
        self._is_closed = False

    def begin(self, request: Request) -> Dream:
        """Read the picture and put the dream at the end of the queue. request: of its target only the file name counts.

        Raises DreamError or UsageError if the request is refused; the message has the name of the file, not its path.
        """
        _check(request)
        self._take_place()
        try:
            return self._line_up(self._read(request))
        except BaseException:
            self._give_place_back()
            raise

    def progress(self, dream: Dream) -> Generator[Progress, None, None]:
        """Yield reports on a dream; the last one has its result, if there is one.

        Closing this generator early drops the dream. Raises DreamError if the dream fails.
        """
        try:
            while not dream.ended.done():
                news, before = dream.look(), self._before(dream)
                waits = f"waiting for {before} other dream{'s' if before > 1 else ''}"
                yield news._replace(words=waits) if before else news
                wait([dream.ended], _MIN_PAUSE)
            with _without_paths(dream.request):
                yield _LEFT if dream.ended.cancelled() else dream.ended.result()
        finally:
            dream.drop()

    def close(self) -> None:
        """Drop every dream and return after the current step."""
        with self._lock:
            self._is_closed = True
            dreams = list(self._line)
        for dream in dreams:
            dream.drop()
        self._executor.shutdown()

    def _take_place(self) -> None:
        with self._lock:
            if self._places > self._settings.waiting:
                raise DreamError(f"{self._places} dreams are running or waiting already: try again in a while")
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
        target = self._storage.make_folder() / Path(request.target).name
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
        """The number of dreams ahead of this one."""
        with self._lock, contextlib.suppress(ValueError):  # raised if it has just ended
            return self._line.index(dream)
        return 0

    def _dream_next(self) -> None:
        """Run the first dream in the queue that has not been cancelled, if any."""
        with self._lock:
            waiting = (dream for dream in self._line if not dream.ended.cancelled())
            dream = next((dream for dream in waiting if dream.ended.set_running_or_notify_cancel()), None)
        if dream is None:
            return
        try:
            dream.ended.set_result(self._dream(dream))
        except BaseException as error:
            dream.ended.set_exception(error)

    def _dream(self, dream: Dream) -> Progress:
        with captured_messages(lambda text: dream.tell(Progress(text))):
            prepared = self._net.prepare(dream.request, read_inputs(dream.request, dream.base, dream.guide))
        last: Optional[Step] = None
        for step in _steps(prepared, dream):
            last = step
            if dream.is_stopped:
                break
        if dream.is_stopped and (last is None or dream.is_dropped):
            return Progress("stopped before the first step: nothing was dreamt", is_last=True)
        result = _written(prepared, last)
        so_far, seed = result.recipe.get(PROGRESS), result.recipe["seed"]
        words = f"stopped at {so_far}: this is the dream so far" if so_far else "the dream is done"
        fewer = fewer_octaves(dream.request, prepared.request, dream.base.size)
        words = f"{words} (seed {seed}{fewer and ', '}{fewer})"
        return Progress(words, 1.0, None, result, is_last=True)


def _steps(prepared: DreamJob, dream: Dream) -> Iterator[Step]:
    """Run the dream. Report each step, with a picture after each octave and about once a second."""
    base, settings = prepared.inputs.base, prepared.request.dream
    if dream.is_stopped:
        return
    sizes = octave_sizes(base.size, settings.octave_n, settings.octave_scale)
    work, done, shown = settings.iter_n * sum(h * w for h, w in sizes), 0, -1.0
    for step in prepared.steps(base.pixels):
        h, w = step.octave_base.shape[1:]
        done += h * w
        is_due = step.iteration + 1 == settings.iter_n or (dream.is_seen and time.monotonic() > shown + _MAX_PAUSE)
        image = None
        if is_due:
            alpha = transparency.resized(base.alpha, h, w)
            image = transparency.on_white(picture.to_uint8(step.picture(), settings.clip), alpha)
        shown = time.monotonic() if is_due else shown
        dream.tell(Progress(f"{in_words(settings, step)}, {w}x{h}", done / work, image))
        yield step


def _written(prepared: DreamJob, last: Optional[Step]) -> Result:
    """Store the dream, and the original picture for comparison."""
    base, settings = prepared.inputs.base, prepared.request.dream
    image, recipe = finalize(prepared, last)
    target = Path(prepared.request.target)
    before = target.with_name("before.png")
    picture.write(str(target), picture.to_uint8(image, settings.clip), recipe, base.alpha)
    Image.fromarray(transparency.joined(base.pixels, base.alpha)).save(before)
    return Result(target, before, recipe)


def dream_name(source: str) -> str:
    """The file name for the dream of an uploaded picture, whose name may be anything."""
    stem = re.sub(r"[^\w.-]+", "_", Path(source).stem).strip("._")[:_MAX_NAME] or "picture"
    return f"{stem}-dream.png"


def _check(request: Request) -> None:
    """Raise UsageError if a setting is above the limit for one visitor."""
    for name, maximum in WEB_MAXIMA.items():
        value, option = getattr(request.dream, name), request.dream.option(name)
        if value > maximum:
            raise UsageError(f"{option} may be {maximum} at most on this page, not {value}")


@contextlib.contextmanager
def _without_paths(request: Request) -> Iterator[None]:
    """Remove the server's paths from the messages of errors, so that visitors see only file names."""
    try:
        yield
    except DreamError as error:
        words = str(error)
        for path in filter(None, (request.source, request.guide, request.target)):
            words = words.replace(path, Path(path).name)
        raise type(error)(words) from None
