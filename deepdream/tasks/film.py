"""Dreams films: each frame starts from its picture, blended with the previous dream moved along the optical flow."""

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
from ..images.recipe import Recipe
from ..pipeline.request import Request
from ..settings import VIDEO, WORKERS, VideoSettings, WorkerSettings
from ..storage import files
from ..video.film import FORMATS, Film, VideoFormat
from ..video.flow import motion, opencv
from ..video.reader import open_film
from . import sequence
from .sequence_output import SequenceFormat, SequenceOutput

_KIND = SequenceFormat(
    "video", {**FORMATS, ".gif": ANIMATIONS[".gif"]}, digits=6, slower="--every {every}", maker="dreamify video"
)


def run(request: Request, video: VideoSettings = VIDEO, workers: WorkerSettings = WORKERS) -> int:
    """Dreams or resumes a film; returns the exit code.

    request: its source is a film or a folder of numbered pictures, its target a film, a .gif or a folder. workers: what
    computes the dreams; by default this process, which is required unless blend is 0.
    Raises what sequence.run raises, and DreamError if the film is damaged, after dreaming the frames before the damage.
    """
    if video.blend and workers != WORKERS:
        raise UsageError("workers dream each frame alone, without the dream before it: add --blend 0")
    if request.dream.seamless and video.blend and video.flow != "off":
        raise UsageError("the flow does not carry a dream across the sides of a film: add --flow off to --seamless")
    if video.blend and video.flow != "off":
        opencv()  # if it is missing, fail now and not at the second frame
    SequenceOutput(request.target, _KIND, request)  # refuses it before the film is read
    folder, out = Path(files.local(request.source)), Path(files.local(request.target))
    if folder.is_dir() and picture.is_named_so(out) and folder.samefile(out.parent):
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
    """The picture that a frame is dreamt from: its own, with `blend` of the last dream where both show the same things.

    source, before: this frame of the film and the previous one, (h, w, 3) uint8. last: the dream of the previous one,
    (h, w, 3) float32. Returns (h, w, 3) float32.
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
        self._alphas: Dict[int, Optional[np.ndarray]] = {}  # of frames not written yet
        self._told = 0  # how many of the film's notes were reported
        self._end = Fraction(0)
        self._source, self.count = source, source.count
        own = {name: getattr(video, name) for name in ("blend", "flow", "start", "end", "every")}
        if Path(source.source).is_dir():
            own["fps"] = float(source.form.rate * video.every)
        self.recipe: Recipe = {f"video_{key}": value for key, value in own.items()}

    def start(self, number: int, last: np.ndarray) -> Optional[np.ndarray]:
        before = self._picture
        while len(self._times) <= number:  # after resuming, also skips the frames done before
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

    def shares(self, _: int) -> None:
        return None

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
        """Reports new notes on what in the film is not shown as stored."""
        for note in self._source.notes[self._told :]:
            say(note)
        self._told = len(self._source.notes)

    @property
    def form(self) -> VideoFormat:
        """The format of the film; if it is damaged, its sound ends with the pictures."""
        form = self._source.form
        if not (self._source.fault and form.sound):
            return form
        return replace(form, sound=replace(form.sound, end=form.sound.start + self._end))

    def times(self) -> List[Fraction]:
        return [*self._times, self._end]
