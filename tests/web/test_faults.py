"""What the page says when what it stands on fails."""

from types import SimpleNamespace

import pytest

from deepdream.errors import DreamError
from deepdream.settings import DREAM, NET, WEB


class Failing:
    """In the place of a Dreamer."""

    def __init__(self, error):
        self.error = error

    def begin(self, _):
        raise self.error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DreamError("a <b>sentence</b>: a way out"), "a &lt;b&gt;sentence&lt;/b&gt;: a way out"),
        (MemoryError("CPU allocator"), "memory has run out: take a smaller longest side, or try again when less"),
        (RuntimeError("secret"), "something went wrong here, and what it was is in the server's log: try another"),
    ],
)
def test_a_sentence_and_no_more(net, tmp_path, monkeypatch, caplog, error, words):
    gradio = pytest.importorskip("gradio", reason="the page needs Gradio")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    from deepdream.web import page

    with gradio.Blocks(analytics_enabled=False):
        made = page._Page(Failing(error), {"tiny": net}, WEB, NET)
    chosen = {
        **{made._picture: {"path": str(tmp_path / "in.png")}, made._guide: None, made._model: "tiny"},
        **{made._layer: DREAM.end, made._iterations: 1, made._octaves: 1, made._max_size: 64, made._seed: ""},
    }
    *_, last = made._dream(chosen, SimpleNamespace(session_hash="somebody"))
    said = last[made._status].replace("&#x27;", "'")
    assert words in said
    assert "secret" not in said
    assert ("secret" in caplog.text) == isinstance(error, RuntimeError)
    assert last[made._begin]["visible"]
    assert not last[made._stop]["visible"]
