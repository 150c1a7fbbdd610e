"""Makes an atlas of a layer: what each of its channels sees, as a page that is one file, as a contact sheet, or both.

Each channel is dreamt on its own, as `--channel` does it: on the layer that computes it, before a ReLU, where the
gradient is not zero for a channel that is silent so far.
"""

from dataclasses import replace
from typing import Callable, Dict, List, NamedTuple, Sequence

from ..console import say
from ..errors import UsageError
from ..images import picture, transparency
from ..images import recipe as recipes
from ..images.recipe import Recipe
from ..modelzoo.load import usable_topology
from ..pipeline.layers import find_layer, stands_for
from ..pipeline.prepare import DreamJob, load
from ..pipeline.request import Request
from ..pipeline.resolve import announce, find_model, resolve, tell_octaves
from ..settings import ATLAS, WORKERS, AtlasSettings, WorkerSettings
from ..storage import files
from . import atlas_page, executors, outputs, sheet_picture
from .cells import Cell, common_recipe, dream_all, faults, find_done, make
from .sheet_cache import Cells

_FEW = 12  # channels: longer lists are shortened


class _Out(NamedTuple):
    """A file to write."""

    target: str
    is_page: bool
    is_there: bool


def run(
    request: Request,
    targets: Sequence[str],
    command: Callable[[Recipe], str],
    atlas: AtlasSettings = ATLAS,
    workers: WorkerSettings = WORKERS,
) -> int:
    """Makes an atlas; returns the exit code: 128 plus the signal number if a signal cut it short.

    request: the layer, as dream.end, and what all dreams share. targets: pages (.html) and pictures. command: the
    command that makes a channel's dream, from its recipe. workers: what computes the dreams; by default this process.
    Raises UsageError for a wrong layer or channel, or if a target must not be replaced; DreamError if anything fails.
    """
    outs = _outs(request, targets)
    pool = executors.if_asked(request.net, workers)
    request = replace(request, net=pool.net) if pool else request
    model = find_model(request.net)
    topology = usable_topology(model)
    layer = find_layer(request.dream.end, topology, model.layer)
    if layer != request.dream.end:
        say(stands_for(request.dream.end, layer))
    numbers = atlas.numbers(topology.dreamable()[layer])
    first = _of_channel(request, layer, numbers[0])
    resolved = resolve(first, model)
    announce(resolved, first, varying=["layer", "octaves"])
    prepared = load(resolved)
    tell_octaves(request, resolved.request, resolved.inputs)
    cells = [make(prepared, _of_channel(request, layer, number), str(number)) for number in numbers]
    (h, w), store = prepared.inputs.base.size, Cells()
    channels = "one channel" if len(cells) == 1 else f"{len(cells)} channels"
    say(f"{channels} of {layer}, at {w}x{h}{find_done(cells, store, (h, w))}")
    code = dream_all(prepared, cells, store, pool)
    if code:
        return code
    _tell_silent(cells)
    recipe = recipes.normalized({**common_recipe(cells), "atlas_layer": layer, "atlas_channels": _ranges(numbers)})
    for out in outs:
        if out.is_there:
            _check(request, out.target)  # hours later, it may be a different file
        (_write_page if out.is_page else _write_sheet)(out, prepared, cells, recipe, command)
        say(f"the atlas is in {'standard output' if out.target == '-' else out.target}")
    return 0


def _outs(request: Request, targets: Sequence[str]) -> List[_Out]:
    found = []
    for target in targets:
        is_page = atlas_page.is_page(target)
        _check_form(target, is_page)
        found.append(_Out(target, is_page, _check(request, target)))
    places = [files.identity(target, is_output=True) or files.absolute(target) for target in targets]
    if len(set(places)) < len(places):
        raise UsageError(f"{' and '.join(targets)} are one file: name two")
    return found


def _check_form(target: str, is_page: bool) -> None:
    try:
        (files.check if is_page else picture.check_target)(target)
    except picture.UnknownFormat as error:
        raise UsageError(f"{error}; or in .html for a page") from None


def _check(request: Request, target: str) -> bool:
    return outputs.check(
        replace(request, target=target), lambda name: outputs.is_dream(name) or atlas_page.is_one(name)
    )


def _of_channel(request: Request, layer: str, number: int) -> Request:
    return replace(request, objective=replace(request.objective, channel=f"{layer}:{number}"))


def _tell_silent(cells: Sequence[Cell]) -> None:
    by_reason: Dict[str, List[str]] = {}
    for number, reason in faults(cells).items():
        by_reason.setdefault(reason, []).append(number)
    for reason, numbers in by_reason.items():
        named = ", ".join(numbers if len(numbers) <= _FEW else [*numbers[: _FEW - 1], "..."])
        say(f"{len(numbers)} of {len(cells)} channels are left grey ({reason}): {named}")


def _ranges(numbers: Sequence[int]) -> str:
    """The numbers as AtlasSettings.channels has them: 0-63,100."""
    parts: List[List[int]] = []
    for number in numbers:
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def _write_page(
    out: _Out, prepared: DreamJob, cells: Sequence[Cell], recipe: Recipe, command: Callable[[Recipe], str]
) -> None:
    tiles = [
        atlas_page.Tile(
            cell.caption, _joined(prepared, cell), None if isinstance(cell.content, str) else command(cell.recipe)
        )
        for cell in cells
    ]
    note = prepared.model.card.note(str(recipe["atlas_layer"]))
    files.write(out.target, atlas_page.html(recipe, note, tiles).encode(), new=not out.is_there)


def _write_sheet(
    out: _Out, prepared: DreamJob, cells: Sequence[Cell], recipe: Recipe, _: Callable[[Recipe], str]
) -> None:
    contents, base = [_joined(prepared, cell) for cell in cells], prepared.inputs.base
    lost = picture.loss(out.target, transparency.if_any(base.alpha))
    if lost:
        say(lost)
    pixels = sheet_picture.wrapped(contents, base.size, [cell.caption for cell in cells])
    rgb, around = transparency.split(pixels)
    picture.write(out.target, rgb, recipe, around, new=not out.is_there)


def _joined(prepared: DreamJob, cell: Cell) -> sheet_picture.Content:
    """The dream with the transparency of the picture, or why there is none."""
    content = cell.content if cell.content is not None else "not dreamt"
    alpha = transparency.if_any(prepared.inputs.base.alpha)
    return content if isinstance(content, str) else transparency.joined(content, alpha)
