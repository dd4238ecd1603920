"""The outermost layer: framing that is refused, headers that every answer carries, one log line.

It speaks plain ASGI, so it also covers what the web framework answers by itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any, TypeAlias

import structlog

from domain.errors import Refusal
from packshot.edge.arrival import Arrival
from packshot.edge.cors import CORS_HEADERS, PREFLIGHT_HEADERS, is_of_api
from packshot.edge.exchange import SCOPE_KEY, Exchange
from packshot.edge.limits import limit_headers
from packshot.edge.problems import headers_of, internal_error, kind_of, problem_bytes
from packshot.edge.proxies import TrustedProxies

Scope: TypeAlias = dict[str, Any]
Message: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

# An answer given before the body was read: go on reading for a while, so that a client that only
# listens after it has sent everything is not cut off with the answer unread (a lingering close).
LINGER_BYTES = 128 * 1024 * 1024
LINGER_S = 30.0
# Asked every few seconds by whoever supervises the process: only their failures are news.
PROBES = ("/healthz", "/readyz")
LEAST_ERROR = 400
LINGER_SILENCE_S = 5.0
NO_PROXIES = TrustedProxies()


_drains: set[asyncio.Task[None]] = set()

log = structlog.get_logger()


class Guard:
    """Wraps the application: see the module."""

    def __init__(self, app: App, proxies: TrustedProxies = NO_PROXIES) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event of the server."""
        if scope["type"] == "http":
            await _Passage(scope, receive, send, proxies=self._proxies).go_through(self._app)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self._app(scope, receive, send)


class _Passage:
    """One request on its way in, and its answer on its way out."""

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, proxies: TrustedProxies
    ) -> None:
        self._scope = scope
        self._receive_raw = receive
        self._send_raw = send
        arrival = self._arrival = Arrival(scope["headers"])
        self._body_is_pending = arrival.has_body or scope["http_version"] > "1.1"
        # The end of a body with two framings cannot be trusted: close at once.
        self._linger_bytes_left = 0 if arrival.is_untrusted else LINGER_BYTES
        client = scope.get("client")
        self.exchange = Exchange(
            scope["method"],
            scope["path"],
            proxies.client(client[0] if client else "", arrival.forwarded),
            arrival.credentials,
            arrival.client_ref,
        )
        scope[SCOPE_KEY] = self.exchange

    async def go_through(self, app: App) -> None:
        """Refuse, or let the application answer; there is an answer and a log line in any case."""
        try:
            refusal = self._arrival.refusal
            if refusal is not None:
                await self._refuse(refusal)
            elif self._is_preflight():
                await self._answer(204, PREFLIGHT_HEADERS)
            else:
                await app(self._scope, self._receive, self._send)
        except Exception as error:  # noqa: BLE001 - the edge of a request: answered and logged
            await self._fail(error)
        finally:
            self._write_log_line()

    async def _receive(self) -> Message:
        message = await self._receive_raw()
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._body_is_pending = False
        return message

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._complete_headers(message)
        elif self._body_is_pending and not message.get("more_body", False):
            await self._send_raw({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send_raw(message)

    def _complete_headers(self, message: Message) -> None:
        exchange = self.exchange
        exchange.status = message["status"]
        headers: list[tuple[bytes, bytes]] = list(message["headers"])
        headers.append((b"x-request-id", exchange.request_id.encode()))
        headers += limit_headers(exchange.decision)
        headers.append((b"x-content-type-options", b"nosniff"))
        if is_of_api(exchange.path):
            headers += CORS_HEADERS
        message["headers"] = headers

    async def _linger(self) -> None:
        """Read on and forget, within bounds; then make sure the server's queue cannot fill up."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + LINGER_S
        with suppress(TimeoutError):
            while self._body_is_pending and self._linger_bytes_left > 0:
                async with asyncio.timeout_at(min(until_s, loop.time() + LINGER_SILENCE_S)):
                    message = await self._receive()
                self._linger_bytes_left -= len(message.get("body", b""))
        if self._body_is_pending:
            drain = asyncio.create_task(self._drain_until_closed())
            _drains.add(drain)  # the loop itself holds tasks weakly
            drain.add_done_callback(_drains.discard)

    async def _drain_until_closed(self) -> None:
        """The server closes the connection now, which waits for its queue of ten to have room."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while (await self._receive())["type"] != "http.disconnect":
                    pass

    def _is_preflight(self) -> bool:
        return (
            self._scope["method"] == "OPTIONS"
            and self._arrival.asks_for_method
            and is_of_api(self.exchange.path)
        )

    async def _refuse(self, refusal: Refusal) -> None:
        body = problem_bytes(refusal, request_id=self.exchange.request_id)
        headers = [(k.lower().encode(), v.encode()) for k, v in headers_of(refusal).items()]
        headers.append((b"content-length", b"%d" % len(body)))
        await self._answer(kind_of(refusal.code).status, headers, body)

    async def _answer(
        self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes = b""
    ) -> None:
        start = {"type": "http.response.start", "status": status, "headers": list(headers)}
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def _fail(self, error: Exception) -> None:
        log.error("request_failed", request_id=self.exchange.request_id, exc_info=error)
        if self.exchange.status == 0:
            await self._refuse(internal_error())

    def _write_log_line(self) -> None:
        exchange = self.exchange
        if exchange.route in PROBES and exchange.status < LEAST_ERROR:
            return
        log.info(
            "request_answered",
            method=exchange.method,
            route=exchange.route,
            status=exchange.status,
            ms=exchange.elapsed_ms,
            request_id=exchange.request_id,
            client_ref=exchange.client_ref,
            address=exchange.address,
            key=exchange.key.prefix if exchange.key is not None else None,
        )
