"""The one HTTP client of the product: everything that calls a stranger's server goes through it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpcore

from domain.errors import InvalidInput
from integrations.connections import Connections
from integrations.dialing import checked_addresses
from integrations.failures import OutboundFailed, RefusedUrl
from integrations.names import Resolve, SystemNames
from integrations.reach import AllowedTarget, Reach, parse_allowed
from integrations.receiving import receiving
from integrations.urls import Target, parse_url

__all__ = [
    "AllowedTarget",
    "Answered",
    "Downloaded",
    "OutboundClient",
    "OutboundFailed",
    "Resolve",
    "parse_allowed",
]

ANSWER_MAX_BYTES = 64 * 1024
USER_AGENT = "packshot"


@dataclass(frozen=True, slots=True)
class Answered:
    """What a server said: ``headers`` by lower-case name, ``body`` as it came (post: cut off)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that came whole: its SHA-256 in hex, its size, the media type the server named."""

    sha256: str
    size_bytes: int
    media_type: str | None


class OutboundClient:
    """Calls servers of strangers without becoming their way into our network.

    Every address of a host is checked and one of those is dialled, while Host, SNI and the
    certificate stay the host's name. No redirects, no proxies from the environment, no cookies,
    no decompression; certificates are checked against the system's authorities (``SSL_CERT_FILE``
    names others) and certifi's. One client serves one event loop.
    """

    def __init__(
        self, *, allowed_private: Sequence[AllowedTarget] = (), resolve: Resolve | None = None
    ) -> None:
        self._reach = Reach(tuple(allowed_private))
        self._resolve = resolve or SystemNames()
        self._connections = Connections(
            context=httpcore.default_ssl_context(), reach=self._reach, resolve=self._resolve
        )

    async def check(self, url: str, *, param: str = "url") -> None:
        """Raise InvalidInput ``url_not_allowed`` for a URL that would be refused now.

        A host that does not resolve now passes: it is checked again whenever it is called.
        """
        try:
            await checked_addresses(parse_url(url), reach=self._reach, resolve=self._resolve)
        except RefusedUrl as refused:
            raise InvalidInput(
                "url_not_allowed", refused.detail, fix=refused.fix, param=param
            ) from None
        except OutboundFailed:
            return

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        headers: Mapping[str, str],
        deadline_s: float,
        read_max_bytes: int = ANSWER_MAX_BYTES,
    ) -> Answered:
        """Post a body and read at most ``read_max_bytes`` of the answer, whatever its status.

        ``deadline_s`` is over everything from the lookup to the last byte. Raises OutboundFailed,
        also for 3xx; then the server may still have done what the request asked.
        """
        call = _Call("POST", headers=headers, body=body, max_bytes=read_max_bytes)
        async with self._answer(url, call, deadline_s=deadline_s) as response:
            read = await _beginning(response, read_max_bytes)
        return Answered(response.status, _headers(response), read)

    async def ask(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        deadline_s: float,
        max_bytes: int,
    ) -> Answered:
        """Send a request and read the whole answer, whatever its status.

        Raises OutboundFailed: ``too_large`` for more than ``max_bytes``, since half an answer is
        none, and what ``post`` raises. Each call has a connection of its own, so a failure is never
        that of a connection which was about to be closed.
        """
        theirs = {**headers, "connection": "close"}
        call = _Call(method, headers=theirs, body=body, max_bytes=max_bytes, fresh=True)
        async with self._answer(url, call, deadline_s=deadline_s) as response:
            told = _headers(response)
            _require_plain(told, max_bytes=max_bytes)
            read = bytearray()
            async for piece in response.aiter_stream():
                read += piece
                if len(read) > max_bytes:
                    raise OutboundFailed("too_large")
        return Answered(response.status, told, bytes(read))

    async def download(
        self, url: str, destination: Path, *, max_bytes: int, deadline_s: float
    ) -> Downloaded:
        """Get a file into ``destination``, which must not exist and is removed on failure.

        Raises OutboundFailed, also for any status but 200 and for a compressed body, and OSError
        when the disk refuses the file.
        """
        call = _Call(
            "GET", headers={"connection": "close"}, body=b"", max_bytes=max_bytes, fresh=True
        )
        async with (
            receiving(destination) as file,
            self._answer(url, call, deadline_s=deadline_s) as response,
        ):
            headers = _headers(response)
            _require_download(response.status, headers, max_bytes=max_bytes)
            async for piece in response.aiter_stream():
                if file.size_bytes + len(piece) > max_bytes:
                    raise OutboundFailed("too_large")
                await file.write(piece)
            sha256 = await file.finish()
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        return Downloaded(sha256, file.size_bytes, media_type or None)

    async def close(self) -> None:
        """Close the connections that no call is using."""
        await self._connections.close()

    @asynccontextmanager
    async def _answer(
        self, url: str, call: "_Call", *, deadline_s: float
    ) -> AsyncIterator[httpcore.Response]:
        """The response to a call while its body is read; every failure becomes its word.

        Nothing is chained to what is raised: the causes hold addresses and hosts.
        """
        try:
            async with asyncio.timeout(deadline_s):
                target = parse_url(url)
                line = self._connections.take(target, fresh=call.fresh)
                try:
                    response = await line.ask(
                        call.method,
                        target,
                        headers=call.headers_to(target),
                        body=call.body,
                        max_bytes=call.max_bytes,
                    )
                    _require_response(response)
                    yield response
                    await response.aclose()  # read whole, the connection is free again
                finally:
                    await self._connections.give_back(line)
        except RefusedUrl:
            raise OutboundFailed("refused_address") from None
        except TimeoutError:
            raise OutboundFailed("timeout") from None
        except httpcore.RemoteProtocolError:
            raise OutboundFailed("bad_response") from None
        except (httpcore.NetworkError, httpcore.TimeoutException):
            raise OutboundFailed("connection_failed") from None


@dataclass(frozen=True, slots=True)
class _Call:
    method: str
    headers: Mapping[str, str]
    body: bytes
    max_bytes: int
    fresh: bool = False

    def headers_to(self, target: Target) -> dict[str, str]:
        """The caller's headers, and ours, which nobody changes; only a name may be the caller's."""
        ours = {"host": target.authority, "accept-encoding": "identity"}
        if self.method == "POST":
            ours["content-length"] = str(len(self.body))
        theirs = {name.lower(): value for name, value in self.headers.items()}
        return {"user-agent": USER_AGENT} | theirs | ours


def _require_response(response: httpcore.Response) -> None:
    names = {name.lower() for name, _ in response.headers}
    if {b"content-length", b"transfer-encoding"} <= names:  # RFC 9112, 6.3: likely an attack
        raise OutboundFailed("bad_response")
    if 300 <= response.status < 400:  # noqa: PLR2004 - the class of redirections
        raise OutboundFailed("redirect")


def _require_download(status: int, headers: Mapping[str, str], *, max_bytes: int) -> None:
    if status != 200:  # noqa: PLR2004 - the only status that carries the whole file
        raise OutboundFailed.answered(status)
    _require_plain(headers, max_bytes=max_bytes)


def _require_plain(headers: Mapping[str, str], *, max_bytes: int) -> None:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise OutboundFailed("encoded")
    # h11 has refused a length that is no number
    if int(headers.get("content-length", "0")) > max_bytes:
        raise OutboundFailed("too_large")


def _headers(response: httpcore.Response) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


async def _beginning(response: httpcore.Response, max_bytes: int) -> bytes:
    read = bytearray()
    async for piece in response.aiter_stream():
        read += piece
        if len(read) >= max_bytes:
            break
    return bytes(read[:max_bytes])
