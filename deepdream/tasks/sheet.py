"""Makes a contact sheet or an animation: dreams with several values of one or two settings, side by side.

cells.py dreams them.
"""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Sequence

from ..arrays import Size
from ..console import say
from ..images import animation, picture, transparency
from ..images import recipe as recipes
from ..images.picture import Picture
from ..images.recipe import Recipe
from ..pipeline.prepare import DreamJob, load
from ..pipeline.request import Request
from ..pipeline.resolve import announce, fewer_octaves, find_model, resolve
from ..settings import WORKERS, WorkerSettings
from ..storage import files
from . import executors, outputs, sheet_picture
from .cells import Cell, common_recipe, dream_all, faults, find_done, make
from .sheet_axes import Axis, Values, find_axes, name_layers, requests, suitable_layers
from .sheet_cache import Cells

_DURATION = 1000  # milliseconds of each frame of an animation
_MANY = 8  # values: longer lists are shortened


def run(request: Request, values: Values, workers: WorkerSettings = WORKERS) -> int:
    """Makes a sheet; returns the exit code: 128 plus the signal number if a signal cut it short.

    request: its target is a picture, or an animation in .gif.
    values: {field of DreamSettings: its values}, with several values for one or two fields; settings.ALL means every
    layer. workers: what computes the dreams; by default this process.
    Raises UsageError for any other number of values and for invalid values; DreamError if anything fails.
    """
    is_animation = Path(request.target).suffix.lower() == ".gif"
    (files.check if is_animation else picture.check_target)(request.target)
    is_there = outputs.check(request)
    request, asked = find_axes(request, values)
    pool = executors.if_asked(request.net, workers)
    request = replace(request, net=pool.net) if pool else request
    model = find_model(request.net)
    axes = name_layers(model, asked)
    first = requests(request, axes)[0]
    resolved = resolve(first, model)
    announce(resolved, first, varying=[*(axis.option for axis in axes), "octaves"])
    prepared = load(resolved)
    if asked[0].is_every_layer:
        axes, left_out = suitable_layers(prepared, request, axes)
        if left_out:
            say(f"left out, because the picture is too small for them: {', '.join(left_out)}")
    cells, size = _cells(prepared, request, axes), prepared.inputs.base.size
    store = Cells()
    _tell(axes, cells, size, find_done(cells, store, size))
    _tell_octaves(request, cells, size)
    code = dream_all(prepared, cells, store, pool)
    if code:
        return code
    for caption, fault in faults(cells).items():
        say(f"{caption} is left grey: {fault}")
    if is_there:
        outputs.check(request)  # hours later, it may be a different file
    _write(request.target, not is_there, is_animation, axes, cells, prepared.inputs.base)
    say(f"the sheet of {len(cells)} dreams is in {'standard output' if request.target == '-' else request.target}")
    return 0


def _cells(prepared: DreamJob, request: Request, axes: Sequence[Axis]) -> List[Cell]:
    """The cells, without their dreams; raises if one of them cannot be dreamt."""
    cells = []
    for one in requests(request, axes):
        caption = ", ".join(axis.caption(getattr(one.dream, axis.name)) for axis in axes)
        cells.append(make(prepared, one, caption))
    return cells


def _tell(axes: Sequence[Axis], cells: Sequence[Cell], size: Size, done: str) -> None:
    values = " by ".join(_in_words(axis) for axis in axes)
    say(f"{len(cells)} dreams of {size[1]}x{size[0]}{done}: {values}")


def _tell_octaves(request: Request, cells: Sequence[Cell], size: Size) -> None:
    """Reports dreams that get fewer octaves than the default, because the number was left open."""
    fewer: Dict[str, List[str]] = {}
    for cell in cells:
        words = fewer_octaves(request, cell.request, size) if request.fit_octaves else ""
        fewer.setdefault(words, []).append(cell.caption)
    for words, captions in fewer.items():
        if words:
            say(words if len(fewer) == 1 else f"{words}: {_listed(captions)}")


def _in_words(axis: Axis) -> str:
    return f"{axis.option} {_listed([str(value) for value in axis.values])}"


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(texts if len(texts) <= _MANY else [*texts[:2], "...", texts[-1]])


def _write(
    target: str, new: bool, is_animation: bool, axes: Sequence[Axis], cells: Sequence[Cell], base: Picture
) -> None:
    size, alpha = base.size, transparency.if_any(base.alpha)
    contents: List[Any] = [cell.content for cell in cells]
    contents = [one if isinstance(one, str) else transparency.joined(one, alpha) for one in contents]
    captions, recipe = [cell.caption for cell in cells], _recipe(axes, cells)
    lost = transparency.loss("GIF", alpha) if is_animation else picture.loss(target, alpha)
    if lost:
        say(lost)
    if is_animation:
        frames, gif = sheet_picture.captioned(contents, size, captions), io.BytesIO()
        animation.write(gif, "GIF", frames, [_DURATION] * len(contents), recipe, has_alpha=alpha is not None)
        files.write(target, gif.getvalue(), new)
        return
    if len(axes) == 1:
        pixels = sheet_picture.wrapped(contents, size, captions)
    else:
        rows, columns = ([axis.option, *map(str, axis.values)] for axis in axes)
        pixels = sheet_picture.table(contents, size, rows, columns)
    rgb, around = transparency.split(pixels)
    picture.write(target, rgb, recipe, around, new=new)


def _recipe(axes: Sequence[Axis], cells: Sequence[Cell]) -> Recipe:
    """The recipe of the sheet: what all dreams share, and the lists of values that differ."""
    common = common_recipe(cells)
    own = {f"sheet_{axis.option}": list(axis.values) for axis in axes}
    if "octaves" not in common and "sheet_octaves" not in own:  # as many as fit, which may differ between dreams
        own["octaves"] = [cell.recipe["octaves"] for cell in cells]
    return recipes.normalized({**common, **own})
