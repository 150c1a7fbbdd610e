"""What the page shows when something below it fails."""

from types import SimpleNamespace

import pytest

from deepdream.errors import DreamError
from deepdream.settings import DREAM, NET, WEB
from deepdream.web.dreamer import Progress

VISITOR, OTHER = SimpleNamespace(session_hash="somebody"), SimpleNamespace(session_hash="somebody else")


@pytest.fixture
def page_with(net, tmp_path, monkeypatch):
    """Builds the page for a dreamer; returns the page and the choices on it."""
    gradio = pytest.importorskip("gradio", reason="the page needs Gradio")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    from deepdream.web import page

    def lay_out(dreamer):
        with gradio.Blocks(analytics_enabled=False):
            made = page._Page(dreamer, {"tiny": net}, WEB, NET)
        return made, {
            **{made._picture: {"path": str(tmp_path / "in.png")}, made._guide: None, made._model: "tiny"},
            **{made._layer: DREAM.end, made._iterations: 1, made._octaves: 1, made._max_size: 64, made._seed: ""},
            made._finished: None,
        }

    return lay_out


class Failing:
    """Stands in for a Dreamer."""

    def __init__(self, error):
        self.error = error

    def begin(self, _):
        raise self.error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DreamError("a <b>sentence</b>: a way out"), "a &lt;b&gt;sentence&lt;/b&gt;: a way out"),
        (MemoryError("CPU allocator"), "memory has run out: choose a smaller longest side"),
        (RuntimeError("secret"), "something went wrong, and the details are in the server's log: try another"),
    ],
)
def test_a_sentence_and_no_more(page_with, caplog, error, words):
    made, chosen = page_with(Failing(error))
    *_, last = made._dream(chosen, VISITOR)
    said = last[made._status].replace("&#x27;", "'")
    assert words in said
    assert "secret" not in said
    assert ("secret" in caplog.text) == isinstance(error, RuntimeError)
    assert last[made._begin]["visible"]
    assert not last[made._stop]["visible"]


class Reading:
    """Stands in for a Dreamer and its dream. Visitors press Stop while the picture is being read."""

    def __init__(self, visitors):
        self.visitors, self.page, self.stops = visitors, None, 0

    def begin(self, _):
        for visitor in self.visitors:
            self.page._end(visitor)
        return self

    def stop(self):
        self.stops += 1

    def progress(self, _):
        yield Progress("over", is_last=True)


@pytest.mark.parametrize(("visitors", "stops"), [([VISITOR], 1), ([OTHER], 0), ([], 0)])
def test_stop_while_the_picture_is_read(page_with, visitors, stops):
    dreamer = Reading(visitors)
    dreamer.page, chosen = page_with(dreamer)
    dreamer.page._end(VISITOR)  # before there is anything to stop
    for times in (1, 2):
        *_, last = dreamer.page._dream(chosen, VISITOR)
        assert "over" in last[dreamer.page._status]
        assert dreamer.stops == times * stops
