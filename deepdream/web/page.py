"""The page: its layout, and what its buttons do. Importing this module imports Gradio."""

import contextlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Set, Tuple

import gradio as gr
from gradio.blocks import Block

from ..errors import DreamError, UsageError
from ..images.recipe import recipe_text
from ..pipeline.request import Request
from ..settings import DREAM, PICTURE, WEB_MIN_SIZE, WEB_SIZE, NetSettings, WebSettings
from ..units import byte_text
from . import choices, parts
from .dreamer import Dream, Dreamer, Progress, Result, dream_name

_HELLO = "Upload a picture, and a neural network dreams on it, as Google's deepdream did in July 2015."
_NOT_OURS = "something went wrong, and the details are in the server's log: try another picture or other settings"
_NO_MEMORY = "memory has run out: choose a smaller longest side, or try again when the server is less busy"
_SHRINKS = "larger pictures are shrunk to it, which makes the dream faster"
_QUICK: Dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
_DREAMING: Dict[str, Any] = {
    "concurrency_limit": None,  # the dreamer has its own queue, which a visitor can leave
    "preprocess": False,  # otherwise Gradio would decode pictures, and might store them again
    "show_progress": "hidden",
    "api_visibility": "private",
}
Chosen = Dict[Block, Any]  # what a visitor sent for each component
Update = Dict[str, Any]  # what gr.update returns
Updates = Dict[Block, object]  # the new value of each component, or its Update


def build(dreamer: Dreamer, models: Dict[str, str], settings: WebSettings, net: NetSettings) -> gr.Blocks:
    """Build the page. models: {label: name or folder}; the first one is selected."""
    with gr.Blocks(title="dreamify", analytics_enabled=False) as blocks:
        gr.Markdown(f"# dreamify\n{_HELLO}")
        _Page(dreamer, models, settings, net)
    return blocks.queue(api_open=False)


class _Page:
    """The components of the page, and the handlers of their events."""

    def __init__(self, dreamer: Dreamer, models: Dict[str, str], settings: WebSettings, net: NetSettings):
        self._dreamer, self._models, self._settings, self._net = dreamer, models, settings, net
        self._under_way: Dict[str, Optional[Dream]] = {}  # by session; None while the picture is being read
        self._stopped: Set[str] = set()  # sessions
        self._found: Dict[str, choices.Layers] = {}
        with gr.Row():
            with gr.Column():
                self._lay_out_choices()
            with gr.Column(elem_id="dream"):
                self._lay_out_dream()
        self._connect()

    def _lay_out_choices(self) -> None:
        limits = f"{byte_text(self._settings.upload)}B and {self._settings.megapixels:g} megapixels at most"
        self._picture = parts.upload(
            "Picture", f"Drop, paste or choose a picture\n{limits}", elem_id="picture", height=260
        )
        examples = [[str(path)] for path in choices.EXAMPLES]
        gr.Examples(examples, self._picture, label="No picture at hand? Try one of these", cache_examples=False)
        layers, about = self._layers(next(iter(self._models))), DREAM.__dataclass_fields__["end"].metadata
        gr.Markdown("**What it dreams of.** Each small picture shows a layer of the network.")
        self._samples = gr.Gallery(
            **parts.samples(layers, layers.default),
            label="What the layers show: click one",
            elem_id="samples",
            show_label=False,
            container=False,
            allow_preview=False,
            interactive=False,
            buttons=[],
        )
        self._layer = gr.Dropdown(
            layers.choices, value=layers.default, label="layer", info=f"{about['help']}; type to search"
        )
        with gr.Row():
            self._iterations, self._octaves = (parts.slider(name) for name in ("iter_n", "octave_n"))
        with gr.Accordion("Size, seed, guide, model", open=False):
            max_size = self._settings.max_size
            self._max_size = gr.Slider(
                WEB_MIN_SIZE,
                max_size,
                min(WEB_SIZE, max_size),
                step=1,
                label="longest side",
                info=_SHRINKS,
                precision=0,
            )
            self._seed = gr.Textbox(
                label="seed", placeholder="random", info="the same seed gives the same dream", elem_id="seed"
            )
            self._guide = parts.upload(
                "guide", "A picture whose features the dream goes towards", elem_id="guide", height=160
            )
            self._model = gr.Dropdown(
                list(self._models), label="model", info="`dreamify models fetch NAME` adds another"
            )

    def _lay_out_dream(self) -> None:
        self._begin = gr.Button("Dream", variant="primary", size="lg", elem_id="begin")
        self._stop = gr.Button("Stop and keep the dream so far", variant="stop", size="lg", visible=False)
        self._status = gr.Markdown(parts.status("Your dream will appear here."), elem_id="status", latex_delimiters=[])
        self._growing = gr.Image(
            label="The dream, growing", format="jpeg", interactive=False, buttons=[], visible=False, elem_id="growing"
        )
        self._compared = gr.ImageSlider(
            label="Before and after", interactive=False, buttons=["fullscreen"], visible=False, elem_id="compared"
        )
        with gr.Row():
            self._download = gr.DownloadButton("Download", variant="primary", visible=False)
            self._again = gr.Button("Again with another seed", visible=False, elem_id="again")
        self._recipe = gr.Textbox(
            label="Recipe, also stored in the downloaded picture",
            visible=False,
            max_lines=30,
            buttons=["copy"],
            elem_id="recipe",
        )
        self._finished = gr.State()  # the Request of the dream on display; None if there is none

    def _connect(self) -> None:
        chosen: Set[Block] = {
            *(self._picture, self._guide, self._model, self._layer, self._finished),
            *(self._iterations, self._octaves, self._max_size, self._seed),
        }
        shown = [
            *(self._begin, self._stop, self._status, self._growing),
            *(self._compared, self._download, self._again, self._recipe, self._finished),
        ]
        self._begin.click(self._dream, chosen, shown, **_DREAMING)
        self._again.click(self._dream_again, self._finished, shown, **_DREAMING)
        self._stop.click(self._end, None, None, **_QUICK)
        self._model.input(self._pick_model, self._model, [self._layer, self._samples], **_QUICK)
        self._samples.select(self._pick_sample, self._model, self._layer, **_QUICK)
        self._layer.input(self._show_sample, [self._model, self._layer], self._samples, **_QUICK)

    def _dream(self, chosen: Chosen, visitor: gr.Request) -> Iterator[Updates]:
        """Run a dream with the chosen settings."""
        yield from self._dreamt(lambda: self._request(chosen), chosen[self._finished], visitor)

    def _dream_again(self, finished: Optional[Request], visitor: gr.Request) -> Iterator[Updates]:
        """Repeat the dream on display with another seed, whatever settings are chosen now."""

        def request() -> Request:
            if finished is None:
                raise UsageError("there is no dream to repeat yet: dream one first")
            return replace(finished, dream=replace(finished.dream, seed=None))

        yield from self._dreamt(request, finished, visitor)

    def _dreamt(
        self, request: Callable[[], Request], finished: Optional[Request], visitor: gr.Request
    ) -> Iterator[Updates]:
        """Yield updates from the click to the result, or to an error next to the previous dream."""
        session = str(visitor.session_hash)
        self._under_way[session] = None
        yield self._began()
        try:
            dream = self._dreamer.begin(request())
            self._under_way[session] = dream
            if session in self._stopped:
                dream.stop()
            with contextlib.closing(self._dreamer.progress(dream)) as reports:
                for number, report in enumerate(reports):
                    yield self._reported(dream, report, number, finished)
        except DreamError as error:
            yield self._ended(str(error), finished, is_wrong=True)
        except MemoryError:
            yield self._ended(_NO_MEMORY, finished, is_wrong=True)
        except Exception:
            logging.exception("a dream failed")
            yield self._ended(_NOT_OURS, finished, is_wrong=True)
        finally:
            self._under_way.pop(session, None)
            self._stopped.discard(session)

    def _request(self, chosen: Chosen) -> Request:
        """The request for the chosen settings; an empty seed means a random one. Raises UsageError for invalid ones."""
        picture, guide = (parts.sent_path(chosen[part]) for part in (self._picture, self._guide))
        model, max_size = self._models.get(str(chosen[self._model])), self._settings.max_size
        if picture is None:
            raise UsageError("there is no picture yet: upload one, or click an example")
        if model is None:
            raise UsageError("that model is not offered: pick another")
        pictures = replace(PICTURE, max_size=chosen[self._max_size])
        if pictures.max_size is None or pictures.max_size > max_size:
            raise UsageError(f"the longest side may be {max_size} at most on this page, not {pictures.max_size}")
        dream = replace(
            DREAM,
            end=chosen[self._layer],
            iter_n=chosen[self._iterations],
            octave_n=chosen[self._octaves],
            seed=parts.typed_seed(chosen[self._seed]),
        )
        net, fit_octaves = replace(self._net, model=model), dream.octave_n == DREAM.octave_n
        return Request(
            picture, dream_name(picture), dream, net=net, pictures=pictures, guide=guide, fit_octaves=fit_octaves
        )

    def _end(self, visitor: gr.Request) -> None:
        """Stop this visitor's dream."""
        session = str(visitor.session_hash)
        if session in self._under_way:
            self._stopped.add(session)
        dream = self._under_way.get(session)
        if dream:
            dream.stop()

    def _began(self) -> Updates:
        """The updates at the start of a dream; the previous dream stays until the new one is finished."""
        return {
            **{part: gr.update(visible=False) for part in (self._begin, self._again)},
            self._stop: gr.update(visible=True),
            self._status: parts.status("getting ready", 0.0),
            self._growing: gr.update(value=None, visible=False),
        }

    def _reported(self, dream: Dream, report: Progress, number: int, finished: Optional[Request]) -> Updates:
        if report.is_last:
            shown = dream.request if report.result else finished
            return self._ended(report.words, shown, report.result)
        updates: Updates = {self._status: parts.status(report.words, report.share)}
        if report.picture is not None:
            path = Path(dream.request.target).with_name(f"growing{number}.jpeg")
            with contextlib.suppress(OSError):  # the disk may be full, but still have room for the dream itself
                parts.write_preview(path, report.picture)
                updates[self._growing] = gr.update(value=str(path), visible=True)
        return updates

    def _ended(
        self, words: str, finished: Optional[Request], result: Optional[Result] = None, is_wrong: bool = False
    ) -> Updates:
        """The updates at the end of a dream. finished: the request of the dream now on display, if there is one."""
        updates: Updates = {
            self._begin: gr.update(visible=True),
            self._stop: gr.update(visible=False),
            self._status: parts.status(words, is_wrong=is_wrong),
            self._growing: gr.update(value=None, visible=False),
            self._again: gr.update(visible=finished is not None),
            self._finished: finished,
        }
        if result:
            both = (str(result.before), str(result.dream))
            updates[self._compared] = gr.update(value=both, visible=True)
            updates[self._download] = gr.update(value=str(result.dream), visible=True)
            updates[self._recipe] = gr.update(value=recipe_text(result.recipe), visible=True)
        return updates

    def _layers(self, model: str) -> choices.Layers:
        """The layers of a model, cached. If the model is gone, raises gr.Error, which Gradio shows to the visitor."""
        try:
            if model not in self._found:
                self._found[model] = choices.find_layers(self._models[model], self._net.engine)
        except DreamError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return self._found[model]

    def _pick_model(self, model: str) -> Tuple[Update, Update]:
        layers = self._layers(model)
        samples = parts.samples(layers, layers.default)
        return gr.update(choices=layers.choices, value=layers.default), gr.update(**samples)

    def _pick_sample(self, model: str, picked: gr.SelectData) -> str:
        return list(self._layers(model).samples)[picked.index]

    def _show_sample(self, model: str, layer: str) -> Update:
        return gr.update(selected_index=parts.samples(self._layers(model), layer)["selected_index"])
