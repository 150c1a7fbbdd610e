"""The web page.

server.py starts and ends it; guard.py stands before it, names.py and storage.py say what may pass; page.py lays it out
of parts.py; dreamer.py dreams, reader.py reads the pictures, offers.py has what to pick.
"""
