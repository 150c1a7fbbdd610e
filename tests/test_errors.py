"""Messages as a terminal can show them."""

import pytest

from deepdream.errors import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("layer inception_4c/output", "layer inception_4c/output"),
        ("ünï 夢", "ünï 夢"),
        ("one\ntwo", "one\ntwo"),
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("\u202edrawkcab", "\\u202edrawkcab"),
        ("b\udcffd", "b\\udcffd"),
    ],
)
def test_what_a_terminal_would_act_on_is_escaped(text, shown):
    assert printable(text) == shown


def test_the_middle_of_a_long_line_is_left_out():
    shown = printable("first\n" + "a" * 5000 + " the way out")
    assert shown.startswith("first\naaa")
    assert shown.endswith(" the way out")
    assert len(shown) < 1100
