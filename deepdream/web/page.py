"""The page: what is on it and what its buttons do. Importing this imports Gradio."""

import contextlib
import logging
import re
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Set

import gradio as gr
from PIL import Image

from ..errors import DreamError, UsageError
from ..recipe import recipe_text
from ..request import Request
from ..settings import DREAM, PICTURE, WEB_LEAST, WEB_MOST, WEB_SIZE, NetSettings, WebSettings, byte_text
from . import offers
from .dreamer import Dream, Dreamer, Moment, Result

_KEPT = 3600  # seconds that a visitor's files stay
_HELLO = "Give a picture, and a neural network dreams on it, as Google's deepdream did in July 2015."
_NOT_OURS = "something went wrong here, and what it was is in the server's log: try another picture or other settings"
_NO_MEMORY = "memory has run out: take a smaller longest side, or try again when less is going on"
_SHRINKS = "larger pictures are shrunk to it, which makes the dream faster"
_QUICK: Dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
# Brings the place of the dream into view, which on a telephone is below all that can be chosen.
_LOOK = """(...chosen) => {
    const place = document.querySelector("#dream"), top = place.getBoundingClientRect().top
    if (top < 0 || top > innerHeight / 3) {
        place.style.minHeight = "100vh"
        place.scrollIntoView({behavior: "smooth"})
    }
    return chosen
}"""
_DREAMING: Dict[str, Any] = {
    "concurrency_limit": None,  # the dreamer has a line of its own, from which a visitor can step out
    "js": _LOOK,
    "preprocess": False,  # Gradio would decode pictures, and may store them anew
    "show_progress": "hidden",
    "api_visibility": "private",
}
_STYLE = Path(__file__).with_name("page.css")

Updates = Dict[Any, Any]  # of the page's parts


def build(dreamer: Dreamer, models: Dict[str, str], settings: WebSettings, net: NetSettings) -> gr.Blocks:
    """The page; models are by the names that they have on it, the first is picked."""
    with gr.Blocks(title="dreamify", analytics_enabled=False, delete_cache=(60, _KEPT)) as blocks:
        gr.Markdown(f"# dreamify\n{_HELLO}")
        _Page(dreamer, models, settings, net)
    return blocks


def launch(blocks: gr.Blocks, host: str, settings: WebSettings) -> None:
    """Serves the page from threads of its own.

    By Gradio's launch: on an app of one's own (mount_gradio_app) it would take any file of this machine for an upload.
    """
    blocks.launch(
        server_name=host,
        server_port=settings.port,
        max_file_size=settings.upload,
        allowed_paths=[str(offers.SAMPLES), str(offers.EXAMPLE)],
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        run_history=False,
        enable_monitoring=False,
        footer_links=[],
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css_paths=_STYLE,
    )


class _Page:
    """The page's parts, and what happens to them."""

    def __init__(self, dreamer: Dreamer, models: Dict[str, str], settings: WebSettings, net: NetSettings):
        self._dreamer, self._models, self._settings, self._net = dreamer, models, settings, net
        self._under_way: Dict[str, Optional[Dream]] = {}  # by visitors' sessions; None while the picture is read
        self._stopped: Set[str] = set()  # sessions
        self._found: Dict[str, offers.Layers] = {}
        with gr.Row():
            with gr.Column():
                self._lay_out_choices()
            with gr.Column(elem_id="dream"):
                self._lay_out_dream()
        self._connect()

    def _lay_out_choices(self) -> None:
        most = f"{byte_text(self._settings.upload)}B and {self._settings.megapixels:g} megapixels at most"
        self._picture = _upload("Picture", f"Drop, paste or choose a picture\n{most}", elem_id="picture", height=260)
        gr.Examples([[str(offers.EXAMPLE)]], self._picture, label="None at hand? Click this one", cache_examples=False)
        layers, limits = self._layers(next(iter(self._models))), DREAM.__dataclass_fields__["end"].metadata
        gr.Markdown("**What it dreams of.** Each small picture is a layer of the network.")
        self._samples = gr.Gallery(
            **_samples(layers, layers.default),
            label="What the layers show: click one",
            elem_id="samples",
            show_label=False,
            container=False,
            allow_preview=False,
            interactive=False,
            buttons=[],
        )
        self._layer = gr.Dropdown(
            layers.choices, value=layers.default, label="layer", info=f"{limits['help']}; type to search"
        )
        with gr.Row():
            self._iterations, self._octaves = (_slider(name) for name in ("iter_n", "octave_n"))
        with gr.Accordion("Size, seed, guide, model", open=False):
            greatest = self._settings.max_size
            self._max_size = gr.Slider(
                WEB_LEAST, greatest, min(WEB_SIZE, greatest), step=1, label="longest side", info=_SHRINKS, precision=0
            )
            self._seed = gr.Textbox(
                label="seed", placeholder="drawn", info="the same one gives the same dream again", elem_id="seed"
            )
            self._guide = _upload(
                "guide", "A picture whose features the dream goes towards", elem_id="guide", height=160
            )
            self._model = gr.Dropdown(
                list(self._models), label="model", info="`dreamify models fetch NAME` adds another"
            )

    def _lay_out_dream(self) -> None:
        self._begin = gr.Button("Dream", variant="primary", size="lg")
        self._stop = gr.Button("Stop, and keep what is there", variant="stop", size="lg", visible=False)
        self._status = gr.HTML(_status("The dream will be here."), elem_id="status")
        self._growing = gr.Image(
            label="The dream, growing", format="jpeg", interactive=False, buttons=[], visible=False, elem_id="growing"
        )
        self._compared = gr.ImageSlider(
            label="Before and after", interactive=False, buttons=["fullscreen"], visible=False, elem_id="compared"
        )
        with gr.Row():
            self._download = gr.DownloadButton("Download", variant="primary", visible=False)
            self._again = gr.Button("Again with another seed", visible=False)
        self._recipe = gr.Textbox(
            label="Its recipe, which the downloaded picture carries",
            visible=False,
            max_lines=30,
            buttons=["copy"],
            elem_id="recipe",
        )

    def _connect(self) -> None:
        chosen: Set[Any] = {
            *(self._picture, self._guide, self._model, self._layer),
            *(self._iterations, self._octaves, self._max_size),
        }
        shown = [
            *(self._begin, self._stop, self._status, self._growing),
            *(self._compared, self._download, self._again, self._recipe),
        ]
        self._begin.click(self._dream, {*chosen, self._seed}, shown, **_DREAMING)
        self._again.click(self._dream, chosen, shown, **_DREAMING)
        self._stop.click(self._end, None, None, **_QUICK)
        self._model.input(self._pick_model, self._model, [self._layer, self._samples], **_QUICK)
        self._samples.select(self._pick_sample, self._model, self._layer, **_QUICK)
        self._layer.input(self._show_sample, [self._model, self._layer], self._samples, **_QUICK)

    def _dream(self, chosen: Dict[Any, Any], visitor: gr.Request) -> Iterator[Updates]:
        """From the click to the result, or to what went wrong."""
        session = str(visitor.session_hash)
        self._stopped.discard(session)
        self._under_way[session] = None
        yield self._began()
        try:
            dream = self._dreamer.begin(self._request(chosen))
            self._under_way[session] = dream
            if session in self._stopped:
                dream.stop()
            with contextlib.closing(self._dreamer.moments(dream)) as moments:
                for moment in moments:
                    yield self._told(moment)
        except DreamError as error:
            yield self._ended(str(error), is_wrong=True)
        except MemoryError:
            yield self._ended(_NO_MEMORY, is_wrong=True)
        except Exception:
            logging.exception("a dream failed")
            yield self._ended(_NOT_OURS, is_wrong=True)
        finally:
            self._under_way.pop(session, None)

    def _request(self, chosen: Dict[Any, Any]) -> Request:
        """What was chosen; where no seed was, one is drawn. Raises UsageError for what is not offered."""
        picture, guide = (upload and upload["path"] for upload in (chosen[self._picture], chosen[self._guide]))
        model, most = self._models.get(str(chosen[self._model])), self._settings.max_size
        if not picture:
            raise UsageError("there is no picture yet: upload one, or click the example")
        if model is None:
            raise UsageError("that model is not offered: pick another")
        pictures = replace(PICTURE, max_size=chosen[self._max_size])
        if pictures.max_size is None or pictures.max_size > most:
            raise UsageError(f"the longest side may be {most} at most on this page, not {pictures.max_size}")
        dream = replace(
            DREAM,
            end=chosen[self._layer],
            iter_n=chosen[self._iterations],
            octave_n=chosen[self._octaves],
            seed=_seed(chosen.get(self._seed)),
        )
        net, fit_octaves = replace(self._net, model=model), dream.octave_n == DREAM.octave_n
        return Request(picture, "", dream, net=net, pictures=pictures, guide=guide, fit_octaves=fit_octaves)

    def _end(self, visitor: gr.Request) -> None:
        """Stops the visitor's own dream."""
        session = str(visitor.session_hash)
        if session in self._under_way:
            self._stopped.add(session)
        dream = self._under_way.get(session)
        if dream:
            dream.stop()

    def _began(self) -> Updates:
        hidden = (self._begin, self._compared, self._download, self._again, self._recipe)
        return {
            **{part: gr.update(visible=False) for part in hidden},
            self._stop: gr.update(visible=True),
            self._status: _status("getting ready", 0.0),
            self._growing: gr.update(value=None, visible=False),
        }

    def _told(self, moment: Moment) -> Updates:
        if moment.is_last:
            return self._ended(moment.words, moment.result)
        updates: Updates = {self._status: _status(moment.words, moment.share)}
        if moment.picture is not None:
            updates[self._growing] = gr.update(value=Image.fromarray(moment.picture), visible=True)
        return updates

    def _ended(self, words: str, result: Optional[Result] = None, is_wrong: bool = False) -> Updates:
        updates: Updates = {
            self._begin: gr.update(visible=True),
            self._stop: gr.update(visible=False),
            self._status: _status(words, is_wrong=is_wrong),
            self._growing: gr.update(value=None, visible=False),
        }
        if result:
            both = (str(result.before), str(result.dream))
            updates[self._compared] = gr.update(value=both, visible=True)
            updates[self._download] = gr.update(value=str(result.dream), visible=True)
            updates[self._again] = gr.update(visible=True)
            updates[self._recipe] = gr.update(value=recipe_text(result.recipe), visible=True)
        return updates

    def _layers(self, model: str) -> offers.Layers:
        """A model's layers, found once. Raises gr.Error, which Gradio shows, where the model is not there any more."""
        try:
            if model not in self._found:
                self._found[model] = offers.find_layers(self._models[model], self._net.engine)
        except DreamError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return self._found[model]

    def _pick_model(self, model: str) -> Any:
        layers = self._layers(model)
        return gr.update(choices=layers.choices, value=layers.default), gr.update(**_samples(layers, layers.default))

    def _pick_sample(self, model: str, picked: gr.SelectData) -> str:
        return list(self._layers(model).samples)[picked.index]

    def _show_sample(self, model: str, layer: str) -> Any:
        return gr.update(selected_index=_samples(self._layers(model), layer)["selected_index"])


def _samples(layers: offers.Layers, layer: str) -> Updates:
    """Of the gallery: the small pictures, and that of a layer marked, if it has one."""
    names, words = list(layers.samples), {name: said for said, name in layers.choices}
    return {
        "value": [(path, words[name]) for name, path in layers.samples.items()],
        "selected_index": names.index(layer) if layer in names else -1,  # None would leave the last one marked
        "visible": bool(names),
    }


def _upload(label: str, placeholder: str, **options: Any) -> gr.Image:
    return gr.Image(
        label=label,
        placeholder=placeholder,
        sources=["upload", "clipboard"],
        buttons=[],
        alt_text="what you gave",
        **options,
    )


def _slider(name: str) -> gr.Slider:
    limits = DREAM.__dataclass_fields__[name].metadata
    value = getattr(DREAM, name)
    return gr.Slider(
        limits["least"], WEB_MOST[name], value, step=1, label=limits["option"], info=limits["help"], precision=0
    )


def _seed(typed: Any) -> Any:
    """A seed as it was typed, None for nothing; what is no number is left to the settings to refuse."""
    text = str(typed or "").strip()
    return int(text) if re.fullmatch(r"\d{1,20}", text) else text or None


def _status(words: str, share: Optional[float] = None, is_wrong: bool = False) -> str:
    """The line that says how it stands, with a bar while it goes on."""
    bar = "" if share is None else f'<progress value="{share:.3f}"></progress>'
    kind = ' class="wrong"' if is_wrong else ""
    return f'<div role="status">{bar}<p{kind}>{escape(words)}</p></div>'
