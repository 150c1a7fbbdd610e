"""The page: its layout, and what its buttons do. Importing this module imports Gradio."""

import contextlib
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Set

import gradio as gr
from gradio.blocks import Block

from ..errors import DreamError, UsageError
from ..settings import NetSettings, WebSettings
from . import films, parts, wishes
from .dream import Dream, Progress
from .dreamer import Dreamer
from .form import QUICK, Chosen, Form, Updates
from .history import Entry, History
from .sentences import for_page
from .shown import Shown

_HELLO = "Upload a picture, and a neural network dreams on it, as Google's deepdream did in July 2015."
_NOT_OURS = "something went wrong, and the details are in the server's log: try another picture or other settings"
_NO_MEMORY = "memory has run out: choose a smaller longest side, or try again when the server is less busy"
_ALL_GONE = "your dreams of before are gone: nobody has looked at them for an hour, or the page was started again"
_NO_DREAM = "there is no dream yet: dream one first"
_DREAMING: Dict[str, Any] = {
    **{name: value for name, value in QUICK.items() if name != "queue"},
    "concurrency_limit": None,  # the dreamer has its own queue, which a visitor can leave
}


def build(
    dreamer: Dreamer, history: History, models: Dict[str, str], settings: WebSettings, net: NetSettings, folder: Path
) -> gr.Blocks:
    """Build the page. models: {label: name or folder}; the first one is selected. folder: from which it serves."""
    with gr.Blocks(title="dreamify", analytics_enabled=False) as blocks:
        gr.Markdown(f"# dreamify\n{_HELLO}")
        page = Page(dreamer, history, Form(models, settings, net, folder))
        page.connect(blocks)
    return blocks.queue(api_open=False)


class Page:
    """The handlers of the page's events."""

    def __init__(self, dreamer: Dreamer, history: History, form: Form):
        self._dreamer, self._history, self.form, self.shown = dreamer, history, form, Shown()
        self._under_way: Dict[str, Optional[Dream]] = {}  # by session; None while the picture is being read
        self._stopped: Set[str] = set()  # sessions
        with gr.Row(elem_id="page"):
            with gr.Column(elem_id="start"):
                form.lay_out_start()
            with gr.Column(elem_id="dream"):
                self.shown.lay_out()
            with gr.Column(elem_id="settings"):
                form.lay_out_settings()

    def connect(self, blocks: gr.Blocks) -> None:
        """Connect the events with their handlers."""
        form, shown = self.form, self.shown
        known: Set[Block] = {shown.visitor, shown.key}
        every = [*form.filled_parts, form.picture, *shown.parts]
        form.connect()
        shown.begin.click(self.dream, form.chosen | known, shown.parts, **_DREAMING)
        shown.again.click(self._dream_again, known, shown.parts, **_DREAMING)
        shown.make.click(self._film, {*known, *shown.filmed}, shown.parts, **_DREAMING)
        shown.stop.click(self.end, None, None, **QUICK)
        shown.give_up.click(self._give_up, None, None, **QUICK)
        shown.row.radio.input(self._look_back, {shown.visitor, shown.row.radio}, shown.parts, **QUICK)
        shown.onward.click(self._dream_on, known, [form.picture, shown.status], **QUICK)
        shown.take.click(self._take, known, [*form.filled_parts, shown.status], **QUICK)
        form.picture.upload(self._see, {form.picture}, [*form.filled_parts, shown.status], **QUICK)
        for part in (form.guide, form.mask):
            part.upload(self._see_other, {part}, shown.status, **QUICK)
        blocks.load(self._load, {shown.visitor}, every, **QUICK)

    def dream(self, chosen: Chosen, visitor: gr.Request) -> Iterator[Updates]:
        """Run a dream with the chosen settings."""
        yield from self._dreamt(lambda: self._dreamer.begin(self.form.request(chosen)), chosen, visitor)

    def _dream_again(self, known: Chosen, visitor: gr.Request) -> Iterator[Updates]:
        """Repeat the dream on display with another seed, whatever settings are chosen now."""

        def begin() -> Dream:
            finished = self._displayed(known).request
            return self._dreamer.begin(replace(finished, dream=replace(finished.dream, seed=None)))

        yield from self._dreamt(begin, known, visitor)

    def _film(self, chosen: Chosen, visitor: gr.Request) -> Iterator[Updates]:
        """Make a film of the dream on display."""
        try:
            film, entry = films.asked(*(chosen[part] for part in self.shown.filmed)), self._displayed(chosen)
        except DreamError as error:
            yield self.shown.told(for_page(str(error)), is_wrong=True)
            return
        yield from self._dreamt(lambda: self._dreamer.begin(entry.request, film), chosen, visitor, entry)

    def _dreamt(
        self, begin: Callable[[], Dream], known: Chosen, visitor: gr.Request, filmed: Optional[Entry] = None
    ) -> Iterator[Updates]:
        """Yield updates from the click to the result, or to an error next to the previous dream.

        filmed: the dream that a film is made of.
        """
        session, shown, has_one = str(visitor.session_hash), self.shown, known[self.shown.key] is not None
        self._under_way[session] = None
        try:
            yield shown.began("film" if filmed else "dream")
            dream = begin()
            self._under_way[session] = dream
            if session in self._stopped:
                dream.stop()
            with contextlib.closing(self._dreamer.progress(dream)) as reports:
                for number, report in enumerate(reports):
                    updates = self._reported(dream, report, number, known, filmed)
                    if report.is_last:
                        break
                    yield updates
        except DreamError as error:
            updates = shown.ended(for_page(str(error)), has_one, is_wrong=True)
        except MemoryError:
            updates = shown.ended(_NO_MEMORY, has_one, is_wrong=True)
        except Exception:
            logging.exception("a dream failed")
            updates = shown.ended(_NOT_OURS, has_one, is_wrong=True)
        finally:
            self._under_way.pop(session, None)
            self._stopped.discard(session)
        yield updates  # it is over by then: whoever looks at a dream of before meanwhile is offered what can be begun

    def end(self, visitor: gr.Request) -> None:
        """Stop this visitor's dream."""
        session = str(visitor.session_hash)
        if session in self._under_way:
            self._stopped.add(session)
        dream = self._under_way.get(session)
        if dream:
            dream.stop()

    def _give_up(self, visitor: gr.Request) -> None:
        """Stop this visitor's film while it is written."""
        dream = self._under_way.get(str(visitor.session_hash))
        if dream:
            dream.drop()

    def _reported(self, dream: Dream, report: Progress, number: int, known: Chosen, filmed: Optional[Entry]) -> Updates:
        secret = known[self.shown.visitor]
        self._history.entries(secret)  # whoever waits here uses them
        if filmed and report.film:
            visitor, entry = self._history.add(secret, filmed.request, filmed.result, report.film)
        elif report.result:
            visitor, entry = self._history.add(secret, dream.request, report.result)
        elif report.is_last:
            return self.shown.ended(report.words, known[self.shown.key] is not None)
        else:
            return self.shown.running(dream, report, number)
        return {
            **self.shown.ended(for_page(report.words), has_one=True),
            **self._display(entry, visitor),
            self.shown.visitor: visitor,
        }

    def _display(self, entry: Entry, visitor: object) -> Updates:
        """The updates that show a dream, in front of the row of all of this visitor's."""
        query = wishes.query(entry.request, self.form.name_of(entry.request))
        return self.shown.displayed(entry, self._history.entries(visitor), query)

    def _displayed(self, known: Chosen) -> Entry:
        """The dream on display. Raises UsageError if there is none, DreamError if it is gone."""
        if known[self.shown.key] is None:
            raise UsageError(_NO_DREAM)
        return self._history.find(known[self.shown.visitor], known[self.shown.key])

    def _look_back(self, known: Chosen, visitor: gr.Request) -> Updates:
        """Show a dream of before, also while another one runs."""
        secret, runs = known[self.shown.visitor], str(visitor.session_hash) in self._under_way
        try:
            entry = self._history.find(secret, known[self.shown.row.radio])
        except DreamError as error:
            return {**self.shown.told(str(error), is_wrong=True), **self.shown.listed(self._history.entries(secret))}
        return {**self._display(entry, secret), **self.shown.startable(not runs)}

    def _dream_on(self, known: Chosen) -> Updates:
        """Make the dream on display the next picture."""
        try:
            path = str(self._displayed(known).result.dream)
        except DreamError as error:
            return self.shown.told(str(error), is_wrong=True)
        return {self.form.picture: path, **self.shown.told("the dream is the next picture now: click Dream")}

    def _take(self, known: Chosen) -> Updates:
        """Choose the settings of the dream on display."""
        try:
            request = self._displayed(known).request
            given = {"model": self.form.label_of(request), **wishes.of_request(request)}
            return {**self.form.filled(given), **self.shown.told("the settings are those of this dream now")}
        except DreamError as error:
            return self.shown.told(for_page(str(error)), is_wrong=True)

    def _see(self, chosen: Chosen) -> Updates:
        """Tell whether a picture that was just uploaded can be read; choose the settings of one that is a dream."""
        try:
            path = parts.sent_path(chosen[self.form.picture])
            seen = self._dreamer.look(path) if path else None
        except DreamError as error:
            return self.shown.told(for_page(str(error)), is_wrong=True)
        if seen is None:
            return {self.shown.status: gr.skip()}
        size = f"the picture has {seen.width}x{seen.height} pixels"
        if seen.recipe is None:
            return self.shown.told(f"{size}: click Dream")
        try:
            given, missing = wishes.of_recipe(seen.recipe)
            updates = self.form.filled(given)
        except DreamError as error:
            return self.shown.told(f"this is a dream, but its settings cannot be used here: {for_page(str(error))}")
        but = f", except what this page does not set: {', '.join(missing)}" if missing else ""
        return {**updates, **self.shown.told(f"this is a dream, and its settings are chosen now{but}")}

    def _see_other(self, chosen: Chosen) -> Updates:
        """Tell if a guide or a mask that was just uploaded cannot be read."""
        try:
            path = parts.sent_path(*chosen.values())
            if path:
                self._dreamer.look(path)
        except DreamError as error:
            return self.shown.told(for_page(str(error)), is_wrong=True)
        return {self.shown.status: gr.skip()}

    def _load(self, known: Chosen, visitor: gr.Request) -> Updates:
        """Show this visitor's dreams of before, and choose the settings in the address."""
        updates: Updates = {}
        entries = self._history.entries(known[self.shown.visitor])
        if entries:
            updates = {**self._display(entries[-1], known[self.shown.visitor]), **self.shown.told("your latest dream")}
        elif known[self.shown.visitor] is not None:
            updates = {self.shown.visitor: None, **self.shown.told(_ALL_GONE)}
        try:
            given = wishes.of_query(dict(visitor.query_params))
            if given:
                updates.update({**self.form.filled(given), **self.shown.told("the settings are those of the address")})
        except DreamError as error:
            updates.update(self.shown.told(f"the address cannot be used: {for_page(str(error))}", is_wrong=True))
        return updates or {self.shown.status: gr.skip()}
