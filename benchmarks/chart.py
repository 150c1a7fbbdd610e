"""The measurements of bench.json as a chart of four panels."""

from pathlib import Path
from typing import Any, Dict, List

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

BLUE, ORANGE, GREEN, GREY, PALE, INK = "#0b6bb0", "#d9722e", "#5a9e6f", "#9aa3ad", "#d5dae0", "#2b3440"
COLOURS = {
    **{"this engine": BLUE, "real Caffe": ORANGE, "plain autograd": GREY},
    **{"torch.compile": GREEN, "floor": PALE},
}
LABELS = {"torch.compile": "autograd, compiled", "floor": "matrix products alone"}
STYLE: Dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": "#e8ebee",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "svg.hashsalt": "dreamify",  # the same numbers give the same file
}


def draw(results: Dict[str, Any], path: Path) -> None:
    """Writes the chart as SVG."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((9.2, 6.8), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12))
        (steps, types), (seconds, memory) = figure.subplots(2, 2, width_ratios=(1.15, 1))
        shown = {"model": results["model"], "precision": "float32"}
        _steps(steps, [step for step in results["steps"] if shown.items() <= step.items()])
        _layer_types(types, results["layer_types"])
        _over_size(seconds, results, "seconds_a_megapixel", 1)
        seconds.set_title(f"Seconds a step and megapixel, {results['sizes']['layer']}")
        _over_size(memory, results, "peak_mib", 1 / 1024)
        memory.set_title("Peak memory of the process, GiB")
        figure.supxlabel(_machine(results["machine"]), fontsize=8, color="#66707b")
        figure.savefig(path, metadata={"Date": None})


def _machine(machine: Dict[str, Any]) -> str:
    text = "{cpu} ({vector_instructions}), {cores_used} cores, {memory_gib:.0f} GiB, {os}, torch {torch}"
    return text.format(**machine)


def _steps(axes: Axes, steps: List[Dict[str, Any]]) -> None:
    """Bars in groups, one for each layer; a thin line on a bar is the range of its runs."""
    names = [name for name in COLOURS if name in steps[0]["seconds"]]
    width = 0.84 / len(names)
    for i, name in enumerate(names):
        places = [group + (i - (len(names) - 1) / 2) * width for group in range(len(steps))]
        seconds = [step["seconds"][name] for step in steps]
        medians = [s["median"] for s in seconds]
        axes.bar(places, medians, width * 0.92, color=COLOURS[name], label=LABELS.get(name, name))
        axes.vlines(places, [s["min"] for s in seconds], [s["max"] for s in seconds], color=INK, linewidth=0.6)
        left = {"this engine": -4, "real Caffe": 0}  # our bar is the short one: its number makes way for the next
        for place, s in zip(places, seconds if name in left else ()):
            offset = (left[name], 2)
            text = f"{s['median']:.2f}"
            axes.annotate(text, (place, s["max"]), offset, textcoords="offset points", ha="center", fontsize=8)
    axes.set_xticks(range(len(steps)), [step["layer"].replace("/", "/\n") for step in steps])
    axes.set_title(f"Seconds a step, {steps[0]['size']} pixels, float32")
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_ylim(top=1.35 * axes.get_ylim()[1])  # room for the legend
    axes.legend(loc="upper left", ncols=2)


def _layer_types(axes: Axes, measured: Dict[str, Any]) -> None:
    """A bar for each type, what goes to its forward pass and what to its backward pass."""
    ways = {**measured["share"], "the rest": {"forward": 0.0, "backward": measured["rest"]}}
    names = list(ways)
    forward, backward = ([100 * ways[name][way] for name in names] for way in ("forward", "backward"))
    axes.barh(names, forward, 0.7, color=BLUE, label="forward")
    axes.barh(names[:-1], backward[:-1], 0.7, forward[:-1], color="#7fb2dc", label="backward")
    axes.barh(names[-1:], backward[-1:], 0.7, color=GREY)
    for row, share in enumerate(f + b for f, b in zip(forward, backward)):
        axes.annotate(f"{share:.1f}%", (share, row), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_title(f"Where a step's time goes, {measured['layer']}")
    axes.legend(loc="lower right")


def _over_size(axes: Axes, results: Dict[str, Any], key: str, unit: float) -> None:
    """A line over the sizes, and a mark for each bound that the largest was tried with."""
    sizes, tiles = results["sizes"]["pictures"], results["tiles"]["pictures"][1:]
    axes.plot([r["megapixels"] for r in sizes], [r[key] * unit for r in sizes], "o-", color=BLUE, label="unbounded")
    for record, marker in zip(tiles, "sD"):
        label = f"in tiles, {record['bound_mib'] / 1024:.2f} GiB for the picture"
        axes.plot([record["megapixels"]], [record[key] * unit], marker, color=ORANGE, label=label)
    axes.set_xlabel("megapixels")
    axes.set_xlim(0)
    axes.locator_params(axis="x", nbins=5)
    axes.set_ylim(0, 1.15 * max(r[key] * unit for r in [*sizes, *tiles]))
    axes.grid(axis="y")
    axes.spines["left"].set_visible(False)
    axes.legend(loc="upper left" if key == "peak_mib" else "lower left")
