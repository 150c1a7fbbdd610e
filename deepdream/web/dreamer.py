"""Runs the page's dreams one after the other and reports the progress of each. Does not depend on Gradio."""

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Generator, Iterator, List, Optional

from ..console import captured_messages
from ..dream import Step
from ..errors import DreamError
from ..images.recipe import PROGRESS
from ..pipeline.prepare import NetCache
from ..pipeline.request import Request, read_inputs
from ..pipeline.resolve import fewer_octaves
from ..settings import WEB, WebSettings
from . import filming, pace
from .dream import Dream, Progress
from .films import Film
from .masks import fitted
from .pace import Pace
from .reader import Reader, Seen
from .results import dream_name, write_result
from .storage import Storage
from .telling import Teller
from .wishes import check_maxima

# Seconds between two reports. Without them the server would not notice that a visitor has left.
_MIN_PAUSE = 0.2
_MAX_LOOKS = 4  # pictures to look at when they are uploaded, at the same time; more would keep Gradio's threads busy
_MANY = "many pictures are being read here, and this one is read when you click Dream"
_ENDING = "this page is shutting down, and nothing was dreamt: try again later"


_LEFT = Progress("stopped before its turn: nothing was dreamt", is_last=True)


class Dreamer:
    """Runs one dream at a time, first come, first served, and keeps the net in between.

    All dreams run in the same thread, because PyTorch and numba store their thread settings per thread.
    """

    def __init__(self, storage: Storage, reader: Reader, settings: WebSettings = WEB):
        self._storage, self._reader, self._settings = storage, reader, settings
        self._net, self._pace = NetCache(), Pace()
        self._executor = ThreadPoolExecutor(1, "dreamer")
        self._looks = threading.BoundedSemaphore(_MAX_LOOKS)
        self._lock = threading.Lock()  # guards all attributes below; never held during slow work
        self._places = 0  # number of dreams that are being read, waiting or running
        self._line: List[Dream] = []
        self._is_closed = False

    def begin(self, request: Request, film: Optional[Film] = None) -> Dream:
        """Read the pictures and put the dream at the end of the queue. request: its target is chosen here.

        film: to be made of the dream, instead of the dream itself.
        Raises DreamError or UsageError if the request is refused; the message has the name of the file, not its path.
        """
        check_maxima(request.dream)
        self._take_place()
        try:
            return self._line_up(self._read(request, film))
        except BaseException:
            self._give_place_back()
            raise

    def progress(self, dream: Dream) -> Generator[Progress, None, None]:
        """Yield reports on a dream; the last one has its result, if there is one.

        Closing this generator early drops the dream. Raises DreamError if the dream fails.
        """
        request = dream.request
        try:
            while not dream.ended.done():
                news, waits = dream.look(), self._waits(dream)
                yield news._replace(words=waits) if waits else news
                wait([dream.ended], _MIN_PAUSE)
            with _without_paths(request.source, request.guide, request.mask, request.target):
                yield _LEFT if dream.ended.cancelled() else dream.ended.result()
        finally:
            dream.drop()

    def look(self, upload: str) -> Seen:
        """Read a picture that was uploaded, and its recipe if it is a dream. Raises DreamError if it is unreadable."""
        path = str(self._storage.find(upload))
        if not self._looks.acquire(blocking=False):
            raise DreamError(_MANY)
        try:
            with _without_paths(path):
                return self._reader.look(path, self._settings.megapixels)
        finally:
            self._looks.release()

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

    def _read(self, request: Request, film: Optional[Film]) -> Dream:
        limits = request.pictures.max_size, self._settings.megapixels
        given = (request.source, request.guide, request.mask)
        source, guide, mask = (None if path is None else str(self._storage.find(path)) for path in given)
        request = replace(request, source=str(source), guide=guide, mask=mask)
        with _without_paths(source, guide, mask):
            base, towards, where = (
                None if path is None else self._reader.read(path, *limits) for path in (source, guide, mask)
            )
            assert base is not None
            where = where and fitted(where, base.size)
        if film:
            film.check(request.dream, base.size, self._settings.max_size)
        target = self._storage.make_folder() / dream_name(request)
        dream = Dream(replace(request, target=str(target)), base, towards, where, film)
        if film and film.kind == "growth":
            dream.request = replace(dream.request, growth=str(dream.film_path))
        return dream

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

    def _waits(self, dream: Dream) -> str:
        """How many dreams are ahead of this one, and how long they will take; empty if it is its turn."""
        with self._lock, contextlib.suppress(ValueError):  # raised if it has just ended
            ahead = self._line[: self._line.index(dream)]
            if ahead:
                times = [self._pace.seconds(each.kind, each.work) if each.left is None else each.left for each in ahead]
                known = [seconds for seconds in times if seconds is not None]
                lasts = f", {pace.in_words(sum(known))}" if len(known) == len(ahead) else ""
                return f"waiting: {len(ahead)} before you{lasts}"
        return ""

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
            prepared = self._net.prepare(dream.request, read_inputs(dream.request, dream.base, dream.guide, dream.mask))
        if dream.film:
            return filming.make(dream, prepared, self._pace, self._storage)
        teller = Teller(dream, prepared, self._pace)
        last: Optional[Step] = None
        for step in () if dream.is_stopped else prepared.steps(prepared.inputs.base.pixels):
            last = step
            teller.tell(step)
            if dream.is_stopped:
                break
        if dream.is_stopped and (last is None or dream.is_dropped):
            return Progress("stopped before the first step: nothing was dreamt", is_last=True)
        result = write_result(prepared, last)
        so_far, seed = result.recipe.get(PROGRESS), result.recipe["seed"]
        words = f"stopped at {so_far}: this is the dream so far" if so_far else "the dream is done"
        fewer = fewer_octaves(dream.request, prepared.request, dream.base.size)
        words = f"{words} (seed {seed}{fewer and ', '}{fewer})"
        return Progress(words, 1.0, None, result, is_last=True)


@contextlib.contextmanager
def _without_paths(*paths: Optional[str]) -> Iterator[None]:
    """Remove the server's paths from the messages of errors, so that visitors see only file names."""
    try:
        yield
    except DreamError as error:
        words = str(error)
        for path in filter(None, paths):
            words = words.replace(path, Path(path).name).replace(f"{Path(path).parent}{os.sep}", "")
        raise type(error)(words) from None
