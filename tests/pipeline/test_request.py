from dataclasses import replace

import pytest

from deepdream.errors import UsageError
from deepdream.pipeline.request import Request
from deepdream.settings import ObjectiveSettings


def kind(guide=None, **goal):
    return Request("in.png", "out.png", objective=ObjectiveSettings(**goal), guide=guide).kind


def test_the_kind_is_the_one_objective_that_was_given():
    assert kind(tv=1.0) == "l2"
    assert kind("guide.png") == "guide"
    assert [kind(**{name: "x"}) for name in ("channel", "class_", "layers")] == ["channel", "class", "layers"]


def test_a_seed_is_drawn_once_and_told_from_a_given_one():
    request = Request("in.png", "out.png")
    assert request.is_seed_drawn
    assert replace(request, source="other.png").dream.seed == request.dream.seed
    seeds = {replace(request, dream=replace(request.dream, seed=None)).dream.seed for _ in range(5)}
    assert len(seeds - {request.dream.seed}) == 5
    assert not Request("in.png", "out.png", replace(request.dream, seed=7)).is_seed_drawn


@pytest.mark.parametrize(("source", "target", "what"), [("", "out.png", "IN"), ("in.png", "", "OUT")])
def test_an_empty_name_is_no_request(source, target, what):
    with pytest.raises(UsageError, match=f"{what} is empty"):
        Request(source, target)


def test_two_objectives_are_refused():
    with pytest.raises(UsageError, match="--guide and --channel and --class cannot be combined"):
        kind("guide.png", channel="x", class_="y")
