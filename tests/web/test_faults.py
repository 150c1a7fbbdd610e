"""What the page shows when something below it fails."""

from types import SimpleNamespace

import pytest

from deepdream.errors import DreamError
from deepdream.settings import NET, WEB
from deepdream.web.dream import Progress
from deepdream.web.history import History
from deepdream.web.storage import Storage

VISITOR, OTHER = SimpleNamespace(session_hash="somebody"), SimpleNamespace(session_hash="somebody else")


@pytest.fixture
def page_with(net, tmp_path, monkeypatch):
    """Builds the page for a dreamer; returns the page and the choices on it."""
    gradio = pytest.importorskip("gradio", reason="the page needs Gradio")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    from deepdream.web.form import Form
    from deepdream.web.page import Page

    def lay_out(dreamer):
        with gradio.Blocks(analytics_enabled=False):
            form = Form({"tiny": net}, WEB, NET, tmp_path)
            made = Page(dreamer, History(Storage(tmp_path)), form)
        return made, {
            **{part: part.value for part in form.chosen},
            **{form.picture: {"path": str(tmp_path / "in.png")}, made.shown.key: None, made.shown.visitor: None},
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
    *_, last = made.dream(chosen, VISITOR)
    said = last[made.shown.status].replace("&#x27;", "'")
    assert words in said
    assert "secret" not in said
    assert ("secret" in caplog.text) == isinstance(error, RuntimeError)
    assert last[made.shown.begin]["visible"]
    assert not last[made.shown.stop]["visible"]


class Reading:
    """Stands in for a Dreamer and its dream. Visitors press Stop while the picture is being read."""

    def __init__(self, visitors):
        self.visitors, self.page, self.stops = visitors, None, 0

    def begin(self, _):
        for visitor in self.visitors:
            self.page.end(visitor)
        return self

    def stop(self):
        self.stops += 1

    def progress(self, _):
        yield Progress("over", is_last=True)


@pytest.mark.parametrize(("visitors", "stops"), [([VISITOR], 1), ([OTHER], 0), ([], 0)])
def test_stop_while_the_picture_is_read(page_with, visitors, stops):
    dreamer = Reading(visitors)
    dreamer.page, chosen = page_with(dreamer)
    dreamer.page.end(VISITOR)  # before there is anything to stop
    for times in (1, 2):
        *_, last = dreamer.page.dream(chosen, VISITOR)
        assert "over" in last[dreamer.page.shown.status]
        assert dreamer.stops == times * stops


def test_it_is_over_when_the_end_is_shown(page_with):
    """Otherwise a quick click on a dream of before would hide the buttons that begin one, and they would stay so."""
    for dreamer in (Reading([]), Failing(DreamError("no"))):
        made, chosen = page_with(dreamer)
        dreamer.page, under_way = made, []
        for _ in made.dream(chosen, VISITOR):
            under_way.append(VISITOR.session_hash in made._under_way)
        assert under_way == [True, False]


def test_dreams_of_before_that_are_gone(page_with):
    """As after the server was started again; the secret that nothing belongs to is given up."""
    made, _ = page_with(None)
    updates = made._load({made.shown.visitor: "old"}, SimpleNamespace(query_params={}))
    assert "your dreams of before are gone" in updates[made.shown.status]
    assert updates[made.shown.visitor] is None
    updates = made._load({made.shown.visitor: None}, SimpleNamespace(query_params={}))
    assert set(updates) == {made.shown.status}
    assert "value" not in updates[made.shown.status]
