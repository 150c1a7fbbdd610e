"""Every default and every limit, once: for signatures, --help, the recipe and whatever other front ends come.

Standard library only, so that `dreamify.py --help` starts at once. Field names are the 2015 code's; `option` in a
field's metadata is its name on the command line and in the recipe.
"""

import math
import re
from dataclasses import dataclass, field, fields
from numbers import Integral, Rational, Real
from typing import Any, Optional, Tuple

from .errors import UsageError, shown
from .units import byte_size, byte_text, seconds

AUTO, GOOGLENET = "auto", "bvlc_googlenet"  # models

# What a setting of each kind is, in words.
KINDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    byte_size: "a size such as 3.5G or 512M",
    seconds: "a time such as 12.5, 1:30 or 1:02:30",
}

# The greatest number of each kind, unless a setting says otherwise; where nothing is said of the least, it is as far
# below zero. Far beyond any use, and small enough for the arithmetic of everything that computes with it.
MOST = {int: 10**6, float: 10**6, byte_size: 2**50, seconds: 10**8}


def _setting(
    default: Any,
    option: str,
    help: str,
    kind: Any = str,
    least: Optional[float] = None,
    most: Optional[float] = None,
    above: Optional[float] = None,
    choices: Tuple[str, ...] = (),
) -> Any:
    if kind in MOST:
        most = MOST[kind] if most is None else most
        least = -most if least is None and above is None else least
    limits = {"kind": kind, "least": least, "most": most, "above": above, "choices": choices}
    return field(default=default, metadata={"option": option, "help": help, **limits})


class _Checked:
    """Settings that refuse a value out of range, wherever it comes from: a command line, a program, a recipe."""

    def __post_init__(self) -> None:
        for setting in fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = getattr(self, setting.name)
            if not (value is None and setting.default is None) and not _allowed(value, setting.metadata):
                name = setting.metadata["option"].replace("_", "-")
                raise UsageError(f"{name} must be {_range(setting.metadata)}, not {shown(value)}")


def _allowed(value: Any, limits: Any) -> bool:
    kind = limits["kind"]
    if kind in (str, bool):
        return isinstance(value, kind) and (not limits["choices"] or value in limits["choices"])
    number = Real if kind in (float, seconds) else Integral
    if isinstance(value, bool) or not isinstance(value, number):
        return False
    exact = value if isinstance(value, Rational) else float(value)  # a whole number may be too large for a float
    is_above = exact > limits["above"] if limits["least"] is None else exact >= limits["least"]
    return bool(is_above and exact <= limits["most"])


def _range(limits: Any) -> str:
    """A setting's values in words."""
    kind = limits["kind"]
    if limits["choices"]:
        return "one of " + ", ".join(limits["choices"])
    if kind not in MOST:
        return KINDS[kind]
    most = byte_text(limits["most"]) if kind is byte_size else limits["most"]
    if limits["least"] is None:
        return f"{KINDS[kind]} above {limits['above']}, {most} at most"
    return f"{KINDS[kind]} from {limits['least']} to {most}"


@dataclass(frozen=True)
class DreamSettings(_Checked):
    """One dream, as the notebook of July 2015 had it."""

    end: str = _setting("inception_4c/output", "layer", "the layer to dream on")
    iter_n: int = _setting(10, "iterations", "steps of gradient ascent in each octave", int, least=0)
    octave_n: int = _setting(
        4, "octaves", "sizes that the picture is dreamt at, the smallest first", int, least=1, most=1000
    )
    octave_scale: float = _setting(
        1.4, "scale", "ratio of one octave's size to the one before", float, above=1, most=1000
    )
    step_size: float = _setting(1.5, "step", "mean change of a pixel in one step, in levels of 0-255", float)
    jitter: int = _setting(32, "jitter", "greatest random shift before each step, in pixels", int, least=0)
    clip: bool = _setting(True, "clip", "keep the picture within 0-255 after each step", bool)
    seed: Optional[int] = _setting(
        None, "seed", "of the shifts (default: drawn and printed)", int, least=0, most=2**32 - 1
    )


@dataclass(frozen=True)
class GoalSettings(_Checked):
    """What a dream is drawn towards instead of all that its layer sees, and what holds it back."""

    channel: Optional[str] = _setting(None, "channel", "dream towards these channels of a layer, LAYER:N or LAYER:N,N")
    class_: Optional[str] = _setting(
        None, "class", "dream towards a class that the net knows, by its name or its number, such as tabby or 281"
    )
    layers: Optional[str] = _setting(
        None, "layers", "dream on several layers, each with a weight, which may be below 0: LAYER:1,LAYER:0.5"
    )
    tv: float = _setting(
        0.0, "tv", "total variation: how much neighbouring pixels are made alike; try 0.003", float, least=0
    )
    decay: float = _setting(0.0, "decay", "L2 decay: how much pixels are drawn to grey; try 0.002", float, least=0)
    blur: float = _setting(
        0.0, "blur", "blur of the gradient: details below so many pixels do not grow; try 1", float, least=0, most=100
    )


@dataclass(frozen=True)
class NetSettings(_Checked):
    """The net that dreams, and what computes it."""

    model: str = _setting(
        AUTO,
        "model",
        "a model's name; a folder with a deploy.prototxt and a .caffemodel; or auto: bvlc_googlenet, "
        "or efficientnet_lite0 where that cannot be had",
    )
    engine: str = _setting(
        "auto",
        "engine",
        "caffe, torch, or auto: Caffe where it can be imported, else PyTorch",
        choices=("auto", "caffe", "torch"),
    )
    device: str = _setting("auto", "device", "cpu, cuda, cuda:N, mps, or auto: a GPU where there is one")
    precision: str = _setting(
        "float32",
        "precision",
        "float32; float64: the same picture on every machine; or, faster on a GPU but not Caffe's numbers, "
        "tf32 (CUDA) or bfloat16",
        choices=("float32", "float64", "tf32", "bfloat16"),
    )
    threads: Optional[int] = _setting(
        None, "threads", "processor threads (default: the engine's choice)", int, least=1, most=1024
    )
    memory: Optional[int] = _setting(
        None, "memory", "the most that the program may take, such as 3.5G (default: what is free)", byte_size, above=0
    )


@dataclass(frozen=True)
class PictureSettings(_Checked):
    """How pictures are read."""

    max_size: Optional[int] = _setting(
        None, "max_size", "shrink larger pictures to this longest side, in pixels (default: as they are)", int, least=1
    )


@dataclass(frozen=True)
class ZoomSettings(_Checked):
    """The notebook's endless zoom: what happens to a dream before it is dreamt again."""

    frames: int = _setting(100, "frames", "pictures to make", int, least=1, most=9999)
    rate: float = _setting(
        0.05,
        "rate",
        "share of each side that is cut off from frame to frame; below 0 zooms out",
        float,
        above=-1,
        most=0.99,
    )
    rotate: float = _setting(
        0.0, "rotate", "degrees to turn by from frame to frame, counter-clockwise", float, least=-360, most=360
    )
    shift: str = _setting(
        "0,0", "shift", "pixels to move by from frame to frame, right and down; --shift=-2,0 moves left"
    )
    fps: float = _setting(10.0, "fps", "frames a second of an animation or a film", float, least=0.1, most=1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.shift_pixels  # noqa: B018  # refuses what is not two numbers

    @property
    def shift_pixels(self) -> Tuple[float, float]:
        """Pixels to the right and down. Raises UsageError where `shift` is not two numbers."""
        try:
            x, y = map(float, self.shift.split(","))
        except ValueError:
            x = y = math.nan
        most = MOST[float]
        if not (abs(x) <= most and abs(y) <= most):
            raise UsageError(
                f"shift must be two numbers with a comma, such as 2,-1.5, each from {-most} to {most}, "
                f"not {shown(self.shift)}"
            )
        return x, y


@dataclass(frozen=True)
class VideoSettings(_Checked):
    """A film: which of its frames are dreamt, and what each takes over from the dream before it."""

    blend: float = _setting(
        0.5, "blend", "share of the dream before in what a frame is dreamt from", float, least=0, most=1
    )
    flow: str = _setting(
        "dis",
        "flow",
        "dis carries the dream before along the motion that the film shows (OpenCV's DIS optical flow); "
        "off leaves it where it was, as in 2015",
        choices=("dis", "off"),
    )
    start: Optional[float] = _setting(None, "start", "where to begin, in seconds or as 1:30", seconds, least=0)
    end: Optional[float] = _setting(None, "end", "where to end, in seconds or as 1:30", seconds, above=0)
    every: int = _setting(1, "every", "dream only every so many frames, each shown longer", int, least=1)
    fps: Optional[float] = _setting(
        None, "fps", "frames a second of a folder of frames (default: 25)", float, least=0.1, most=1000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end is not None and self.end <= (self.start or 0):
            raise UsageError(f"end must be after start, not {self.end} after {self.start or 0}")


@dataclass(frozen=True)
class WorkerSettings(_Checked):
    """Who dreams, where there are many dreams."""

    workers: Optional[int] = _setting(None, "workers", "processes that dream at the same time", int, least=1, most=1024)
    scheduler: Optional[str] = _setting(
        None, "scheduler", "a Dask cluster that dreams, by its scheduler's address: tcp://HOST:8786"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.workers and self.scheduler:
            raise UsageError("workers are this machine's, and scheduler names a cluster that has its own: give one")


# The most that one visitor of the page gets, so that the others have their turn.
WEB_MOST = {"iter_n": 100, "octave_n": 10}
WEB_LEAST, WEB_SIZE = 64, 1024  # pixels of a longest side: the least, and what is offered at first


@dataclass(frozen=True)
class WebSettings(_Checked):
    """The web page: where it is, and what each of its visitors may ask for."""

    host: str = _setting("127.0.0.1", "host", "the address to listen on; 0.0.0.0 lets the whole network in")
    port: int = _setting(7860, "port", "the port to listen on", int, least=1, most=65535)
    upload: int = _setting(20 * 2**20, "upload", "the largest file that is taken, such as 20M", byte_size, above=0)
    megapixels: float = _setting(50.0, "megapixels", "the largest picture that is taken", float, above=0)
    max_size: int = _setting(
        2048, "max_size", "the longest side, in pixels, that pictures may be dreamt at", int, least=WEB_LEAST
    )
    waiting: int = _setting(16, "waiting", "dreams that may wait for the one under way", int, least=0)
    upload_hourly: int = _setting(
        200 * 2**20, "upload_hourly", "the most that one visitor may upload in an hour", byte_size, above=0
    )
    storage: int = _setting(
        2**30, "storage", "the most that all uploads and dreams may take on the disk", byte_size, above=0
    )
    allow_host: Optional[str] = _setting(
        None, "allow_host", "another name that the page answers to, such as a proxy's; can be given several times"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.allowed_names  # noqa: B018  # refuses what are no names

    @property
    def allowed_names(self) -> Tuple[str, ...]:
        """Those in allow_host, which has commas between them. Raises UsageError where one is no name."""
        names = tuple(name.strip() for name in (self.allow_host or "").split(",") if name.strip())
        for name in names:
            if not re.fullmatch(r"[\w.-]+|\[?(?=.*:.*:)[0-9A-Fa-f:.]+\]?", name):
                raise UsageError(f"allow-host must be a name alone, such as dreams.example, not {shown(name)}")
        return names


# What a sheet takes several values of: the option, and the field of DreamSettings. The first of two makes the rows.
SHEET = {"layers": "end", "iterations": "iter_n", "octaves": "octave_n", "scale": "octave_scale", "seeds": "seed"}
ALL = "all"  # of the layers
SHEET_SEED = 0  # known beforehand, so that one sheet can use the dreams of another

DREAM = DreamSettings()
GOAL = GoalSettings()
NET = NetSettings()
PICTURE = PictureSettings()
ZOOM = ZoomSettings()
VIDEO = VideoSettings()
WORKERS = WorkerSettings()
WEB = WebSettings()
