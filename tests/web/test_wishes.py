"""Settings in an address and in a recipe, which may come from anyone."""

from dataclasses import replace
from urllib.parse import parse_qsl

import pytest

from deepdream.errors import UsageError
from deepdream.pipeline.request import Request
from deepdream.settings import DREAM, OBJECTIVE, PICTURE
from deepdream.web import wishes

SIZE = replace(PICTURE, max_size=500)


@pytest.mark.parametrize(
    "objective", [{}, {"class_": "281", "tv": 0.01}, {"channel": "conv1:1,2"}, {"layers": "a/b:1,c:-0.5", "blur": 2.0}]
)
def test_an_address_brings_the_settings_back(objective):
    dream = replace(DREAM, end="conv1", iter_n=3, seed=7)
    request = Request("in.png", "out.png", dream, replace(OBJECTIVE, **objective), pictures=SIZE)
    address = wishes.query(request, "tiny")
    assert address.startswith("?model=tiny&")
    found = wishes.of_query(dict(parse_qsl(address[1:])))
    given = {name: value for name, value in wishes.of_request(request).items() if value is not None}
    kept = {name: value for name, value in found.items() if value is not None}
    assert {**kept, **{name: given[name] for name in ("tv", "decay", "blur")}} == {"model": "tiny", **given}


def test_what_is_no_setting_is_ignored():
    assert wishes.of_query({"utm_source": "x", "__theme": "dark", "storage": "1"}) == {}
    assert wishes.of_query({"seed": "7", "fbclid": "x"}) == {"seed": 7}


BAD = [
    ({"seed": "-1"}, "seed must be a whole number from 0 to 4294967295, not -1"),
    ({"seed": "9" * 5000}, "seed must be a whole number"),
    ({"iterations": "101"}, "iterations may be 100 at most on this page, not 101"),
    ({"octaves": "2.5"}, "octaves must be a whole number from 1 to 1000, not '2.5'"),
    ({"tv": "nan"}, "tv must be a number from 0 to 1000000, not nan"),
    ({"max_size": "0"}, "max-size must be"),
    ({"class": "1", "channel": "conv1:1"}, "layer, class, channel and layers cannot be combined: use one of them"),
    ({"layer": "conv1", "layers": "a,b"}, "cannot be combined"),
]


@pytest.mark.parametrize(("given", "words"), BAD)
def test_a_value_out_of_range_is_refused(given, words):
    with pytest.raises(UsageError) as error:
        wishes.of_query(given)
    assert words in str(error.value)


def test_a_recipe_is_told_from_what_the_page_lacks():
    recipe = {"layer": "conv1", "iterations": 3, "octaves": 2, "seed": 7, "scale": 1.6, "jitter": 32, "max_size": None}
    recipe.update(model="tiny", tv=0.5, guide_sha256="0", version="1", seamless="x")
    found, missing = wishes.of_recipe(recipe)
    assert {
        "layer": "conv1",
        "iterations": 3,
        "octaves": 2,
        "seed": 7,
        "tv": 0.5,
        "model": "tiny",
    }.items() <= found.items()
    assert found["class"] is found["channel"] is None
    assert "max_size" not in found
    assert missing == ["scale 1.6", "seamless 'x'", "a guide"]
    assert wishes.of_recipe({**recipe, "zoom_frames": 3})[1][-1] == "the rest of a zoom"


@pytest.mark.parametrize("value", [None, [3, 4], {"a": 1}, "<b>", 10**400, True])
def test_a_recipe_of_anyone_is_checked(value):
    for name in ("iterations", "layer", "tv"):
        if (name, value) != ("layer", "<b>"):
            with pytest.raises(UsageError):
                wishes.of_recipe({name: value})
