"""What other programs show of a link to the page: its title, a sentence and a picture, instead of Gradio's."""

import re
from html import escape
from pathlib import Path

PATH = "/preview.jpg"
PICTURE = Path(__file__).with_name("preview.jpg")
_TITLE = "dreamify"
_WORDS = "Upload a picture, and a neural network dreams on it, as Google's deepdream did in July 2015."
_GRADIOS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')


def with_preview(document: bytes, address: str) -> bytes:
    """Gradio's document with our own preview. address: of the page, without a slash at the end."""
    tags = {
        **{"og:title": _TITLE, "og:description": _WORDS, "og:type": "website", "og:url": f"{address}/"},
        "og:image": f"{address}{PATH}",
    }
    ours = "".join(f'<meta property="{name}" content="{escape(value)}" />' for name, value in tags.items())
    ours += f'<meta name="description" content="{escape(_WORDS)}" />'
    return _GRADIOS.sub(b"", document).replace(b"<head>", b"<head>" + ours.encode(), 1)
