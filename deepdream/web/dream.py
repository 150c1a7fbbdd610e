"""One dream of the page, from its place in the line to its end."""

import threading
from concurrent.futures import Future
from pathlib import Path
from typing import NamedTuple, Optional

import numpy as np

from ..images.picture import Picture
from ..pipeline.request import Request
from .films import Film
from .pace import work
from .results import FilmResult, Result

_MAX_PAUSE = 1  # seconds until look() returns, whether there is news or not


class Progress(NamedTuple):
    """One report on the progress of a dream."""

    words: str
    share: float = 0.0  # of the work that is done
    picture: Optional[np.ndarray] = None  # (h, w, 3) uint8, at the size of its octave; None if there is no new one
    result: Optional[Result] = None
    film: Optional[FilmResult] = None
    is_writing: bool = False  # whether all frames of a film are there, and it is being written
    is_last: bool = False


class Dream:
    """One dream, or the film of one, from its place in the queue to its end."""

    def __init__(
        self,
        request: Request,
        base: Picture,
        guide: Optional[Picture] = None,
        mask: Optional[Picture] = None,
        film: Optional[Film] = None,
    ):
        """request: its target must be in a folder that only this dream uses. film: to be made instead of the dream."""
        self.request, self.base, self.guide, self.mask, self.film = request, base, guide, mask, film
        self.ended: Future[Progress] = Future()  # the last report, or the exception
        self.is_stopped = self.is_dropped = False
        self.left: Optional[float] = None  # seconds, once it runs
        self._news = threading.Condition()
        self._latest, self._is_new = Progress("getting ready"), True

    @property
    def kind(self) -> str:
        """What the time for each pixel and iteration depends on."""
        request, film = self.request, f" {self.film.kind}" if self.film else ""
        return f"{request.net.model} {request.dream.end if request.kind in ('l2', 'guide') else request.kind}{film}"

    @property
    def work(self) -> int:
        """Pixels times iterations, which the time is proportional to."""
        return work(self.request.dream, self.base.size) * self.dreams

    @property
    def dreams(self) -> int:
        """How many are dreamt: a zoom has one for each frame."""
        return self.film.dreams if self.film else 1

    @property
    def film_path(self) -> Path:
        """Where the film goes, under a name that says what it is."""
        assert self.film
        target = Path(self.request.target)
        return target.with_name(f"{target.stem}-{self.film.kind}{self.film.suffix}")

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
