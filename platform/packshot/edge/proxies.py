"""Who asks, where proxies stand in between: the address that the last trusted one was asked from.

Each proxy adds at the right end who it was asked by (RFC 7239, and the same in X-Forwarded-For), so
the list is read from the right and only as long as trusted proxies say it: what stands left of
that, anybody may have written. One header is read, not both: a proxy that writes the one passes the
other on as it came.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.networks import Address, Network, holds, read_address

# A pair of a Forwarded element: a token, or a quoted text, which may hold the separators.
PAIR = re.compile(r'\s*([A-Za-z]{1,20})=("[^"]{0,200}"|[^",;]{0,200})\s*([,;]|$)')
WITH_PORT = re.compile(r"\[([^\]]*)\](?::\S*)?|([0-9.]+):[0-9]+")
UNREADABLE = ""


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """The proxies that are believed, and the header they speak in, in lower case."""

    networks: tuple[Network, ...] = ()
    header: bytes = b"x-forwarded-for"

    def client(self, peer: str, forwarded: Mapping[bytes, Sequence[bytes]]) -> str:
        """The address of who asks; ``peer`` is who is connected, ``forwarded`` what it says.

        Where a trusted proxy says nothing that can be read, it is the proxy's own.
        """
        if not self.networks:
            return peer
        client = read_address(peer)
        if not holds(self.networks, client):
            return peer
        said = [value.decode("latin-1") for value in forwarded[self.header]]
        told = _of_forwarded(said) if self.header == b"forwarded" else ",".join(said).split(",")
        for text in reversed(told):
            address = _address(text.strip())
            if address is None:
                break
            client = address
            if not holds(self.networks, address):
                break
        return str(client)


def _of_forwarded(values: Iterable[str]) -> list[str]:
    """Who each proxy was asked by, in order; an element that cannot be read says nothing."""
    told: list[str] = []
    for value in values:
        at, named = 0, UNREADABLE
        while at < len(value):
            match = PAIR.match(value, at)
            if match is None:
                told.append(UNREADABLE)
                at, named = value.find(",", at) + 1 or len(value), UNREADABLE
                continue
            if match[1].lower() == "for":
                named = match[2].strip('"')
            at = match.end()
            if match[3] != ";":
                told.append(named)
                named = UNREADABLE
    return told


def _address(text: str) -> Address | None:
    """The address of a node, with or without a port; None for a hidden or an unknown one."""
    match = WITH_PORT.fullmatch(text)
    return read_address(text if match is None else match[1] or match[2] or "")
