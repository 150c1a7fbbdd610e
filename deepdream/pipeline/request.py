"""A request: the pictures, by name and as read, and the settings."""

from dataclasses import dataclass, fields, replace
from typing import Any, Dict, List, Optional

import numpy as np
from PIL import Image

from ..arrays import Size
from ..errors import DreamError, UsageError
from ..images import noise, picture
from ..images.picture import Picture
from ..settings import DREAM, GOAL, NET, PICTURE, DreamSettings, GoalSettings, NetSettings, PictureSettings

Recipe = Dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What to dream: the pictures, by path or "-", and the settings."""

    source: str
    target: str
    dream: DreamSettings = DREAM
    goal: GoalSettings = GOAL
    net: NetSettings = NET
    pictures: PictureSettings = PICTURE
    guide: Optional[str] = None
    mask: Optional[str] = None
    frames: Optional[str] = None  # a folder for the picture of every iteration
    fit_octaves: bool = False  # use fewer octaves if the picture is too small for all of them
    repeated: Optional[str] = None  # the picture that this recipe was read from
    force: bool = False  # replace the target, whatever it is

    @property
    def sources(self) -> List[str]:
        """Everything that is read: pictures or a film, by path, by address or "-". Noise is not read."""
        named = (self.source, self.guide, self.mask, self.repeated)
        return [name for name in named if name and not noise.size_of(name)]

    @property
    def kind(self) -> str:
        """The objective: l2, guide, channel, class or layers. Raises UsageError if more than one is given."""
        goal = self.goal
        given = {"guide": self.guide, "channel": goal.channel, "class": goal.class_, "layers": goal.layers}
        chosen = [name for name, value in given.items() if value is not None]
        if len(chosen) > 1:
            raise UsageError(f"--{' and --'.join(chosen)} cannot be combined: use one of them")
        return chosen[0] if chosen else "l2"


@dataclass(frozen=True)
class Inputs:
    """The pictures of a dream, as read."""

    base: Picture
    guide: Optional[Picture]
    mask: Optional[Picture]

    @property
    def sizes(self) -> List[Size]:
        """(height, width) of each picture that the net is run on."""
        return [image.pixels.shape[:2] for image in (self.base, self.guide) if image]


def request_again(
    recipe: Recipe, source: str, target: str, guide: Optional[str], mask: Optional[str], model: Optional[str]
) -> Request:
    """The request that repeats the dream of a recipe."""
    for verb in ("zoom", "video", "sheet"):
        if any(key.startswith(f"{verb}_") for key in recipe):
            raise DreamError(f"that recipe is of a {verb}, which cannot be repeated from it: use dreamify {verb}")
    if "moment" in recipe:
        raise DreamError(f"that dream is unfinished, at {recipe['moment']}: only a finished dream can be repeated")
    for what, had, given in (
        ("guide", recipe.get("objective") == "guide", guide),
        ("mask", "mask_sha256" in recipe, mask),
    ):
        if had != bool(given):
            way_out = f"a {what}: give it with --{what}" if had else f"no {what}: leave --{what} out"
            raise UsageError(f"that dream had {way_out}")
    try:
        dream, goal, net = (_settings(kind, recipe) for kind in (DreamSettings, GoalSettings, NetSettings))
        pictures = _settings(PictureSettings, recipe)
    except UsageError as error:
        raise DreamError(f"the recipe cannot be repeated: {error}") from None
    return Request(source, target, dream, goal, replace(net, model=model) if model else net, pictures, guide, mask)


def _settings(kind: Any, recipe: Recipe) -> Any:
    options = {f.name: f.metadata["option"] for f in fields(kind)}
    return kind(**{name: recipe[option] for name, option in options.items() if option in recipe})


def read_inputs(request: Request, base: Optional[Picture] = None, guide: Optional[Picture] = None) -> Inputs:
    """Reads the pictures of a request; refuses those that cannot be read or do not fit together.

    base, guide: pictures to use instead of reading request.source and request.guide.
    """
    if [request.source, request.guide, request.mask].count("-") > 1:
        raise UsageError("only one of picture, guide and mask can be standard input: give the others by path")
    max_size, seed = request.pictures.max_size, request.dream.seed
    base = base or picture.read(request.source, max_size, seed)
    guide = guide or (picture.read(request.guide, max_size, seed) if request.guide else None)
    mask = picture.read(request.mask, max_size, seed) if request.mask else None
    if mask:
        (h, w), (mask_h, mask_w) = base.pixels.shape[:2], mask.pixels.shape[:2]
        if (h, w) != (mask_h, mask_w):
            raise DreamError(f"the mask is {mask_w}x{mask_h} and the picture {w}x{h}: make them the same size")
        if not mask_weights(mask).any():
            raise DreamError("the mask is entirely black, so nothing would be dreamt: paint the area to dream on white")
    return Inputs(base, guide, mask)


def redraw_noise(inputs: Inputs, request: Request) -> Inputs:
    """Redraws noise inputs from the request's seed; keeps the others, which may not be readable twice."""

    def anew(source: Optional[str], image: Optional[Picture]) -> Any:
        is_noise = source and noise.size_of(source)
        return picture.read(str(source), request.pictures.max_size, request.dream.seed) if is_noise else image

    return Inputs(anew(request.source, inputs.base), anew(request.guide, inputs.guide), anew(request.mask, inputs.mask))


def mask_weights(mask: Picture) -> np.ndarray:
    """The mask as weights from 0 to 1, (h, w) float32: its brightness times its opacity."""
    share = np.asarray(Image.fromarray(mask.pixels).convert("L"), np.float32) / 255
    return share if mask.alpha is None else share * mask.alpha.astype(np.float32) / 255
