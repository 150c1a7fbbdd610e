"""Starts Gradio's server, with the guard in front of everything. Importing this module imports Gradio."""

import contextlib
from pathlib import Path
from typing import AsyncIterator, cast

import gradio as gr
from starlette.types import ASGIApp

from ..settings import WebSettings
from . import choices
from .guard import Guard
from .names import Names
from .storage import Storage

# Scrolls to the dream, which on a phone is below all the settings.
_LOOK = """document.addEventListener("click", event => {
    if (!event.target.closest("#begin, #again")) return
    const place = document.querySelector("#dream"), top = place.getBoundingClientRect().top
    if (top < 0 || top > innerHeight / 3) {
        place.style.minHeight = "100vh"
        place.scrollIntoView({behavior: "smooth"})
    }
})"""
_SESSIONS = 1000  # visitors' sessions to keep, so that their dreams can be repeated
_STYLE = Path(__file__).with_name("page.css")


def launch(blocks: gr.Blocks, names: Names, storage: Storage, settings: WebSettings) -> None:
    """Serve the page from background threads, with a Guard in front of everything."""

    @contextlib.asynccontextmanager
    async def guarded(app: gr.routes.App) -> AsyncIterator[None]:
        # This puts the guard in front of Gradio's own middleware; app.add_middleware would put it behind.
        inner = cast(ASGIApp, app.middleware_stack)  # which is there from the first call on
        app.middleware_stack = Guard(inner, names, storage, settings, scripts=(_LOOK,))
        yield

    blocks.launch(
        server_name=f"[{settings.host}]" if ":" in settings.host else settings.host,
        server_port=settings.port,
        max_file_size=settings.upload,
        allowed_paths=[str(choices.SAMPLES), *map(str, choices.EXAMPLES)],
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        run_history=False,
        enable_monitoring=False,
        state_session_capacity=_SESSIONS,
        num_workers=0,  # workers would serve files on ports of their own
        app_kwargs={"lifespan": guarded},
        head=f"<script>{_LOOK}</script>",
        footer_links=[],
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css_paths=_STYLE,
    )
