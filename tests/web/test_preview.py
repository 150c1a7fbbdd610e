"""What other programs show of a link to the page."""

import re

from PIL import Image

from deepdream.web import preview
from tests.web.asked import Asked

GRADIOS = b"""<html><head><meta charset="utf-8"><meta property="og:title" content="Gradio" /><meta
	property="og:image"
	content="https://raw.githubusercontent.com/x.jpg"
/><meta name="twitter:creator" content="@Gradio" /></head></html>"""


def told(document):
    return dict(re.findall(r'<meta property="og:(\w+)" content="([^"]*)"', document.decode()))


def test_it_is_ours(tmp_path):
    asked = Asked(tmp_path, GRADIOS)
    status, headers, document = asked.ask("GET", "/")
    assert status == 200
    assert headers["content-length"] == str(len(document))
    assert b"Gradio" not in document
    assert b"raw.githubusercontent" not in document
    assert told(document)["image"] == "http://localhost:7860/preview.jpg"
    proxied = [("x-forwarded-host", "dreams.example"), ("x-forwarded-proto", "https")]
    assert told(asked.ask("GET", "/", proxied)[2])["url"] == "https://dreams.example/"
    strange = [("x-forwarded-proto", 'x"><script>')]
    assert b"<script>" not in asked.ask("GET", "/", strange)[2]


def test_its_picture_is_served(asked):
    status, headers, body = asked.ask("GET", preview.PATH)
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    assert body == preview.PICTURE.read_bytes()
    assert Image.open(preview.PICTURE).size == (600, 315)
    assert asked.reached == []
