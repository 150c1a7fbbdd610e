"""What each verb of the command line does with its arguments."""

import argparse
from dataclasses import replace
from typing import Any, Dict, Iterable, Sequence

from .caffe_format.topology import read_topology
from .console import say
from .errors import UsageError
from .images.recipe import recipe_text
from .modelzoo import zoo
from .modelzoo.auto import choose
from .pipeline.request import Request, request_again
from .settings import DREAM, GOAL, GOOGLENET, NET, PICTURE, SHEET, VIDEO, WEB, WORKERS, ZOOM
from .storage.streams import print_out
from .tasks import batch as batches
from .tasks import film as videos
from .tasks import sheet as sheets
from .tasks import zoom as zooms
from .tasks.single import run
from .video.reader import read_recipe
from .web import server


def dream(args: argparse.Namespace) -> int:
    """dreamify IN OUT ..."""
    chosen = vars(args)
    for name in ("layer", "iterations", "octaves", "scale"):
        by_position = chosen.pop(f"positional_{name}")
        if by_position is None:
            continue
        if chosen[name] is not None:
            raise UsageError(f"{name} stands twice, as {by_position} and as --{name} {chosen[name]}: give it once")
        chosen[name] = by_position
    return run(replace(_request(chosen), frames=args.frames))


def zoom(args: argparse.Namespace) -> int:
    """dreamify zoom IN OUT"""
    chosen = vars(args)
    return zooms.run(_request(chosen), _with_options(ZOOM, chosen))


def video(args: argparse.Namespace) -> int:
    """dreamify video IN OUT"""
    chosen = vars(args)
    return videos.run(_request(chosen), _with_options(VIDEO, chosen), _with_options(WORKERS, chosen))


def batch(args: argparse.Namespace) -> int:
    """dreamify batch IN... OUTDIR"""
    chosen = {**vars(args), "source": "", "target": args.folder}
    return batches.run(args.sources, _request(chosen), _with_options(WORKERS, chosen))


def sheet(args: argparse.Namespace) -> int:
    """dreamify sheet IN OUT"""
    chosen = vars(args)
    values = {name: chosen.pop(option) for option, name in SHEET.items()}
    absent = dict.fromkeys(("layer", "iterations", "octaves", "scale", "seed", "layers"))
    request = _request({**chosen, **absent})
    given = {name: several for name, several in values.items() if several is not None}
    request = replace(request, fit_octaves="octave_n" not in given)
    return sheets.run(request, given, _with_options(WORKERS, chosen))


def web(args: argparse.Namespace) -> int:
    """dreamify web"""
    chosen = vars(args)
    if args.allow_host:
        chosen["allow_host"] = ",".join(args.allow_host)
    return server.run(_with_options(WEB, chosen), _with_options(NET, chosen))


def again(args: argparse.Namespace) -> int:
    """dreamify again DREAM IN OUT"""
    recipe = read_recipe(args.dream)
    request = request_again(recipe, args.source, args.target, args.guide, args.mask, args.model)
    return run(replace(request, repeated=args.dream, force=args.force), recipe)


def info(args: argparse.Namespace) -> int:
    """dreamify info PICTURE"""
    print_out(recipe_text(read_recipe(args.picture)))
    return 0


def keys(args: argparse.Namespace) -> int:
    """dreamify keys"""
    choice = choose(args.model, NET.engine, progress=True)
    model = choice.model
    if choice.is_fallback:
        say(f"these are {model.name}'s, for {GOOGLENET} is not here and cannot be downloaded")
    channels = read_topology(model.prototxt).dreamable()
    rows = [("layer", "channels", "what it tends to show")]
    rows += [(name, str(count), model.note(name)) for name, count in channels.items()]
    _print_table(rows)
    return 0


def models(args: argparse.Namespace) -> int:
    """dreamify models [fetch NAME]"""
    if not args.action:
        rows = [(s.name, s.state, str(s.folder or "")) for s in zoo.statuses()]
        _print_table([("model", "state", "folder"), *rows])
        return 0
    if not args.name:
        raise UsageError("name the model to fetch: dreamify models fetch NAME")
    model = zoo.fetch(args.name, progress=True)
    state = "verified" if model.verified else f"unverified, its SHA-256 is {model.sha256}"
    print_out(f"{model.name} is in {model.weights.parent} ({state})")
    return 0


def _request(chosen: Dict[str, Any]) -> Request:
    """What was chosen on the command line, as a request."""
    for goal in ("channel", "class", "layers"):
        if chosen["layer"] is not None and chosen[goal] is not None:
            raise UsageError(f"--{goal} says what to dream on: leave out the layer {chosen['layer']}")
    dream, goals, net, pictures = (_with_options(defaults, chosen) for defaults in (DREAM, GOAL, NET, PICTURE))
    files = (chosen["guide"], chosen["mask"])
    more = {"fit_octaves": chosen["octaves"] is None, "force": chosen["force"]}
    return Request(chosen["source"], chosen["target"], dream, goals, net, pictures, *files, **more)


def _with_options(settings: Any, chosen: Dict[str, Any]) -> Any:
    """The settings with what was chosen on the command line in the place of their defaults."""
    options = {name: field.metadata["option"] for name, field in settings.__dataclass_fields__.items()}
    given = {name: chosen[option] for name, option in options.items() if chosen[option] is not None}
    return replace(settings, **given)


def _print_table(rows: Sequence[Iterable[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in rows)
    print_out("\n".join(line.rstrip() for line in lines))
