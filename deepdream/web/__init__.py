"""The web page: server.py starts and ends it, page.py lays it out, dreamer.py dreams, offers.py has what to pick."""
