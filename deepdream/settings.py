"""The single source of all defaults and limits: for signatures, --help, recipes and every front end.

Uses only the standard library, so that `dreamify.py --help` starts fast. Field names are those of the 2015 code;
`option` in the metadata of a field is its name on the command line and in the recipe.
"""

import math
import re
from dataclasses import Field, dataclass, field, fields, replace
from numbers import Integral, Rational, Real
from typing import Any, Dict, Mapping, Optional, Tuple, TypeVar

from .errors import UsageError, shown
from .units import byte_size, byte_text, seconds

Self = TypeVar("Self", bound="Settings")

AUTO, GOOGLENET = "auto", "bvlc_googlenet"  # models

# A description of each kind of setting, for messages.
KINDS = {
    str: "text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    byte_size: "a size such as 3.5G or 512M",
    seconds: "a time such as 12.5, 1:30 or 1:02:30",
}

# The default maximum of each kind. Unless a setting has a minimum, its negative is the minimum. These limits are far
# beyond any practical use, but small enough not to overflow in any computation.
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


@dataclass(frozen=True)
class Settings:
    """Settings that reject values out of range, whether they come from a command line, a program or a recipe."""

    def __post_init__(self) -> None:
        for option, setting in self.options().items():
            value = getattr(self, setting.name)
            if not (value is None and setting.default is None) and not _allowed(value, setting.metadata):
                name = option.replace("_", "-")
                raise UsageError(f"{name} must be {_range(setting.metadata)}, not {shown(value)}")

    @classmethod
    def options(cls) -> "Dict[str, Field[Any]]":
        """{name on the command line and in recipes: field}."""
        return {setting.metadata["option"]: setting for setting in fields(cls)}

    @classmethod
    def option(cls, name: str) -> str:
        """The name of a field on the command line and in recipes."""
        return str(cls.__dataclass_fields__[name].metadata["option"])

    def by_option(self) -> Dict[str, Any]:
        """{name on the command line and in recipes: value}."""
        return {option: getattr(self, setting.name) for option, setting in self.options().items()}

    def with_options(self: Self, values: Mapping[str, Any]) -> Self:
        """These settings, with those values that belong to one of them. Raises UsageError for a value out of range.

        values: {name on the command line and in recipes: value}.
        """
        return replace(self, **{each.name: values[name] for name, each in self.options().items() if name in values})


def _allowed(value: Any, limits: Any) -> bool:
    kind = limits["kind"]
    if kind in (str, bool):
        return isinstance(value, kind) and (not limits["choices"] or value in limits["choices"])
    number = Real if kind in (float, seconds) else Integral
    if isinstance(value, bool) or not isinstance(value, number):
        return False
    exact = value if isinstance(value, Rational) else float(value)  # an integer may be too large for a float
    is_above = exact > limits["above"] if limits["least"] is None else exact >= limits["least"]
    return bool(is_above and exact <= limits["most"])


def _range(limits: Any) -> str:
    """Describes the allowed values of a setting."""
    kind = limits["kind"]
    if limits["choices"]:
        return "one of " + ", ".join(limits["choices"])
    if kind not in MOST:
        return KINDS[kind]
    most = byte_text(limits["most"]) if kind is byte_size else limits["most"]
    if limits["least"] is None:
        return f"{KINDS[kind]} above {limits['above']} and at most {most}"
    return f"{KINDS[kind]} from {limits['least']} to {most}"


@dataclass(frozen=True)
class DreamSettings(Settings):
    """The settings of one dream, with the defaults of the notebook of July 2015."""

    end: str = _setting("inception_4c/output", "layer", "the layer to dream on")
    iter_n: int = _setting(10, "iterations", "steps of gradient ascent in each octave", int, least=0)
    octave_n: int = _setting(4, "octaves", "number of sizes to dream at, from the smallest up", int, least=1, most=1000)
    octave_scale: float = _setting(
        1.4, "scale", "ratio of the size of each octave to the one before", float, above=1, most=1000
    )
    step_size: float = _setting(1.5, "step", "mean change per pixel in one step, in levels of 0-255", float)
    jitter: int = _setting(32, "jitter", "largest random shift before each step, in pixels", int, least=0)
    clip: bool = _setting(True, "clip", "keep the picture within 0-255 after each step", bool)
    seed: Optional[int] = _setting(
        None, "seed", "seed of the random shifts (default: drawn at random and printed)", int, least=0, most=2**32 - 1
    )


@dataclass(frozen=True)
class GoalSettings(Settings):
    """Objectives other than everything that one layer sees, and regularizers."""

    channel: Optional[str] = _setting(None, "channel", "amplify these channels of a layer: LAYER:N or LAYER:N,N")
    class_: Optional[str] = _setting(
        None, "class", "amplify a class that the net knows, by its name or number, such as tabby or 281"
    )
    layers: Optional[str] = _setting(
        None, "layers", "dream on several layers, each with a weight, which may be negative: LAYER:1,LAYER:0.5"
    )
    tv: float = _setting(
        0.0, "tv", "weight of the total variation penalty, which smooths the picture; try 0.003", float, least=0
    )
    decay: float = _setting(
        0.0, "decay", "weight of the L2 decay, which pulls pixels towards grey; try 0.002", float, least=0
    )
    blur: float = _setting(
        0.0, "blur", "blur the gradient by this many pixels to suppress finer detail; try 1", float, least=0, most=100
    )


@dataclass(frozen=True)
class NetSettings(Settings):
    """The net, and how it is computed."""

    model: str = _setting(
        AUTO,
        "model",
        "the name of a model; a folder with a deploy.prototxt and a .caffemodel; or auto: bvlc_googlenet, "
        "or efficientnet_lite0 if that is not available",
    )
    engine: str = _setting(
        "auto",
        "engine",
        "caffe, torch, or auto: Caffe if it can be imported, else PyTorch",
        choices=("auto", "caffe", "torch"),
    )
    device: str = _setting("auto", "device", "cpu, cuda, cuda:N, mps, or auto: a GPU if there is one")
    precision: str = _setting(
        "float32",
        "precision",
        "float32; float64 for the same picture on every machine; or tf32 (CUDA) or bfloat16, which are faster "
        "on a GPU but do not give the numbers of Caffe",
        choices=("float32", "float64", "tf32", "bfloat16"),
    )
    threads: Optional[int] = _setting(
        None, "threads", "number of CPU threads (default: chosen by the engine)", int, least=1, most=1024
    )
    memory: Optional[int] = _setting(
        None, "memory", "limit on the memory used, such as 3.5G (default: the free memory)", byte_size, above=0
    )


@dataclass(frozen=True)
class PictureSettings(Settings):
    """Settings for reading pictures."""

    max_size: Optional[int] = _setting(
        None, "max_size", "shrink larger pictures to this longest side, in pixels (default: no limit)", int, least=1
    )


@dataclass(frozen=True)
class ZoomSettings(Settings):
    """The endless zoom of the notebook: how each dream is transformed before it is dreamt on again."""

    frames: int = _setting(100, "frames", "number of pictures to make", int, least=1, most=9999)
    rate: float = _setting(
        0.05,
        "rate",
        "share of each side that is cropped from frame to frame; a negative rate zooms out",
        float,
        above=-1,
        most=0.99,
    )
    rotate: float = _setting(
        0.0, "rotate", "rotation from frame to frame, in degrees counter-clockwise", float, least=-360, most=360
    )
    shift: str = _setting(
        "0,0", "shift", "shift from frame to frame, in pixels right and down; --shift=-2,0 moves left"
    )
    fps: float = _setting(10.0, "fps", "frames per second of an animation or a film", float, least=0.1, most=1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.shift_pixels  # noqa: B018  # raises UsageError unless it is two numbers

    @property
    def shift_pixels(self) -> Tuple[float, float]:
        """The shift in pixels right and down. Raises UsageError if `shift` is not two numbers."""
        try:
            x, y = map(float, self.shift.split(","))
        except ValueError:
            x = y = math.nan
        most = MOST[float]
        if not (abs(x) <= most and abs(y) <= most):
            raise UsageError(
                f"shift must be two numbers separated by a comma, such as 2,-1.5, each from {-most} to {most}, "
                f"not {shown(self.shift)}"
            )
        return x, y


@dataclass(frozen=True)
class VideoSettings(Settings):
    """Settings for films: which frames are dreamt, and how much each inherits from the dream before."""

    blend: float = _setting(
        0.5, "blend", "share of the previous dream in the picture that each frame starts from", float, least=0, most=1
    )
    flow: str = _setting(
        "dis",
        "flow",
        "dis moves the previous dream along with the motion in the film (DIS optical flow of OpenCV); "
        "off leaves it in place, as in 2015",
        choices=("dis", "off"),
    )
    start: Optional[float] = _setting(None, "start", "time to start at, in seconds or as 1:30", seconds, least=0)
    end: Optional[float] = _setting(None, "end", "time to end at, in seconds or as 1:30", seconds, above=0)
    every: int = _setting(1, "every", "dream on every Nth frame only, and show each one longer", int, least=1)
    fps: Optional[float] = _setting(
        None, "fps", "frames per second of a folder of frames (default: 25)", float, least=0.1, most=1000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end is not None and self.end <= (self.start or 0):
            raise UsageError(f"end must be after start, not {self.end} after {self.start or 0}")


@dataclass(frozen=True)
class WorkerSettings(Settings):
    """The processes or machines that many dreams are spread over."""

    workers: Optional[int] = _setting(
        None, "workers", "number of processes that dream at the same time", int, least=1, most=1024
    )
    scheduler: Optional[str] = _setting(
        None, "scheduler", "address of the scheduler of a Dask cluster to dream on: tcp://HOST:8786"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.workers and self.scheduler:
            raise UsageError(
                "workers and scheduler cannot be combined: a cluster has workers of its own, so give only one"
            )


# The limits for one visitor of the page, so that others get their turn.
WEB_MOST = {"iter_n": 100, "octave_n": 10}
WEB_LEAST, WEB_SIZE = 64, 1024  # the longest side in pixels: its minimum, and the initial value


@dataclass(frozen=True)
class WebSettings(Settings):
    """Settings of the web page: its address, and the limits for each visitor."""

    host: str = _setting(
        "127.0.0.1", "host", "the address to listen on; 0.0.0.0 makes the page reachable from the whole network"
    )
    port: int = _setting(7860, "port", "the port to listen on", int, least=1, most=65535)
    upload: int = _setting(
        20 * 2**20, "upload", "the largest file that can be uploaded, such as 20M", byte_size, above=0
    )
    megapixels: float = _setting(
        50.0, "megapixels", "the largest picture that can be uploaded, in megapixels", float, above=0
    )
    max_size: int = _setting(2048, "max_size", "limit on the longest side of a dream, in pixels", int, least=WEB_LEAST)
    waiting: int = _setting(16, "waiting", "number of dreams that may wait in the queue", int, least=0)
    upload_hourly: int = _setting(
        200 * 2**20, "upload_hourly", "limit on the uploads of one visitor in an hour", byte_size, above=0
    )
    storage: int = _setting(
        2**30, "storage", "limit on the disk space that all uploads and dreams take", byte_size, above=0
    )
    allow_host: Optional[str] = _setting(
        None, "allow_host", "another host name that the page answers to, such as that of a proxy; may be repeated"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.allowed_names  # noqa: B018  # raises UsageError for what is not a host name

    @property
    def allowed_names(self) -> Tuple[str, ...]:
        """The names in allow_host, which separates them by commas. Raises UsageError if one is not a host name."""
        names = tuple(name.strip() for name in (self.allow_host or "").split(",") if name.strip())
        for name in names:
            if not re.fullmatch(r"[\w.-]+|\[?(?=.*:.*:)[0-9A-Fa-f:.]+\]?", name):
                raise UsageError(
                    f"allow-host must be a host name without scheme or port, such as dreams.example, not {shown(name)}"
                )
        return names


# Options of a sheet that take several values, and their fields of DreamSettings. Of two, the first makes the rows.
SHEET = {"layers": "end", "iterations": "iter_n", "octaves": "octave_n", "scale": "octave_scale", "seeds": "seed"}
ALL = "all"  # selects all layers
SHEET_SEED = 0  # fixed, so that sheets can share dreams

DREAM = DreamSettings()
GOAL = GoalSettings()
NET = NetSettings()
PICTURE = PictureSettings()
ZOOM = ZoomSettings()
VIDEO = VideoSettings()
WORKERS = WorkerSettings()
WEB = WebSettings()
