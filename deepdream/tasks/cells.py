"""Dreams on one picture with one net, in many variants: the cells of a sheet, the channels of an atlas.

Each cell is, byte for byte, the dream that it would be on its own; sheet_cache.py keeps it for the next time. With one
octave, a shorter dream is the beginning of a longer one, so a single dream gives all iteration counts. With more
octaves this does not hold: each octave starts from the final result of the one below.
"""

import contextlib
import signal
from dataclasses import dataclass, replace
from functools import partial
from typing import Callable, Collection, Dict, Generator, Iterator, List, Optional, Sequence, Set, Tuple

from ..arrays import Size
from ..caffe_format.sizes import octave_sizes
from ..console import bar, interruptible, say
from ..dream import Step
from ..errors import DreamError
from ..images.recipe import Recipe
from ..pipeline.memory import MemoryPlan
from ..pipeline.prepare import DreamJob, variant_of
from ..pipeline.request import Request, redraw_noise
from ..settings import DREAM, DreamSettings, ObjectiveSettings
from . import executors
from .executors import Job, WorkerPool
from .sheet_cache import Cells
from .sheet_picture import Content
from .worker import dream_partway, partway

Dreams = Generator[Tuple["Cell", Content], None, None]
Advance = Callable[[Sequence["Cell"], int], None]  # advances the bar by pixels; for which cells, if known
Interrupted = Callable[[], Optional[int]]


@dataclass
class Cell:
    """One dream of many."""

    request: Request
    plan: MemoryPlan
    recipe: Recipe
    caption: str
    content: Optional[Content] = None  # the dream, or why it failed; None until known


def make(prepared: DreamJob, request: Request, caption: str) -> Cell:
    """A cell, without its dream. Raises what variant_of raises if it cannot be dreamt."""
    other = variant_of(prepared, request)
    return Cell(other.request, other.plan, other.recipe, caption)


def find_done(cells: Sequence[Cell], store: Cells, size: Size) -> str:
    """Takes the dreams that are cached; returns in words how many, "" for none. size: (height, width) of each."""
    for cell in cells:
        cell.content = store.find(cell.recipe, size)
    return f", {_done(cells)} of them already done" if _done(cells) else ""


def dream_all(prepared: DreamJob, cells: Sequence[Cell], store: Cells, pool: Optional[WorkerPool]) -> int:
    """Dreams the missing cells, with a bar, and keeps them; returns the exit code.

    That is 128 plus the signal number if a signal cut it short, which is told. Raises DreamError if all dreams failed.
    """
    try:
        cut_short = _dream(prepared, cells, store, pool)
    except KeyboardInterrupt:  # the second Ctrl-C, within a step
        cut_short = int(signal.SIGINT)
    done = _done(cells)
    if cut_short and done < len(cells):
        ending = "run the same command to resume" if store.fault is None else "none could be saved"
        say(f"stopped after {done} of {len(cells)} dreams: {ending}")
        return 128 + cut_short
    _check_any(cells)
    return 0


def common_recipe(cells: Sequence[Cell]) -> Recipe:
    """What the recipes of all cells share."""
    first, *others = [cell.recipe for cell in cells]
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}


def faults(cells: Sequence[Cell]) -> Dict[str, str]:
    """{caption: why it failed} of the dreams that failed."""
    return {cell.caption: cell.content for cell in cells if isinstance(cell.content, str)}


def _check_any(cells: Sequence[Cell]) -> None:
    if len(faults(cells)) == len(cells):
        raise DreamError(f"all dreams failed ({cells[0].content}): try other layers or a smaller step")


def _done(cells: Sequence[Cell]) -> int:
    return sum(cell.content is not None for cell in cells)


def _dream(prepared: DreamJob, cells: Sequence[Cell], store: Cells, pool: Optional[WorkerPool]) -> Optional[int]:
    """Returns the signal that cut it short, if any."""
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
    jobs: Dict[Tuple[DreamSettings, ObjectiveSettings], List[Cell]] = {}
    for cell in cells:
        dream = cell.request.dream
        if dream.octave_n == 1:
            dream = replace(dream, iter_n=0, octave_scale=DREAM.octave_scale)
        if cell.content is None:
            jobs.setdefault((dream, cell.request.objective), []).append(cell)
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
