"""Makes a contact sheet or an animation: dreams with several values of one or two settings, side by side.

Each cell is, byte for byte, the dream that it would be on its own; sheet_cache.py keeps it for the next sheet. With one
octave, a shorter dream is the beginning of a longer one, so a single dream gives all iteration counts. With more
octaves this does not hold: each octave starts from the final result of the one below.
"""

import contextlib
import io
import signal
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Callable, Collection, Dict, Generator, Iterator, List, Optional, Sequence, Set, Tuple

from ..arrays import Size
from ..caffe_format.sizes import octave_sizes
from ..console import bar, interruptible, say
from ..dream import Step
from ..errors import DreamError
from ..images import animation, picture, transparency
from ..images import recipe as recipes
from ..images.picture import Picture
from ..images.recipe import Recipe
from ..pipeline.memory import MemoryPlan
from ..pipeline.prepare import DreamJob, load, variant_of
from ..pipeline.request import Request, redraw_noise
from ..pipeline.resolve import announce, fewer_octaves, find_model, resolve
from ..settings import DREAM, WORKERS, DreamSettings, WorkerSettings
from ..storage import files
from . import executors, outputs, sheet_picture
from .executors import Job, WorkerPool
from .sheet_axes import Axis, Values, find_axes, name_layers, requests, suitable_layers
from .sheet_cache import Cells
from .sheet_picture import Content
from .worker import dream_partway, partway

Dreams = Generator[Tuple["Cell", Content], None, None]
Advance = Callable[[Sequence["Cell"], int], None]  # advances the bar by pixels; for which cells, if known
Interrupted = Callable[[], Optional[int]]

_DURATION = 1000  # milliseconds of each frame of an animation
_MANY = 8  # values: longer lists are shortened


@dataclass
class Cell:
    """One dream of the sheet."""

    request: Request
    plan: MemoryPlan
    recipe: Recipe
    caption: str
    content: Optional[Content] = None  # the dream, or why it failed; None until known


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
    for cell in cells:
        cell.content = store.find(cell.recipe, size)
    _tell(axes, cells, size)
    _tell_octaves(request, cells, size)
    try:
        cut_short = _dream(prepared, cells, store, pool)
    except KeyboardInterrupt:  # the second Ctrl-C, within a step
        cut_short = int(signal.SIGINT)
    done = _done(cells)
    if cut_short and done < len(cells):
        ending = "run the same command to resume" if store.fault is None else "none could be saved"
        say(f"stopped after {done} of {len(cells)} dreams: {ending}")
        return 128 + cut_short
    _tell_faults(cells)
    if is_there:
        outputs.check(request)  # hours later, it may be a different file
    _write(request.target, not is_there, is_animation, axes, cells, prepared.inputs.base)
    say(f"the sheet of {len(cells)} dreams is in {'standard output' if request.target == '-' else request.target}")
    return 0


def _cells(prepared: DreamJob, request: Request, axes: Sequence[Axis]) -> List[Cell]:
    """The cells, without their dreams; raises if one of them cannot be dreamt."""
    cells = []
    for one in requests(request, axes):
        other = variant_of(prepared, one)
        caption = ", ".join(axis.caption(getattr(one.dream, axis.name)) for axis in axes)
        cells.append(Cell(other.request, other.plan, other.recipe, caption))
    return cells


def _done(cells: Sequence[Cell]) -> int:
    return sum(cell.content is not None for cell in cells)


def _tell(axes: Sequence[Axis], cells: Sequence[Cell], size: Size) -> None:
    values = " by ".join(_in_words(axis) for axis in axes)
    before = f", {_done(cells)} of them already done" if _done(cells) else ""
    say(f"{len(cells)} dreams of {size[1]}x{size[0]}{before}: {values}")


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


def _tell_faults(cells: Sequence[Cell]) -> None:
    """Reports the dreams that failed. Raises DreamError if all did."""
    faults = {cell.caption: cell.content for cell in cells if isinstance(cell.content, str)}
    if len(faults) == len(cells):
        raise DreamError(f"all dreams failed ({cells[0].content}): try other layers or a smaller step")
    for caption, fault in faults.items():
        say(f"{caption} is left grey: {fault}")


def _dream(prepared: DreamJob, cells: Sequence[Cell], store: Cells, pool: Optional[WorkerPool]) -> Optional[int]:
    """Dreams the missing cells, with a bar; returns the signal that cut it short, if any."""
    jobs, size = _jobs(cells), prepared.inputs.base.size
    work = sum(_work(job[-1].request.dream, size) for job in jobs)
    what = "the dreams in progress" if pool else "this step"
    with bar("{desc}", work) as progress, interruptible(what) as interrupted:

        def advance(job: Sequence[Cell], pixels: int) -> None:
            caption = f", {job[-1].caption}" if job else ""
            progress.set_description_str(f"dream {_done(cells) + 1} of {len(cells)}{caption}", refresh=False)
            progress.update(pixels)

        advance([], 0)
        dreamt = partial(_with_workers, pool) if pool else _here
        with contextlib.closing(dreamt(prepared, jobs, advance, interrupted)) as dreams:
            for cell, content in dreams:
                cell.content = content
                if not isinstance(content, str):
                    store.keep(cell.recipe, content)
        cut_short = interrupted()
    if store.fault:
        say(f"the dreams are not saved for later sheets: {store.fault}")
    return cut_short


def _jobs(cells: Sequence[Cell]) -> List[List[Cell]]:
    """The missing cells, grouped into dreams: each list holds stages of one dream, in order."""
    jobs: Dict[DreamSettings, List[Cell]] = {}
    for cell in cells:
        dream = cell.request.dream
        if dream.octave_n == 1:
            dream = replace(dream, iter_n=0, octave_scale=DREAM.octave_scale)
        if cell.content is None:
            jobs.setdefault(dream, []).append(cell)
    return [sorted(job, key=lambda cell: cell.request.dream.iter_n) for job in jobs.values()]


def _work(dream: DreamSettings, size: Size) -> int:
    """Pixels times iterations, which the time is proportional to."""
    return dream.iter_n * sum(h * w for h, w in octave_sizes(size, dream.octave_n, dream.octave_scale))


def _here(prepared: DreamJob, jobs: Sequence[Sequence[Cell]], advance: Advance, interrupted: Interrupted) -> Dreams:
    """Yields cells with their content, computed in this process. A signal ends it after a step."""
    for job in jobs:
        if interrupted():
            return

        def go_on(step: Step, job: Sequence[Cell] = job) -> bool:
            advance(job, step.octave_base[0].size)
            return not interrupted()

        last, there = job[-1], []
        try:
            for count, pixels in partway(variant_of(prepared, last.request, last.plan), _iterations(job), go_on):
                there.append(count)
                yield from _of(job, count, pixels)
        except DreamError as error:
            yield from _failed(job, error, there)


def _with_workers(
    pool: WorkerPool, prepared: DreamJob, jobs: Sequence[Sequence[Cell]], advance: Advance, interrupted: Interrupted
) -> Dreams:
    """Yields cells with their content, computed by workers until a signal arrives."""
    size = prepared.inputs.base.size

    def coming() -> Iterator[Job]:
        for number, job in enumerate(jobs):
            last = job[-1]
            request = executors.for_workers(last.request, pool)
            base = redraw_noise(prepared.inputs, request).base
            yield Job(number, (request, base, last.plan, last.recipe, _iterations(job)))

    for number, future in executors.as_completed(pool, dream_partway, coming(), interrupted):
        job = jobs[number]
        try:
            for count, pixels in executors.result(future):
                yield from _of(job, count, pixels)
        except DreamError as error:
            yield from _failed(job, error, [])
        advance([], _work(job[-1].request.dream, size))


def _iterations(job: Sequence[Cell]) -> Set[int]:
    return {cell.request.dream.iter_n for cell in job}


def _of(job: Sequence[Cell], iterations: int, content: Content) -> Iterator[Tuple[Cell, Content]]:
    for cell in job:
        if cell.request.dream.iter_n == iterations:
            yield cell, content


def _failed(job: Sequence[Cell], error: DreamError, there: Collection[int]) -> Iterator[Tuple[Cell, Content]]:
    """Yields the reason of the failure for those cells of a dream that are missing."""
    for count in _iterations(job) - set(there):
        yield from _of(job, count, str(error).split(":")[0])


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
    first, *others = [cell.recipe for cell in cells]
    common = {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}
    own = {f"sheet_{axis.option}": list(axis.values) for axis in axes}
    if "octaves" not in common and "sheet_octaves" not in own:  # as many as fit, which may differ between dreams
        own["octaves"] = [cell.recipe["octaves"] for cell in cells]
    return recipes.normalized({**common, **own})
