"""The settings of a zoom, some of which may change on the way.

Uses only the standard library, so that `dreamify.py --help` starts fast.
"""

from dataclasses import dataclass
from typing import Optional, Union

from .keyframes import NumberPath, PairPath, number_path, numbers, pairs
from .settings_base import MAXIMA, Settings, setting


@dataclass(frozen=True)
class ZoomSettings(Settings):
    """The endless zoom of the notebook: how each dream is transformed before it is dreamt on again."""

    frames: int = setting(100, "frames", "number of pictures to make", int, minimum=1, maximum=9999)
    rate: Union[float, str] = setting(
        0.05,
        "rate",
        "share of each side that is cropped from frame to frame; a negative rate zooms out; 0:0.05,50:0.01 changes it "
        "on the way",
        number_path,
        above=-1,
        maximum=0.99,
    )
    rotate: Union[float, str] = setting(
        0.0,
        "rotate",
        "rotation from frame to frame, in degrees counter-clockwise; or 0:1,50:-1",
        number_path,
        minimum=-360,
        maximum=360,
    )
    shift: str = setting(
        "0,0",
        "shift",
        "shift from frame to frame, in pixels right and down; --shift=-2,0 moves left; or 0:2,0,50:-2,0",
    )
    fade: Optional[int] = setting(
        None,
        "fade",
        "number of frames over which one layer gives way to the next of --layer 0:LAYER,60:LAYER (default: 10)",
        int,
        minimum=0,
        maximum=9999,
    )
    fps: float = setting(10.0, "fps", "frames per second of an animation or a film", float, minimum=0.1, maximum=1000)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.shift_path  # noqa: B018  # raises UsageError unless it is two numbers, or a path of them

    def path_of(self, name: str) -> NumberPath:
        """The rate or the rotation, at each frame where it is given."""
        return numbers(getattr(self, name), name)

    @property
    def shift_path(self) -> PairPath:
        """The shift in pixels right and down, at each frame where it is given.

        Raises UsageError if `shift` is not two numbers, or a path of them.
        """
        return pairs(self.shift, "shift", MAXIMA[float])
