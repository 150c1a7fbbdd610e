"""The web page.

server.py starts and stops it. guard.py filters all requests; names.py and storage.py decide what it lets through.
page.py lays out the page from parts.py. dreamer.py dreams, reader.py reads the pictures, and choices.py lists the
models and layers on offer.
"""
