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

_SCRIPT = Path(__file__).with_name("page.js").read_text(encoding="utf-8")
_SESSIONS = 1000  # visitors' sessions to keep, so that their dreams can be repeated
_STYLE = Path(__file__).with_name("page.css")


def launch(blocks: gr.Blocks, names: Names, storage: Storage, settings: WebSettings) -> None:
    """Serve the page from background threads, with a Guard in front of everything."""

    @contextlib.asynccontextmanager
    async def guarded(app: gr.routes.App) -> AsyncIterator[None]:
        # This puts the guard in front of Gradio's own middleware; app.add_middleware would put it behind.
        inner = cast(ASGIApp, app.middleware_stack)  # which is there from the first call on
        app.middleware_stack = Guard(inner, names, storage, settings, scripts=(_SCRIPT,))
        yield

    blocks.launch(
        server_name=f"[{settings.host}]" if ":" in settings.host else settings.host,
        server_port=settings.port,
        max_file_size=settings.upload,
        allowed_paths=[str(storage.folder)],  # of which the guard serves what is there
        favicon_path=str(choices.ICON),
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
        head=f"<script>{_SCRIPT}</script>",
        footer_links=[],
        theme=_theme(),
        css_paths=_STYLE,
    )


def _theme() -> gr.themes.Base:
    """Gradio's theme without fonts from other hosts, and with colours that differ by 4.5:1 at least."""
    theme = gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    button = {"button_primary_background_fill": "*primary_700", "button_primary_background_fill_hover": "*primary_800"}
    button.update(button_cancel_background_fill="#b91c1c", button_cancel_background_fill_hover="#991b1b")
    return theme.set(
        **button,
        **{f"{name}_dark": value for name, value in button.items()},
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
    )
