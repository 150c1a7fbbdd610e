"""The files of a dream: their names."""

from dataclasses import replace

import pytest

from deepdream.pipeline.request import Request
from deepdream.settings import DREAM, OBJECTIVE
from deepdream.web.results import dream_name

SEED = replace(DREAM, seed=7)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("a b.c.jpg", "a_b.c"), ("<i>&.png", "i"), ("träume.png", "träume"), ("...png", "picture"), ("x" * 99, "x" * 60)],
)
def test_the_pictures_name(name, stem):
    assert dream_name(Request(f"/tmp/{name}", "out.png", SEED)) == f"{stem}-inception_4c-seed7.png"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"class_": "tabby cat"}, "class-tabby-cat"),
        ({"channel": "inception_4c/output:61,62"}, "channel-inception_4c-61-62"),
        ({"layers": "pool2:1,conv1:-0.5"}, "pool2-1-conv1--0.5"),
        ({"class_": "../../\r\n\"'<b>"}, "class-..-..-b"),
        ({"layers": "x" * 99}, "x" * 30),
    ],
)
def test_what_it_is_of(settings, what):
    request = Request("in.png", "out.png", SEED, replace(OBJECTIVE, **settings))
    assert dream_name(request) == f"in-{what}-seed7.png"
