"""Dialling: look up, check every address, then connect to one of those and to no other."""

import asyncio
import ssl
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

import httpcore

from integrations.addresses import Address
from integrations.failures import OutboundFailed
from integrations.meter import Meter
from integrations.names import Resolve
from integrations.reach import Reach
from integrations.urls import Target

CONNECT_S = 3.0  # one address that swallows packets leaves time for the next
ADDRESSES_TRIED = 4


async def checked_addresses(target: Target, *, reach: Reach, resolve: Resolve) -> Sequence[Address]:
    """The addresses of a target in the resolver's order, without repeats; all of them allowed.

    Raises RefusedUrl if one of them is not, and OutboundFailed("unresolved") if there is none.
    """
    reach.require_port(target)
    if target.address is not None:
        found = [target.address]
    else:
        try:
            found = [ip_address(text) for text in dict.fromkeys(await resolve(target.host))]
        except ValueError:  # a zone after an IPv4 address, or worse
            raise OutboundFailed("unresolved") from None
    if not found:
        raise OutboundFailed("unresolved")
    reach.require_addresses(found, target.port)
    return found


class MeteredStream(httpcore.AsyncNetworkStream):
    """A stream whose reads are counted and whose TLS failures have a word of their own."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, meter: Meter) -> None:
        self._stream = stream
        self._meter = meter

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109 - httpcore's signature
        """Read what has come, empty at the end; raises OutboundFailed("too_large")."""
        data = await self._stream.read(max_bytes, timeout)
        self._meter.count(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109 - httpcore's signature
        """Send all of the buffer."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        """Prove the other side to be that host; raises OutboundFailed("tls_failed")."""
        try:
            secured = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        except httpcore.ConnectError:
            raise OutboundFailed("tls_failed") from None
        return MeteredStream(secured, self._meter)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore asks: whether an idle connection has something to read."""
        return self._stream.get_extra_info(info)


class Dial(httpcore.AsyncNetworkBackend):
    """The network as one connection sees it: one target, and only its checked addresses."""

    def __init__(self, target: Target, *, reach: Reach, resolve: Resolve) -> None:
        self.meter = Meter()
        self._target = target
        self._reach = reach
        self._resolve = resolve
        self._system = httpcore.AnyIOBackend()
        self._plain: httpcore.AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - the host of our target, which goes by its addresses
        port: int,
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        local_address: str | None = None,  # noqa: ARG002 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers; raises RefusedUrl and OutboundFailed."""
        addresses = await checked_addresses(self._target, reach=self._reach, resolve=self._resolve)
        for address in addresses[:ADDRESSES_TRIED]:
            try:
                self._plain = await self._system.connect_tcp(str(address), port, CONNECT_S)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            return MeteredStream(self._plain, self.meter)
        raise OutboundFailed("connection_failed", is_sent=False)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's signature
        timeout: float | None = None,  # noqa: ARG002, ASYNC109 - httpcore's signature
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.AsyncNetworkStream:
        """Never: a socket file is not the network."""
        raise OutboundFailed("refused_address")

    async def sleep(self, seconds: float) -> None:
        """Wait; httpcore does so between tries, of which there is one."""
        await asyncio.sleep(seconds)

    async def hang_up(self) -> None:
        """Close what was dialled, also when TLS was cut short and nobody else holds it."""
        if self._plain is not None:
            await self._plain.aclose()
