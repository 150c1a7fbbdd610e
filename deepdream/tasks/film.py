"""Films: each frame is dreamt from its own picture and the dream before it, carried along with what the film shows."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Dict, List, Optional

import numpy as np

from ..console import bar, say
from ..errors import UsageError
from ..images import picture
from ..images.animation import FORMATS as ANIMATIONS
from ..images.picture import Picture
from ..pipeline.request import Recipe, Request
from ..settings import VIDEO, WORKERS, VideoSettings, WorkerSettings
from ..video.film import FORMATS, Film, VideoFormat
from ..video.flow import motion, opencv
from ..video.reader import open_film
from . import outputs, sequence
from .checkpoint import SequenceFormat

_KIND = SequenceFormat("video", {**FORMATS, ".gif": ANIMATIONS[".gif"]}, digits=6)


def run(request: Request, video: VideoSettings = VIDEO, workers: WorkerSettings = WORKERS) -> int:
    """Dreams a film, or goes on with one; returns the exit code.

    request: its source is a film or a folder of numbered pictures, its target a film, a .gif or a folder. workers: who
    dreams; by default this process, which is the only one that can unless blend is 0.
    Raises what sequence.run raises, and DreamError where the film is damaged, when what comes before that is dreamt.
    """
    if video.blend and workers != WORKERS:
        raise UsageError("with workers each frame is dreamt alone, from no dream before it: add --blend 0")
    if video.blend and video.flow != "off":
        opencv()  # without which it would fail at the second frame only
    outputs.refuse_inputs(request.target, request)
    folder = Path(request.source)
    if folder.is_dir() and picture.is_named_so(Path(request.target)) and folder.samefile(Path(request.target).parent):
        raise UsageError(f"{request.target} would be one of the frames in {request.source}: choose another OUT")
    source = open_film(request.source, video.start, video.end, video.every, video.fps, request.pictures.max_size)
    frames = _Frames(source, video)
    first = next(source.frames())
    base = Picture(first.pixels, first.alpha, source.sha256)
    code = sequence.run(request, frames, base, workers)
    if code == 0 and source.fault:
        raise source.fault
    return code


def starting_picture(
    source: np.ndarray, before: np.ndarray, last: np.ndarray, video: VideoSettings = VIDEO
) -> np.ndarray:
    """What a frame is dreamt from: its own picture, and `blend` of the last dream where that shows the same things.

    source, before: (h, w, 3) uint8, this frame of the film and the one before. last: (h, w, 3) float32, what was dreamt
    of the one before. Returns (h, w, 3) float32.
    """
    own = source.astype(np.float32)
    if not video.blend:
        return own
    if video.flow == "off":
        return own + np.float32(video.blend) * (last - own)
    moved = motion(before, source)
    if moved.is_cut:
        return own
    share = np.float32(video.blend) * moved.seen[..., None]
    return own + share * (moved.carry(last) - own)


class _Frames:
    """The frames of a film."""

    kind = _KIND

    def __init__(self, source: Film, video: VideoSettings):
        self._video = video
        self._coming = source.frames()
        self._picture: Optional[np.ndarray] = None
        self._times: List[Fraction] = []
        self._alphas: Dict[int, Optional[np.ndarray]] = {}  # of frames that are not written yet
        self._told = 0  # of the film's notes
        self._end = Fraction(0)
        self._source, self.count = source, source.count
        own = {name: getattr(video, name) for name in ("blend", "flow", "start", "end", "every")}
        if Path(source.source).is_dir():
            own["fps"] = float(source.form.rate * video.every)
        self.recipe: Recipe = {f"video_{key}": value for key, value in own.items()}

    def start(self, number: int, last: np.ndarray) -> Optional[np.ndarray]:
        before = self._picture
        while len(self._times) <= number:  # those that were dreamt before an interruption are read again
            frame = next(self._coming, None)
            if frame is None:
                return None
            before, self._picture = self._picture, frame.pixels
            self._tell()
            if len(self._times) == number:
                self._alphas[number] = frame.alpha
            self._times.append(frame.time)
            self._end = frame.time + frame.duration
        if before is None or self._picture is None:
            return last
        return starting_picture(self._picture, before, last, self._video)

    def alpha(self, number: int, _: Optional[np.ndarray]) -> Optional[np.ndarray]:
        return self._alphas.pop(number)

    def counted(self) -> int:
        count = 0
        with bar("checking frame {n_fmt} of {total_fmt}", self.count) as progress:
            for _ in self._source.check():
                progress.update()
                count += 1
        self._tell()
        return count

    def _tell(self) -> None:
        """Says what of the film is not shown as it is stored, as it turns up."""
        for note in self._source.notes[self._told :]:
            say(note)
        self._told = len(self._source.notes)

    @property
    def form(self) -> VideoFormat:
        """The film's; where that is damaged, its sound ends with the pictures."""
        form = self._source.form
        if not (self._source.fault and form.sound):
            return form
        return replace(form, sound=replace(form.sound, end=form.sound.start + self._end))

    def times(self) -> List[Fraction]:
        return [*self._times, self._end]
