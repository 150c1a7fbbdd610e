"""The endless zoom of the 2015 notebook: a picture is dreamt, its middle enlarged, and that is dreamt again."""

import json
import math
import warnings
from dataclasses import replace
from typing import Callable, Optional, Tuple

import numpy as np
import scipy.ndimage as nd

from . import picture
from .dream import Step, dream_steps
from .errors import UsageError
from .preparation import Prepared, prepare
from .request import Request
from .settings import ZOOM, ZoomSettings
from .terminal import bar, interruptible, say
from .zoom_files import Place, Recipe, State


def next_frame(frame: np.ndarray, zoom: ZoomSettings = ZOOM) -> np.ndarray:
    """What is dreamt after a frame: its middle enlarged, and, if so set, turned and shifted.

    Without turn and shift, and at a rate of 0 or more, it is the notebook's affine_transform as SciPy understood it in
    2015, before 0.18: the offset is added before the matrix is applied, so the zoom is about a point at (1 - rate) / 2
    of height and width, a little up and left of the middle. Google's published frames were made so. Else it is about
    the middle, and what comes into view from outside is the picture mirrored at its edge.

    frame: (h, w, 3) float32, RGB. Returns the same shape and type.
    """
    size = np.array(frame.shape[:2])
    s = zoom.rate
    x, y = zoom.shift_pixels
    if s >= 0 and not (zoom.rotate or x or y):
        matrix, offset, mode = np.full(2, 1 - s), (1 - s) * size * s / 2, "constant"
    else:
        # Where each pixel comes from: back by the shift, back by the turn and in by the zoom about the middle.
        cos, sin = math.cos(math.radians(zoom.rotate)), math.sin(math.radians(zoom.rotate))
        matrix = (1 - s) * np.array([[cos, sin], [-sin, cos]])  # of (row, column), whose rows go down
        middle, shift = (size - 1) / 2, np.array([y, x])
        offset, mode = middle - matrix @ (middle + shift), "reflect"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # older SciPy tells of 0.18 whenever a matrix has one dimension
        planes = [nd.affine_transform(frame[..., c], matrix, offset, order=1, mode=mode) for c in range(3)]
    return np.stack(planes, axis=-1)


def run(request: Request, zoom: ZoomSettings = ZOOM) -> int:
    """Makes a zoom, or goes on with one; returns the exit code: 128 and a signal's number where one cut it short.

    request: its target is a folder for the frames, or an animation in .gif or .webp.
    Raises UsageError for another target, or one that holds something else, and for a zoom begun with other settings;
    DreamError for whatever fails.
    """
    place = Place(request.target)
    finished = place.finished()
    state = None if finished else place.state()
    begun = finished or (state.recipe if state else None)
    prepared = prepare(_like(request, begun), begun=begun["model"] if begun else None)
    recipe = _recipe(prepared, zoom)
    if begun is not None:
        _compare(begun, recipe, place, finished is not None)
    if finished:
        place.clear()
        say(f"all {zoom.frames} frames are in {request.target} already")
        return 0
    if state:
        say(f"going on after {state.done} of {zoom.frames} frames")
    state = state or State(0, prepared.inputs.base.pixels.astype(np.float32), recipe)
    place.begin(state)
    try:
        state, cut_short = _dream(prepared, zoom, place, state)
    except KeyboardInterrupt:  # the second one, in the middle of a frame
        say("interrupted, the frame under way is dropped: the same command goes on")
        return 130
    if cut_short and state.done < zoom.frames:
        say(f"stopped after {state.done} of {zoom.frames} frames: the same command goes on")
        return 128 + cut_short
    place.finish(recipe)
    say(f"the zoom of {zoom.frames} frames is in {request.target}")
    return 0


def _dream(prepared: Prepared, zoom: ZoomSettings, place: Place, state: State) -> Tuple[State, Optional[int]]:
    """Dreams the frames that are missing; returns how far that went, and the signal that ended it."""
    progress = bar("frame {n_fmt} of {total_fmt}", zoom.frames, state.done)
    with progress, interruptible() as interrupted:
        while state.done < zoom.frames and not interrupted():
            frame = _dreamt(prepared, state, interrupted)
            if frame is None:
                break
            # The picture first: where it all ends before the state is kept, the same picture is made again.
            pixels = picture.to_uint8(frame, prepared.request.dream.clip)
            picture.write(str(place.frame(state.done)), pixels, {**state.recipe, "frame": state.done})
            state = State(state.done + 1, next_frame(frame, zoom), state.recipe)
            place.keep(state)
            progress.update()
        return state, interrupted()


def _dreamt(prepared: Prepared, state: State, interrupted: Callable[[], Optional[int]]) -> Optional[np.ndarray]:
    """(h, w, 3) float32: the frame, None where a signal came before it was done."""
    dream = prepared.request.dream
    # Its own seed, so that a frame does not depend on where the zoom was begun.
    dream = replace(dream, seed=(int(dream.seed or 0) + state.done) % 2**32)
    last: Optional[Step] = None
    for step in dream_steps(prepared.net, state.frame, dream, prepared.ascend):
        if interrupted():
            return None
        last = step
    return last.picture() if last else state.frame


def _like(request: Request, begun: Optional[Recipe]) -> Request:
    """The request, with what it leaves open as it was when the zoom was begun: the seed, and the memory's limit."""
    if begun is None:
        return request
    if request.dream.seed is None and "seed" in begun:
        request = replace(request, dream=replace(request.dream, seed=begun["seed"]))
    if request.net.memory is None and "memory" in begun:
        request = replace(request, net=replace(request.net, memory=begun["memory"]))
    return request


def _recipe(prepared: Prepared, zoom: ZoomSettings) -> Recipe:
    shift = ",".join(repr(value if value % 1 else int(value)) for value in zoom.shift_pixels)
    own = {"zoom_frames": zoom.frames, "zoom_rate": zoom.rate, "zoom_rotate": zoom.rotate, "zoom_shift": shift}
    recipe: Recipe = json.loads(json.dumps({**prepared.recipe, **own}))  # as it will be read again, to be compared
    return recipe


def _compare(begun: Recipe, recipe: Recipe, place: Place, is_finished: bool) -> None:
    """Refuses to mix two zooms."""
    for key in [*recipe, *begun]:
        if begun.get(key) != recipe.get(key):
            difference = f"a zoom with {key} {begun.get(key)}, and this is one with {recipe.get(key)}"
            if is_finished:
                raise UsageError(f"{place.target} is {difference}: choose another OUT")
            raise UsageError(f"{place.target} was begun as {difference}: {place.ways_out}")
