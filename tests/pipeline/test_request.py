import pytest

from deepdream.errors import UsageError
from deepdream.pipeline.request import Request
from deepdream.settings import GoalSettings


def kind(guide=None, **goal):
    return Request("in.png", "out.png", goal=GoalSettings(**goal), guide=guide).kind


def test_the_kind_is_the_one_objective_that_was_given():
    assert kind(tv=1.0) == "l2"
    assert kind("guide.png") == "guide"
    assert [kind(**{name: "x"}) for name in ("channel", "class_", "layers")] == ["channel", "class", "layers"]


def test_two_objectives_are_refused():
    with pytest.raises(UsageError, match="--guide and --channel and --class cannot be combined"):
        kind("guide.png", channel="x", class_="y")
