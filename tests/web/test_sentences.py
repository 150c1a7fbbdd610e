"""Messages as the page says them."""

import pytest

from deepdream.web.sentences import for_page


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("at most 2 octaves work (--octaves 2) for", "at most 2 octaves work (octaves 2) for"),
        ("--guide and --class cannot be combined: use one", "guide and class cannot be combined: use one"),
        (
            "only 1G is available: shrink the picture with --max-size",
            "only 1G is available: shrink the picture with longest side",
        ),
        ("max-size must be a whole number", "longest side must be a whole number"),
        ("it may use only 1G: raise --memory, use fewer --workers, or shrink it", "it may use only 1G: shrink it"),
        ("a layer of vgg16, so add --model vgg16", "a layer of vgg16, so choose the model vgg16"),
        (
            "x.png cannot be written (full): fix this and run the same command to resume",
            "x.png cannot be written (full): try again later",
        ),
        (
            "x.png cannot be written (full): fix this, or write somewhere else",
            "x.png cannot be written (full): try again later",
        ),
        (
            "the frames cannot be stored as GIF (x): write them to a folder instead",
            "the frames cannot be stored as GIF (x): choose another format",
        ),
        ("PyAV is missing: pip install av, or write to a folder or a .gif instead", "PyAV is missing: pip install av"),
        ("not 'a -- b' \x1b[2J", "not 'a -- b' \\x1b[2J"),
    ],
)
def test_it_names_the_controls(words, said):
    assert for_page(words) == said
