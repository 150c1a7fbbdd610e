"""The part of the page where a visitor chooses: the picture and the settings. Importing this module imports Gradio."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Optional, Set, Tuple

import gradio as gr
import numpy as np
from gradio.blocks import Block
from PIL import Image

from ..errors import DreamError, UsageError
from ..pipeline.request import Request
from ..settings import DREAM, OBJECTIVE, PICTURE, WEB_MIN_SIZE, WEB_SIZE, NetSettings, WebSettings
from ..units import byte_text
from . import choices, parts
from .choices import Layers
from .parts import Palette, Swatch
from .wishes import Wishes

Chosen = Dict[Block, Any]  # what a visitor sent for each component
Updates = Dict[Block, object]  # the new value of each component, or what gr.update returned

QUICK: Dict[str, Any] = {
    "queue": False,
    "preprocess": False,  # otherwise Gradio would open what a request names
    "show_progress": "hidden",
    "api_visibility": "private",
}
_STRENGTH = "steps at each size: 5 is faint, 10 is Google's, 40 is strong"
_SIZE = "number of sizes to dream at: 1 gives fine shapes, 4 is Google's, more give larger ones in a large picture"
_SHRINKS = "larger pictures are shrunk to it, which makes the dream faster"
_NO_CLASS = [("none", "")]
_NO_MODEL = "that model is not offered: pick another"
_INSTEAD = "instead of the layer"


class Form:
    """The components of the choices, and the request that they stand for."""

    def __init__(self, models: Dict[str, str], settings: WebSettings, net: NetSettings, folder: Path):
        """models: {label: name or folder}. folder: where the page serves files from; samples are copied to it."""
        self._models, self._settings, self._net, self._folder = models, settings, net, folder
        self._found: Dict[str, Layers] = {}
        self._classes: Dict[str, List[Tuple[str, str]]] = {}
        self._first = next(iter(models))

    def lay_out_start(self) -> None:
        """The picture, and what makes it a dream with one click more."""
        limits = f"{byte_text(self._settings.upload)}B and {self._settings.megapixels:g} megapixels at most"
        words = f"Drop, paste or choose a picture\n{limits}"
        self.picture = parts.upload("Picture", words, elem_id="picture", height=260)
        gr.Markdown("No picture at hand? Try one of these:")
        pictures = [Swatch(path.stem, path.stem, self._served(path, 160)) for path in choices.EXAMPLES]
        rules = (f"#example-{each.key} {{ background-image: url({parts.address(each.path)}) }}" for each in pictures)
        gr.Markdown(f"<style>{' '.join(rules)}</style>", sanitize_html=False, elem_classes="unseen")
        with gr.Row(elem_id="examples"):
            self._examples = [
                gr.Button(each.words.capitalize(), elem_id=f"example-{each.key}", size="sm", min_width=80)
                for each in pictures
            ]
        layers = self._layers(self._first)
        self.presets = Palette(self._presets(layers), "Presets", "presets", self._preset_of(layers, layers.default))

    def lay_out_settings(self) -> None:
        """All settings, the rare ones behind folds."""
        layers, about = self._layers(self._first), DREAM.__dataclass_fields__["end"].metadata["help"]
        label = "What it dreams of: each small picture shows a layer of the network"
        self.samples = Palette(self._samples(layers), label, "samples", layers.default)
        self.layer = gr.Dropdown(
            layers.choices, value=layers.default, label="layer", info=f"{about}; type to search", elem_id="layer"
        )
        with gr.Row():
            self.iterations = parts.slider("iter_n", "Strength", _STRENGTH)
            self.octaves = parts.slider("octave_n", "Size of shapes", _SIZE)
        with gr.Accordion("Size, seed, guide, model", open=False):
            max_size = self._settings.max_size
            self.max_size = gr.Slider(
                WEB_MIN_SIZE,
                max_size,
                min(WEB_SIZE, max_size),
                step=1,
                label="longest side",
                info=_SHRINKS,
                precision=0,
                buttons=[],
            )
            self.seed = gr.Textbox(
                label="seed", placeholder="random", info="the same seed gives the same dream", elem_id="seed"
            )
            words = "The dream goes towards its features"
            self.guide = parts.upload("guide", words, elem_id="guide", height=160)
            about = "`dreamify models fetch NAME` adds another"
            self.model = gr.Dropdown(list(self._models), label="model", info=about, elem_id="model")
        self._lay_out_rare()

    def _lay_out_rare(self) -> None:
        with gr.Accordion("Class, channel, layers, mask, smoothing", open=False) as self._rare:
            about = f"dream of one thing that the network knows, {_INSTEAD}; type to search"
            self.class_ = gr.Dropdown(_NO_CLASS, value="", label="class", info=about, elem_id="class")
            with gr.Row():
                about = f"some channels of a layer, {_INSTEAD}: inception_4c/output:61,62"
                self.channel = gr.Textbox(label="channel", info=about, elem_id="channel", max_length=200)
                about = f"several layers with weights, {_INSTEAD}: pool2:1,inception_4c/output:0.5"
                self.layers = gr.Textbox(label="layers", info=about, elem_id="layers", max_length=200)
            words = "White where to dream, black elsewhere"
            self.mask = parts.upload("mask", words, elem_id="mask", height=160)
            gr.Button("Paint the mask on the picture", elem_id="paint", size="sm")
            with gr.Row():
                self.tv = parts.number("tv", 1, 0.001)
                self.decay = parts.number("decay", 1, 0.001)
                self.blur = parts.number("blur", 100, 0.5)

    def connect(self) -> None:
        """Let the choices follow each other."""
        for button, path in zip(self._examples, choices.EXAMPLES):
            example = str(self._served(path))
            button.click(lambda example=example: example, None, self.picture, **QUICK)
        following = self.filled_parts
        self.model.input(self._pick_model, {self.model}, following, **QUICK)
        self.samples.radio.input(self._pick_sample, {self.samples.radio}, following, **QUICK)
        self.layer.input(self._show_sample, {self.model, self.layer}, following, **QUICK)
        self.presets.radio.input(self._pick_preset, {self.model, self.presets.radio}, following, **QUICK)
        self._rare.expand(self._show_classes, {self.model, self.class_}, self.class_, **QUICK)

    @property
    def chosen(self) -> Set[Block]:
        """The components that a request is made of."""
        return {self.picture, self.guide, self.mask, *self._settable()}

    @property
    def filled_parts(self) -> List[Block]:
        """The components that filled may update."""
        palettes = (self.presets, self.samples)
        return [*self._settable(), *(part for each in palettes for part in (each.radio, each.style))]

    def _settable(self) -> List[Block]:
        return [self.model, *self._controls().values()]

    def _controls(self) -> Dict[str, Block]:
        return {
            **{"layer": self.layer, "iterations": self.iterations, "octaves": self.octaves, "seed": self.seed},
            **{"max_size": self.max_size, "class": self.class_, "channel": self.channel, "layers": self.layers},
            **{"tv": self.tv, "decay": self.decay, "blur": self.blur},
        }

    def request(self, chosen: Chosen) -> Request:
        """The request for the chosen settings; an empty seed means a random one. Raises UsageError for invalid ones."""
        picture, guide, mask = (parts.sent_path(chosen[part]) for part in (self.picture, self.guide, self.mask))
        model, max_size = self._models.get(str(chosen[self.model])), self._settings.max_size
        if picture is None:
            raise UsageError("there is no picture yet: upload one, or click an example")
        if model is None:
            raise UsageError(_NO_MODEL)
        pictures = replace(PICTURE, max_size=chosen[self.max_size])
        if pictures.max_size is None or pictures.max_size > max_size:
            raise UsageError(f"the longest side may be {max_size} at most on this page, not {pictures.max_size}")
        values = {name: chosen[control] for name, control in self._controls().items()}
        values["seed"] = parts.typed_seed(values["seed"])
        for name in ("class", "channel", "layers"):
            values[name] = values[name] or None  # what is empty is not chosen
        for name in ("tv", "decay", "blur"):
            values[name] = values[name] or 0.0
        dream, objective = DREAM.with_options(values), OBJECTIVE.with_options(values)
        net, fit = replace(self._net, model=model), dream.octave_n == DREAM.octave_n
        return Request(picture, "dream.png", dream, objective, net, pictures, guide, mask, fit_octaves=fit)

    def filled(self, wishes: Wishes) -> Updates:
        """The updates that choose these settings. Raises UsageError for a model or a layer that is not here."""
        model = self.model_called(wishes["model"]) if "model" in wishes else self._first
        layers = self._layers(model)
        layer = wishes.get("layer")
        if layer is not None and layer not in [name for _, name in layers.choices]:
            raise UsageError(f"there is no layer {layer} in {layers.model}: pick another")
        updates: Updates = {}
        if "model" in wishes:
            updates.update({self.model: model, **self._fitting(model, layer)})
        for name, control in self._controls().items():
            if name in wishes and name != "layer":
                updates[control] = "" if wishes[name] is None else wishes[name]
        if layer is not None:
            updates.update({self.layer: gr.update(choices=layers.choices, value=layer)})
            updates.update(self.samples.filled(self._samples(layers), layer))
        if wishes.get("class") is not None:
            updates[self.class_] = gr.update(choices=self._class_choices(model), value=str(wishes["class"]))
        if "seed" in wishes:
            updates[self.seed] = "" if wishes["seed"] is None else str(wishes["seed"])
        return updates

    def model_called(self, name: object) -> str:
        """The label of a model, given its name or label. Raises UsageError if it is not offered."""
        found = next((label for label, model in self._models.items() if name in (label, model)), None)
        if found or name == self._layers(self._first).model:
            return found or self._first
        raise UsageError(f"the model {str(name)[:40]} is not offered here: pick another")

    def label_of(self, request: Request) -> str:
        """What the page calls the model of a request."""
        return self.model_called(request.net.model)

    def name_of(self, request: Request) -> str:
        """The name of the model of a request."""
        return self._layers(self.label_of(request)).model

    def _layers(self, label: str) -> Layers:
        """The layers of a model, cached. If the model is gone, raises gr.Error, which Gradio shows to the visitor."""
        if label not in self._models:
            raise gr.Error(_NO_MODEL, print_exception=False)
        try:
            if label not in self._found:
                self._found[label] = choices.find_layers(self._models[label], self._net.engine)
        except DreamError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return self._found[label]

    def _pick_model(self, chosen: Chosen) -> Updates:
        return self._fitting(str(chosen[self.model]))

    def _fitting(self, model: str, layer: Optional[str] = None) -> Updates:
        """The updates that offer what a model has. layer: the one to choose instead of its default."""
        layers = self._layers(model)
        layer = layer or layers.default
        return {
            self.layer: gr.update(choices=layers.choices, value=layer),
            self.class_: gr.update(choices=_NO_CLASS, value=""),
            **self.samples.filled(self._samples(layers), layer),
            **self.presets.filled(self._presets(layers), self._preset_of(layers, layer)),
        }

    def _pick_sample(self, chosen: Chosen) -> Updates:
        return {self.layer: str(chosen[self.samples.radio]), self.presets.radio: None}

    def _show_sample(self, chosen: Chosen) -> Updates:
        layers, layer = self._layers(str(chosen[self.model])), str(chosen[self.layer])
        return {self.samples.radio: layer if layer in layers.samples else None, self.presets.radio: None}

    def _pick_preset(self, chosen: Chosen) -> Updates:
        """Set what a preset is made of, and nothing that would take the layer's place."""
        layers = self._layers(str(chosen[self.model]))
        preset = next((each for each in layers.presets if each.name == chosen[self.presets.radio]), None)
        if preset is None:
            return {self.layer: gr.skip()}
        return {
            **{self.layer: preset.layer, self.iterations: preset.iterations, self.octaves: preset.octaves},
            **{self.class_: "", self.channel: "", self.layers: ""},
            self.samples.radio: preset.layer if preset.layer in layers.samples else None,
        }

    def _show_classes(self, chosen: Chosen) -> Updates:
        """Fill the list of classes, which the page does not carry until somebody wants it."""
        found = self._class_choices(str(chosen[self.model]))
        return {self.class_: gr.update(choices=found, value=str(chosen[self.class_] or ""))}

    def _class_choices(self, model: str) -> List[Tuple[str, str]]:
        self._layers(model)  # which refuses a model that is not offered
        if model not in self._classes:
            try:
                self._classes[model] = choices.find_classes(self._models[model], self._net.engine)
            except DreamError as error:
                raise gr.Error(str(error), print_exception=False) from None
        return [*_NO_CLASS, *self._classes[model]]

    def _samples(self, layers: Layers) -> List[Swatch]:
        words = {name: said for said, name in layers.choices}
        found = [(name, words[name], Path(path)) for name, path in layers.samples.items()]
        return self._strip(f"{layers.model}-layers.jpg", found)

    def _presets(self, layers: Layers) -> List[Swatch]:
        found = [(preset.name, preset.name, preset.sample(layers.model)) for preset in layers.presets]
        return self._strip(f"{layers.model}-presets.jpg", [each for each in found if each[2].is_file()])

    def _strip(self, name: str, swatches: List[Tuple[str, str, Path]]) -> List[Swatch]:
        """One file for many small pictures of the same size, so that a browser asks for them once."""
        target, count = self._folder / name, len(swatches)
        if swatches and not target.exists():
            pictures = [np.asarray(Image.open(path).convert("RGB")) for *_, path in swatches]
            Image.fromarray(np.concatenate(pictures)).save(target, quality=85)
        return [Swatch(key, words, target, number, count) for number, (key, words, _) in enumerate(swatches)]

    def _preset_of(self, layers: Layers, layer: str) -> Optional[str]:
        """The preset that is the page's defaults on this layer, if there is one."""
        usual = (layer, DREAM.iter_n, DREAM.octave_n)
        fitting = (each.name for each in layers.presets if (each.layer, each.iterations, each.octaves) == usual)
        return next(fitting, None)

    def _served(self, path: Path, size: int = 0) -> Path:
        """A copy of one of the page's own pictures in the folder that it serves. size: its longest side if shrunk."""
        copy = self._folder / path.parent.name / (f"small-{path.name}" if size else path.name)
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            if size:
                with Image.open(path) as image:
                    image.thumbnail((size, size))
                    image.save(copy, quality=80)
            else:
                shutil.copyfile(path, copy)
        return copy
