"""Remembers what each visitor has dreamt, as long as the files are kept."""

import contextlib
import secrets
import threading
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from ..errors import DreamError
from ..pipeline.request import Request
from .results import FilmResult, Result
from .storage import Storage

_GONE = "that dream is not here any more, because nobody has looked at it for an hour: dream it again"


class Entry(NamedTuple):
    """A dream that is finished, or was stopped; or a film of one."""

    key: str
    request: Request  # of the dream
    result: Result  # of the dream
    film: Optional[FilmResult] = None

    @property
    def files(self) -> Tuple[Path, ...]:
        """All files that it needs."""
        return (*self.result.files, *(self.film.files if self.film else ()))


class History:
    """The dreams of all visitors.

    A visitor is known by a secret, which the visitor's browser keeps, so that the dreams survive a reload of the page.
    """

    def __init__(self, storage: Storage):
        self._storage = storage
        self._entries: Dict[str, List[Entry]] = {}  # by the visitor's secret
        self._lock = threading.Lock()

    def add(
        self, visitor: object, request: Request, result: Result, film: Optional[FilmResult] = None
    ) -> Tuple[str, Entry]:
        """Remember a dream, or a film of it.

        Returns the visitor's secret, which is a new one if the given one is unknown.
        """
        entry = Entry(secrets.token_urlsafe(16), request, result, film)
        with self._lock:
            self._forget_what_is_gone()
            known = visitor if isinstance(visitor, str) and visitor in self._entries else secrets.token_urlsafe(16)
            self._entries.setdefault(known, []).append(entry)
        return known, entry

    def entries(self, visitor: object) -> List[Entry]:
        """The dreams of a visitor that still exist, oldest first. Restarts the time for which their files are kept."""
        with self._lock:
            found = list(self._entries.get(visitor, ())) if isinstance(visitor, str) else []
        return [entry for entry in found if self._touch(entry)]

    def find(self, visitor: object, key: object) -> Entry:
        """One dream of a visitor. Raises DreamError if it is gone, or somebody else's."""
        entry = next((entry for entry in self.entries(visitor) if entry.key == key), None)
        if entry is None:
            raise DreamError(_GONE)
        return entry

    def _touch(self, entry: Entry) -> bool:
        """Restart the time for which the files of a dream are kept; return whether the dream still exists."""
        others = (entry.request.source, entry.request.guide, entry.request.mask)
        try:
            for path in entry.files:
                self._storage.find(str(path))
        except DreamError:
            return False
        for other in filter(None, others):
            with contextlib.suppress(DreamError):
                self._storage.find(other)
        return True

    def _forget_what_is_gone(self) -> None:
        for visitor, entries in list(self._entries.items()):
            self._entries[visitor] = [entry for entry in entries if all(path.is_file() for path in entry.files)]
            if not self._entries[visitor]:
                del self._entries[visitor]
