"""The part of the page that shows dreams: the one that runs, and those of before. Importing this imports Gradio."""

import contextlib
from pathlib import Path
from typing import List, Tuple

import gradio as gr
from gradio.blocks import Block

from ..images.recipe import PROGRESS, recipe_text
from ..settings import WEB_FRAMES
from . import films, parts
from .dream import Dream, Progress
from .form import Updates
from .history import Entry
from .parts import Palette, Swatch
from .results import subject


class Shown:
    """The components, and the updates for each moment."""

    def lay_out(self) -> None:
        """Add the components to the page."""
        with gr.Row(elem_id="bar"):
            self.begin = gr.Button("Dream", variant="primary", size="lg", elem_id="begin")
            self.stop = gr.Button(
                "Stop and keep the dream so far", variant="stop", size="lg", visible=False, elem_id="stop"
            )
            self.give_up = gr.Button(
                "Stop without the film", variant="stop", size="lg", visible=False, elem_id="giveup"
            )
        self.status = gr.Markdown(parts.status("Your dream will appear here."), elem_id="status", latex_delimiters=[])
        self._growing = gr.Image(
            label="The dream, growing",
            alt_text="the dream, growing",
            format="jpeg",
            interactive=False,
            buttons=[],
            visible=False,
            elem_id="growing",
        )
        self._compared = gr.Markdown(visible=False, elem_id="compared", sanitize_html=False)
        with gr.Row(elem_id="next"):
            self.onward = gr.Button("Dream on", visible=False, elem_id="onward", size="md", min_width=100)
            self.again = gr.Button("Again with another seed", visible=False, elem_id="again", size="md", min_width=100)
            self.take = gr.Button("Take its settings", visible=False, elem_id="take", size="md", min_width=100)
        with gr.Row():
            self._png = gr.DownloadButton("Download PNG", visible=False, elem_id="png", size="md", min_width=100)
            self._jpeg = gr.DownloadButton("Download JPEG", visible=False, elem_id="jpeg", size="md", min_width=100)
            self._film = gr.DownloadButton("Download film", visible=False, elem_id="video", size="md", min_width=100)
        self._lay_out_film()
        self.row = Palette([], "Your dreams, kept for an hour after their last use", "history")
        self._share = gr.Markdown(visible=False, sanitize_html=False)
        self._recipe = gr.Textbox(
            label="Recipe, also stored in what you download",
            visible=False,
            max_lines=30,
            buttons=["copy"],
            elem_id="recipe",
        )
        self.key = gr.State()  # of the dream on display, in the history; None if there is none
        # The secret that History knows a visitor by. Gradio encrypts it, with a key that is in the page for all to see.
        # The key is always the same, so that what the browser keeps is readable after the server was started again.
        self.visitor = gr.BrowserState(storage_key="dreamify", secret="dreamify")

    def _lay_out_film(self) -> None:
        with gr.Accordion("Film", open=False, visible=False, elem_id="film") as self._fold:
            kinds = [(words.capitalize(), kind) for kind, words in films.KINDS.items()]
            about = "a growth has a frame for each step; a zoom begins with the dream, and dreams on in its middle"
            self.kind = gr.Radio(kinds, value=kinds[0][1], label="What it shows", info=about, elem_id="film-kind")
            fewest, most = WEB_FRAMES
            about = "each takes as long as a dream"
            self.frames = gr.Slider(
                fewest, most, fewest, step=1, label="Frames of a zoom", info=about, precision=0, buttons=[]
            )
            formats = [(films.FORMATS[suffix], suffix) for suffix in films.available()]
            about = films.missing() or "MP4 is smallest, WebP is exact, and a GIF takes longest to write"
            self.format = gr.Radio(formats, value=formats[0][1], label="Format", info=about, elem_id="film-format")
            self.make = gr.Button("Make the film", elem_id="make", size="md")

    @property
    def filmed(self) -> Tuple[Block, Block, Block]:
        """What a visitor chooses for a film."""
        return self.kind, self.format, self.frames

    @property
    def parts(self) -> List[Block]:
        """All components that an update may be for."""
        return [
            *(self.begin, self.stop, self.give_up, self.status, self._growing, self._compared, self._png, self._jpeg),
            *(self._fold, self.make, self._film),
            *(self.onward, self.again, self.take, self.row.radio, self.row.style, self._share, self._recipe),
            *(self.key, self.visitor),
        ]

    def began(self, what: str = "dream") -> Updates:
        """The updates at the start of a dream; the previous dream stays until the new one is finished.

        what: is made, a dream or a film.
        """
        return {
            **{part: gr.update(visible=False) for part in (self.begin, self.again, self.make)},
            self.stop: gr.update(visible=True, value=f"Stop and keep the {what} so far"),
            self.status: parts.status("getting ready", 0.0),
            self._growing: gr.update(value=None, visible=False),
        }

    def running(self, dream: Dream, report: Progress, number: int) -> Updates:
        """The updates for a report in the midst of a dream."""
        updates: Updates = {self.status: parts.status(report.words, report.share)}
        if report.is_writing:
            updates.update({self.stop: gr.update(visible=False), self.give_up: gr.update(visible=True)})
        if report.picture is not None:
            path = Path(dream.request.target).with_name(f"growing{number}.jpeg")
            with contextlib.suppress(OSError):  # the disk may be full, but still have room for the dream itself
                parts.write_preview(path, report.picture)
                updates[self._growing] = gr.update(value=str(path), visible=True)
        return updates

    def ended(self, words: str, has_one: bool, is_wrong: bool = False) -> Updates:
        """The updates at the end of a dream. has_one: whether a dream is on display, this one or the one before."""
        return {
            self.begin: gr.update(visible=True),
            **{part: gr.update(visible=False) for part in (self.stop, self.give_up)},
            self._growing: gr.update(value=None, visible=False),
            **self.startable(has_one),
            **self.told(words, is_wrong),
        }

    def startable(self, is_so: bool) -> Updates:
        """The updates that offer to make something of the dream on display."""
        return {part: gr.update(visible=is_so) for part in (self.again, self.make)}

    def told(self, words: str, is_wrong: bool = False) -> Updates:
        """The update that says something."""
        return {self.status: parts.status(words, is_wrong=is_wrong)}

    def displayed(self, entry: Entry, entries: List[Entry], query: str) -> Updates:
        """The updates that show one of a visitor's dreams. query: the address of its settings."""
        result, film = entry.result, entry.film
        if film:
            shown, path = parts.film(film.film, result.dream, film.film.stem), film.film
            of_film = gr.update(value=str(path), label=f"Download {films.FORMATS[path.suffix]}", visible=True)
        else:
            shown, of_film = parts.compared(result.before, result.dream, result.dream.stem), gr.update(visible=False)
        return {
            self._compared: gr.update(value=shown, visible=True),
            self._png: gr.update(value=str(result.dream), visible=not film),
            self._jpeg: gr.update(value=str(result.jpeg), visible=not film),
            self._film: of_film,
            **{part: gr.update(visible=True) for part in (self.onward, self.again, self.take, self._fold)},
            self._share: gr.update(value=parts.share(query), visible=True),
            self._recipe: gr.update(value=recipe_text(film.recipe if film else result.recipe), visible=True),
            self.key: entry.key,
            **self.listed(entries, entry.key),
        }

    def listed(self, entries: List[Entry], chosen: str = "") -> Updates:
        """The updates of the row of a visitor's dreams, newest first."""
        swatches = [
            Swatch(each.key, _caption(each), (each.film or each.result).thumbnail) for each in reversed(entries)
        ]
        return dict(self.row.filled(swatches, chosen))


def _caption(entry: Entry) -> str:
    film = f"{entry.film.kind} of " if entry.film else ""
    so_far = ", stopped" if PROGRESS in (entry.film or entry.result).recipe else ""
    return f"{film}{subject(entry.request)}, seed {entry.request.dream.seed}{so_far}"
