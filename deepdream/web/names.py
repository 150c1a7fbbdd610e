"""Decides which host names the page answers to, so that no other site can pose as it in a visitor's browser.

A site can make its own name point to this machine (DNS rebinding). To the browser, its scripts then have the same
origin as the page, but their requests still carry the site's name.
"""

import ipaddress
import re
import socket
from typing import Iterable, NamedTuple, Optional

ALL_ADDRESSES = ("0.0.0.0", "::")  # listening on one of these means every address of this machine
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/@?#\s]+)(?::([0-9]{1,5}))?")
_PORTS = {"http": 80, "https": 443}


class Authority(NamedTuple):
    """The host part of a URL: a name in lower case or an IP address, and the port if given."""

    name: str
    port: Optional[int]


class Names:
    """The host names that a page was started for."""

    def __init__(self, host: str, allowed: Iterable[str] = ()):
        """host: the name or address to listen on. allowed: further names."""
        self._takes_any_address = host in ALL_ADDRESSES
        found = [] if self._takes_any_address else _addresses(host)
        self._names = {_normal(name) for name in (*_LOOPBACK, host, *found, *allowed)}

    def __contains__(self, name: str) -> bool:
        """Whether the page answers to a name in the form that parse returns.

        If the page listens on every address of this machine, it answers to every IP address: nobody can make those
        point elsewhere.
        """
        return name in self._names or (self._takes_any_address and _is_address(name))


def parse(text: str) -> Optional[Authority]:
    """Parse NAME or NAME:PORT, as in a Host header. Returns None for anything else."""
    match = _AUTHORITY.fullmatch(text)
    if not match:
        return None
    name, port = match.groups()
    if name.startswith("[") and not _is_address(name[1:-1]):
        return None
    return Authority(_normal(name), int(port) if port else None)


def is_same_origin(origin: str, server: Authority) -> bool:
    """Whether a page with that origin (SCHEME://NAME or SCHEME://NAME:PORT) came from that server."""
    scheme, _, rest = origin.partition("://")
    found, port = parse(rest), _PORTS.get(scheme.lower())
    if found is None or port is None:
        return False
    return (found.name, found.port or port) == (server.name, server.port or port)


def _normal(name: str) -> str:
    name = name.strip("[]").lower()
    return str(ipaddress.ip_address(name)) if _is_address(name) else name


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _addresses(host: str) -> Iterable[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except OSError:
        return ()
