"""A request: the pictures, by name and as read, and the settings."""

from dataclasses import dataclass, replace
from typing import List, Optional

import numpy as np
from PIL import Image

from ..arrays import Size
from ..errors import DreamError, UsageError
from ..images import noise, picture
from ..images.picture import Picture
from ..images.recipe import BROWSER, HOW, Recipe
from ..keyframes import Path
from ..settings import DREAM, NET, OBJECTIVE, PICTURE, DreamSettings, NetSettings, ObjectiveSettings, PictureSettings


@dataclass(frozen=True)
class Request:
    """What to dream: the pictures, by path or "-", and the settings. A seed that is not given is drawn.

    Raises UsageError for an empty source or target.
    """

    source: str
    target: str
    dream: DreamSettings = DREAM  # always with a seed
    objective: ObjectiveSettings = OBJECTIVE
    net: NetSettings = NET
    pictures: PictureSettings = PICTURE
    guide: Optional[str] = None
    mask: Optional[str] = None
    frames: Optional[str] = None  # a folder for the picture of every iteration
    layers: Path = ()  # of a path on which one layer gives way to another, in place of dream.end
    growth: Optional[str] = None  # a film, an animation or a folder that shows every iteration at full size
    fit_octaves: bool = False  # use fewer octaves if the picture is too small for all of them
    repeated: Optional[str] = None  # the picture that this recipe was read from
    force: bool = False  # replace the target, whatever it is
    is_target_chosen: bool = False  # the program chose its name, which then replaces nothing
    is_seed_drawn: bool = False  # any other seed would do as well

    def __post_init__(self) -> None:
        for what, name in (("IN", self.source), ("OUT", self.target)):
            if not name:
                raise UsageError(f"{what} is empty: name a file")
        if self.dream.seed is None:
            drawn = replace(self.dream, seed=int(np.random.randint(2**31)))
            object.__setattr__(self, "dream", drawn)  # the class is frozen
            object.__setattr__(self, "is_seed_drawn", True)

    @property
    def sources(self) -> List[str]:
        """Everything that is read: pictures or a film, by path, by address or "-". Noise is not read."""
        named = (self.source, self.guide, self.mask, self.repeated)
        return [name for name in named if name and not noise.size_of(name)]

    @property
    def kind(self) -> str:
        """The objective: l2, guide, channel, class or layers. Raises UsageError if more than one is given."""
        objective = self.objective
        given = {
            "guide": self.guide,
            "channel": objective.channel,
            "class": objective.class_,
            "layers": objective.layers,
        }
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
        return [image.size for image in (self.base, self.guide) if image]


def request_again(
    recipe: Recipe, source: str, target: str, guide: Optional[str], mask: Optional[str], model: Optional[str]
) -> Request:
    """The request that repeats the dream of a recipe; one that was stopped is dreamt to its end."""
    for verb in ("zoom", "video", "sheet", "atlas"):
        if any(key.startswith(f"{verb}_") for key in recipe):
            what = f"an {verb}" if verb == "atlas" else f"a {verb}"
            raise DreamError(f"that recipe is of {what}, which cannot be repeated from it: use dreamify {verb}")
    for what, had, given in (
        ("guide", recipe.get("objective") == "guide", guide),
        ("mask", "mask_sha256" in recipe, mask),
    ):
        if had != bool(given):
            way_out = f"a {what}: give it with --{what}" if had else f"no {what}: leave --{what} out"
            raise UsageError(f"that dream had {way_out}")
    if recipe.get("engine") == BROWSER:  # an engine that is not here: chosen as for a new dream
        recipe = {key: value for key, value in recipe.items() if key not in HOW}
    try:
        dream, objective, net = DREAM.with_options(recipe), OBJECTIVE.with_options(recipe), NET.with_options(recipe)
        pictures = PICTURE.with_options(recipe)
    except UsageError as error:
        raise DreamError(f"the recipe cannot be repeated: {error}") from None
    return Request(source, target, dream, objective, replace(net, model=model) if model else net, pictures, guide, mask)


def read_inputs(
    request: Request,
    base: Optional[Picture] = None,
    guide: Optional[Picture] = None,
    mask: Optional[Picture] = None,
) -> Inputs:
    """Reads the pictures of a request; refuses those that cannot be read or do not fit together.

    base, guide, mask: pictures to use instead of reading those that the request names.
    """
    if [request.source, request.guide, request.mask].count("-") > 1:
        raise UsageError("only one of picture, guide and mask can be standard input: give the others by path")
    max_size, seed = request.pictures.max_size, request.dream.seed
    base = base or picture.read(request.source, max_size, seed)
    guide = guide or (picture.read(request.guide, max_size, seed) if request.guide else None)
    mask = mask or (picture.read(request.mask, max_size, seed) if request.mask else None)
    if mask:
        (h, w), (mask_h, mask_w) = base.size, mask.size
        if (h, w) != (mask_h, mask_w):
            raise DreamError(f"the mask is {mask_w}x{mask_h} and the picture {w}x{h}: make them the same size")
        if not mask_weights(mask).any():
            raise DreamError("the mask is entirely black, so nothing would be dreamt: paint the area to dream on white")
    return Inputs(base, guide, mask)


def redraw_noise(inputs: Inputs, request: Request) -> Inputs:
    """Redraws noise inputs from the request's seed; keeps the others, which may not be readable twice."""

    def redrawn(source: str) -> Optional[Picture]:
        is_noise = noise.size_of(source)
        return picture.read(source, request.pictures.max_size, request.dream.seed) if is_noise else None

    guide = redrawn(request.guide) if request.guide else None
    mask = redrawn(request.mask) if request.mask else None
    return Inputs(redrawn(request.source) or inputs.base, guide or inputs.guide, mask or inputs.mask)


def mask_weights(mask: Picture) -> np.ndarray:
    """The mask as weights from 0 to 1, (h, w) float32: its brightness times its opacity."""
    share = np.asarray(Image.fromarray(mask.pixels).convert("L"), np.float32) / 255
    return share if mask.alpha is None else share * mask.alpha.astype(np.float32) / 255
