"""The single source of all defaults and limits: for signatures, --help, recipes and every front end.

Uses only the standard library, so that `dreamify.py --help` starts fast. Field names are those of the 2015 code;
`option` in the metadata of a field is its name on the command line and in the recipe.
"""

import re
from dataclasses import dataclass
from typing import Dict, Optional, Sequence, Tuple

from .errors import UsageError, shown
from .settings_base import Settings, setting
from .settings_zoom import ZoomSettings
from .units import byte_size, seconds

AUTO, GOOGLENET = "auto", "bvlc_googlenet"  # models


@dataclass(frozen=True)
class DreamSettings(Settings):
    """The settings of one dream, with the defaults of the notebook of July 2015."""

    end: str = setting("inception_4c/output", "layer", "the layer to dream on")
    iter_n: int = setting(10, "iterations", "steps of gradient ascent in each octave", int, minimum=0)
    octave_n: int = setting(
        4, "octaves", "number of sizes to dream at, from the smallest up", int, minimum=1, maximum=1000
    )
    octave_scale: float = setting(
        1.4, "scale", "ratio of the size of each octave to the one before", float, above=1, maximum=1000
    )
    step_size: float = setting(1.5, "step", "mean change per pixel in one step, in levels of 0-255", float)
    jitter: int = setting(32, "jitter", "largest random shift before each step, in pixels", int, minimum=0)
    clip: bool = setting(True, "clip", "keep the picture within 0-255 after each step", bool)
    seed: Optional[int] = setting(
        None,
        "seed",
        "seed of the random shifts (default: drawn at random and printed)",
        int,
        minimum=0,
        maximum=2**32 - 1,
    )
    seamless: Optional[str] = setting(
        None,
        "seamless",
        "the picture is a ring, whose sides meet: left and right (x), top and bottom (y), or both (default: neither)",
        choices=("x", "y", "xy"),
    )


@dataclass(frozen=True)
class ObjectiveSettings(Settings):
    """Objectives other than everything that one layer sees, and regularizers."""

    channel: Optional[str] = setting(None, "channel", "amplify these channels of a layer: LAYER:N or LAYER:N,N")
    class_: Optional[str] = setting(
        None, "class", "amplify a class that the net knows, by its name or number, such as tabby or 281"
    )
    layers: Optional[str] = setting(
        None, "layers", "dream on several layers, each with a weight, which may be negative: LAYER:1,LAYER:0.5"
    )
    tv: float = setting(
        0.0, "tv", "weight of the total variation penalty, which smooths the picture; try 0.003", float, minimum=0
    )
    decay: float = setting(
        0.0, "decay", "weight of the L2 decay, which pulls pixels towards grey; try 0.002", float, minimum=0
    )
    blur: float = setting(
        0.0,
        "blur",
        "blur the gradient by this many pixels to suppress finer detail; try 1",
        float,
        minimum=0,
        maximum=100,
    )


@dataclass(frozen=True)
class NetSettings(Settings):
    """The net, and how it is computed."""

    model: str = setting(
        AUTO,
        "model",
        "the name of a model; a folder with a deploy.prototxt and a .caffemodel; or auto: bvlc_googlenet, "
        "or efficientnet_lite0 if that is not available",
    )
    engine: str = setting(
        "auto",
        "engine",
        "caffe, torch, or auto: Caffe if it can be imported, else PyTorch",
        choices=("auto", "caffe", "torch"),
    )
    device: str = setting("auto", "device", "cpu, cuda, cuda:N, mps, or auto: a GPU if there is one")
    precision: str = setting(
        "float32",
        "precision",
        "float32; float64 for the same picture on every machine; or tf32 (CUDA) or bfloat16, which are faster "
        "on a GPU but do not give the numbers of Caffe",
        choices=("float32", "float64", "tf32", "bfloat16"),
    )
    threads: Optional[int] = setting(
        None, "threads", "number of CPU threads (default: chosen by the engine)", int, minimum=1, maximum=1024
    )
    memory: Optional[int] = setting(
        None, "memory", "limit on the memory used, such as 3.5G (default: the free memory)", byte_size, above=0
    )


@dataclass(frozen=True)
class PictureSettings(Settings):
    """Settings for reading pictures."""

    max_size: Optional[int] = setting(
        None, "max_size", "shrink larger pictures to this longest side, in pixels (default: no limit)", int, minimum=1
    )


@dataclass(frozen=True)
class GrowthSettings(Settings):
    """The growth of one dream: every step as a frame."""

    fps: float = setting(10.0, "growth_fps", "frames per second of the growth", float, minimum=0.1, maximum=1000)


@dataclass(frozen=True)
class VideoSettings(Settings):
    """Settings for films: which frames are dreamt, and how much each inherits from the dream before."""

    blend: float = setting(
        0.5,
        "blend",
        "share of the previous dream in the picture that each frame starts from",
        float,
        minimum=0,
        maximum=1,
    )
    flow: str = setting(
        "dis",
        "flow",
        "dis moves the previous dream along with the motion in the film (DIS optical flow of OpenCV); "
        "off leaves it in place, as in 2015",
        choices=("dis", "off"),
    )
    start: Optional[float] = setting(None, "start", "time to start at, in seconds or as 1:30", seconds, minimum=0)
    end: Optional[float] = setting(None, "end", "time to end at, in seconds or as 1:30", seconds, above=0)
    every: int = setting(1, "every", "dream on every Nth frame only, and show each one longer", int, minimum=1)
    fps: Optional[float] = setting(
        None, "fps", "frames per second of a folder of frames (default: 25)", float, minimum=0.1, maximum=1000
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.end is not None and self.end <= (self.start or 0):
            raise UsageError(f"end must be after start, not {self.end} after {self.start or 0}")


@dataclass(frozen=True)
class AtlasSettings(Settings):
    """Settings of an atlas: which channels of a layer it shows."""

    channels: Optional[str] = setting(
        None, "channels", "the channels to show, as numbers and ranges such as 0-63,100 (default: all)"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.numbers(2**31)

    def numbers(self, count: int) -> Sequence[int]:
        """The numbers of the channels, each once, of a layer with this many. Raises UsageError."""
        if self.channels is None:
            return range(count)
        found: Dict[int, None] = {}
        for part in self.channels.split(","):
            match = re.fullmatch(r"\s*([0-9]{1,9})(?:-([0-9]{1,9}))?\s*", part)
            if not match or int(match[1]) > int(match[2] or match[1]):
                raise UsageError(f"channels must be numbers and ranges, such as 0-63,100, not {shown(self.channels)}")
            last = int(match[2] or match[1])
            if last >= count:
                raise UsageError(f"there is no channel {last}: the layer has channels 0 to {count - 1}")
            if count < 2**31:  # else only the form is checked
                found.update(dict.fromkeys(range(int(match[1]), last + 1)))
        return list(found)


@dataclass(frozen=True)
class WorkerSettings(Settings):
    """The processes or machines that many dreams are spread over."""

    workers: Optional[int] = setting(
        None, "workers", "number of processes that dream at the same time", int, minimum=1, maximum=1024
    )
    scheduler: Optional[str] = setting(
        None, "scheduler", "address of the scheduler of a Dask cluster to dream on: tcp://HOST:8786"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.workers and self.scheduler:
            raise UsageError(
                "workers and scheduler cannot be combined: a cluster has workers of its own, so give only one"
            )


# The limits for one visitor of the page, so that others get their turn.
WEB_MAXIMA = {"iter_n": 100, "octave_n": 10}
WEB_FRAMES = (20, 50)  # of a zoom: the fewest and the most
WEB_MIN_SIZE, WEB_SIZE = 64, 1024  # the longest side in pixels: its minimum, and the initial value


@dataclass(frozen=True)
class WebSettings(Settings):
    """Settings of the web page: its address, and the limits for each visitor."""

    host: str = setting(
        "127.0.0.1", "host", "the address to listen on; 0.0.0.0 makes the page reachable from the whole network"
    )
    port: int = setting(7860, "port", "the port to listen on", int, minimum=1, maximum=65535)
    upload: int = setting(
        20 * 2**20, "upload", "the largest file that can be uploaded, such as 20M", byte_size, above=0
    )
    megapixels: float = setting(
        50.0, "megapixels", "the largest picture that can be uploaded, in megapixels", float, above=0
    )
    max_size: int = setting(
        2048, "max_size", "limit on the longest side of a dream, in pixels", int, minimum=WEB_MIN_SIZE
    )
    waiting: int = setting(16, "waiting", "number of dreams that may wait in the queue", int, minimum=0)
    upload_hourly: int = setting(
        200 * 2**20, "upload_hourly", "limit on the uploads of one visitor in an hour", byte_size, above=0
    )
    storage: int = setting(
        2**30, "storage", "limit on the disk space that all uploads and dreams take", byte_size, above=0
    )
    allow_host: Optional[str] = setting(
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

# Of an atlas: few large strokes, which show at the size of a stamp. The seed is fixed for the same reason.
ATLAS_SOURCE = "noise:96x96"
ATLAS_DREAM = DreamSettings(iter_n=20, octave_n=2, step_size=4.0, jitter=8, seed=SHEET_SEED)
ATLAS_OBJECTIVE = ObjectiveSettings(blur=1.0)

DREAM = DreamSettings()
OBJECTIVE = ObjectiveSettings()
NET = NetSettings()
PICTURE = PictureSettings()
ZOOM = ZoomSettings()
GROWTH = GrowthSettings()
VIDEO = VideoSettings()
ATLAS = AtlasSettings()
WORKERS = WorkerSettings()
WEB = WebSettings()
