"""FRAME:VALUE,FRAME:VALUE: what it means at each frame, and what is said of one that means nothing."""

import pytest

from deepdream import keyframes
from deepdream.errors import UsageError
from deepdream.settings import ZoomSettings


def test_between_two_frames_a_number_changes_evenly():
    path = ZoomSettings(rate="2:0.1,4:0.3,5:-0.1").path_of("rate")
    found = [keyframes.value_at(path, frame) for frame in range(8)]
    assert found == pytest.approx([0.1, 0.1, 0.1, 0.2, 0.3, -0.1, -0.1, -0.1])
    assert ZoomSettings(rate=0.2).path_of("rate") == [(0, 0.2)]
    assert ZoomSettings(shift="0:2,-1.5,50:0,0").shift_path == [(0, (2, -1.5)), (50, (0, 0))]
    assert ZoomSettings(rate="0:0.1, 5:0.2").path_of("rate") == [(0, 0.1), (5, 0.2)]
    assert keyframes.parsed("0:3b, 5:4c", "layer") == [(0, "3b"), (5, "4c")]


@pytest.mark.parametrize(
    ("fade", "wanted"),
    [
        (0, [(1, 0, 0), (1, 0, 0), (0, 1, 0), (0, 1, 0), (0, 0, 1), (0, 0, 1)]),
        (1, [(1, 0, 0), (1, 0, 0), (0.5, 0.5, 0), (0, 1, 0), (0, 0.5, 0.5), (0, 0, 1)]),
        (2, [(1, 0, 0), (1, 0, 0), (2 / 3, 1 / 3, 0), (1 / 3, 2 / 3, 0), (0, 2 / 3, 1 / 3), (0, 1 / 3, 2 / 3)]),
    ],
)
def test_a_fade_begins_at_its_frame(fade, wanted):
    path = keyframes.parsed("0:a,2:b,4:c", "layer")
    assert [keyframes.shares_at(path, frame, fade) for frame in range(6)] == [pytest.approx(one) for one in wanted]
    assert keyframes.shares_at([(3, "a"), (5, "b")], 0, fade) == [1, 0]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"rate": "0:0.1,5:0.2,5:0.1"}, "the frames of rate must rise, and 5 comes after 5"),
        ({"rotate": "0:1,50:2,20:3"}, "the frames of rotate must rise, and 20 comes after 50"),
        ({"shift": "9:1,2,3:1,2"}, "the frames of shift must rise, and 3 comes after 9"),
        ({"rate": "0:0.1,5:1"}, "rate must be a number above -1 and at most 0.99, not '1' at frame 5"),
        ({"rate": "0:nan"}, "rate must be a number above -1 and at most 0.99, not 'nan' at frame 0"),
        ({"rotate": "0:1,2:x"}, "rotate must be a number from -360 to 360, not 'x' at frame 2"),
        ({"rate": "0:0.1,5"}, "rate must be a number above -1 and at most 0.99, not '0.1,5' at frame 0"),
        ({"rate": "0.1"}, "rate must be FRAME:VALUE,FRAME:VALUE, with frames from 0 to 9998, such as "),
        ({"rate": "0:0.1,9999:0.2"}, "rate must be FRAME:VALUE,FRAME:VALUE, with frames from 0 to 9998, such as "),
        ({"rate": "0:"}, "rate must be FRAME:VALUE,FRAME:VALUE, with frames from 0 to 9998, such as "),
        ({"rate": "9" * 5000 + ":1"}, "rate must be FRAME:VALUE,FRAME:VALUE, with frames from 0 to 9998, such as "),
        ({"shift": "0:1"}, "shift must be two numbers separated by a comma"),
        (
            {"shift": "0:"},
            "shift must be FRAME:VALUE,FRAME:VALUE, with frames from 0 to 9998, such as 0:2,0,50:-2,0, n",
        ),
    ],
)
def test_what_means_nothing(values, words):
    with pytest.raises(UsageError) as caught:
        ZoomSettings(**values)
    assert str(caught.value).startswith(words)
    assert len(str(caught.value)) < 250
