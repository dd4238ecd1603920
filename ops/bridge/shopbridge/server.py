"""The bridge over HTTP: caps first, then the signature, then one method per address."""

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from shopbridge import catalog, store, storefront
from shopbridge.publishing import Asked, Publisher, unknown_sku
from shopbridge.refusals import Refused, bad_request
from shopbridge.signatures import require_headers, require_signature
from shopbridge.store import Store

BODY_MAX_BYTES = 48 * 1024 * 1024
BODY_TIMEOUT_S = 60.0
IDLE_TIMEOUT_S = 15.0
CALLS_AT_ONCE = 32
PLACE_WAIT_S = 5.0
BODIES_AT_ONCE = 4  # each may hold 48 MiB, and again as much while it is decoded
DRAIN_S = 10.0
PIECE_BYTES = 256 * 1024
NAME = "packshot reference bridge"
VERSION = "1"
LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "[::1]"})

_log = logging.getLogger("bridge")


@dataclass(slots=True)
class Answer:
    """What is sent back."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, read: Any, status: HTTPStatus = HTTPStatus.OK) -> "Answer":
        """A value as JSON."""
        return cls(json.dumps(read, ensure_ascii=False).encode(), status)


class Server(ThreadingHTTPServer):
    """Listens with a bounded number of threads; ``drain`` lets what is under way end."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, listening: socket.socket, shop: Store, publisher: Publisher, *, account: str
    ) -> None:
        """Serve a shop on a socket that listens already."""
        address = listening.getsockname()
        super().__init__(address[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.shop = shop
        self.publisher = publisher
        self.account = account
        self.keys: tuple[bytes, ...] = ()
        self.is_loopback = address[0] in {"127.0.0.1", "::1"}
        self.bodies = threading.BoundedSemaphore(BODIES_AT_ONCE)
        self._calls = threading.BoundedSemaphore(CALLS_AT_ONCE)
        self.under_way = 0
        self.changed = threading.Condition()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread for a connection once one of the places is free."""
        if not self._calls.acquire(timeout=PLACE_WAIT_S):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._calls.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection and give its place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._calls.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say that a connection ended badly; most often its other end went away."""
        del request, client_address
        _log.debug("connection ended", exc_info=True)

    def drain(self) -> None:
        """Wait for the requests that are being answered, ten seconds at most."""
        with self.changed:
            self.changed.wait_for(lambda: self.under_way == 0, DRAIN_S)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "packshot-bridge"
    sys_version = ""
    timeout = IDLE_TIMEOUT_S

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer("GET")

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer("POST")

    def do_other(self) -> None:
        """Refuse any other method."""
        self._answer("")

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_other  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Log a request's line; queries and headers stay out."""
        _log.debug(format, *args)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what the base class refuses as the protocol does."""
        del explain
        self.close_connection = True
        status = HTTPStatus(code)
        words = {"code": "bad_request", "message": message or status.phrase}
        self._send(Answer.of(words, status))

    def _answer(self, method: str) -> None:
        with self.server.changed:
            self.server.under_way += 1
        try:
            self._send(self._judged(method))
        finally:
            with self.server.changed:
                self.server.under_way -= 1
                self.server.changed.notify_all()

    def _judged(self, method: str) -> Answer:
        try:
            return self._routed(method)
        except Refused as refused:
            if method != "GET":
                self.close_connection = True  # its body may not have been read
            return Answer.of(refused.body, refused.status)
        except Exception:  # the answer says so, the log says why
            _log.exception("a request failed")
            self.close_connection = True
            words = {"code": "failed", "message": "The bridge failed; its log says why."}
            return Answer.of(words, HTTPStatus.INTERNAL_SERVER_ERROR)

    def _routed(self, method: str) -> Answer:
        path = urlsplit(self.path).path
        for pattern, methods in ROUTES:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if method not in methods:
                raise Refused(
                    HTTPStatus.METHOD_NOT_ALLOWED,
                    "method_not_allowed",
                    f"Here are {' and '.join(methods)} only.",
                )
            answer: Answer = getattr(self, methods[method])(*found.groups())
            return answer
        raise Refused(HTTPStatus.NOT_FOUND, "not_found", "There is nothing at this address.")

    def health(self) -> Answer:
        """GET /health."""
        self._require_signed_line()
        told = {"name": NAME, "account": self.server.account, "version": VERSION}
        return Answer.of(told)

    def catalog(self) -> Answer:
        """GET /catalog."""
        self._require_signed_line()
        asked = catalog.asked(urlsplit(self.path).query)
        with self.server.shop.reading() as db:
            return Answer.of(catalog.page(db, asked))

    def listing(self, sku: str) -> Answer:
        """GET /catalog/{sku}."""
        self._require_signed_line()
        with self.server.shop.reading() as db:
            found = store.item(db, _unquoted(sku))
        if found is None:
            raise unknown_sku()
        return Answer.of(found)

    def image(self, remote_id: str) -> Answer:
        """GET /images/{remoteId}, for anybody."""
        self._refuse_body()
        with self.server.shop.reading() as db:
            found = store.bytes_of(db, remote_id)
        if found is None:
            raise Refused(HTTPStatus.NOT_FOUND, "unknown_image", "There is no such picture.")
        media_type, data = found
        return Answer(
            data, media_type=media_type, headers={"cache-control": "public, max-age=31536000"}
        )

    def publish(self) -> Answer:
        """POST /publish."""
        body, webhook_id = self._signed_body()
        key = self.headers.get("idempotency-key") or ""
        return Answer.of(self.server.publisher.publish(Asked(body, webhook_id, key)))

    def published(self, publish_id: str) -> Answer:
        """GET /publish/{publishId}."""
        self._require_signed_line()
        return Answer.of(self.server.publisher.read(publish_id))

    def shop_page(self) -> Answer:
        """GET /, the shop for people."""
        self._refuse_body()
        with self.server.shop.reading() as db:
            items = store.items(db, after="", limit=200)
        body = storefront.page(self.server.account, items, can_swap=self._is_at_home())
        return Answer(body, media_type="text/html; charset=utf-8", headers=storefront.HEADERS)

    def no_icon(self) -> Answer:
        """GET /favicon.ico, which browsers ask for unasked."""
        self._refuse_body()
        return Answer(b"", HTTPStatus.NO_CONTENT)

    def swap(self, sku: str) -> Answer:
        """POST /shop/{sku}/swap: somebody changes a listing. Only for a browser on this machine."""
        if not self._is_at_home() or not self._is_from_own_page():
            raise Refused(HTTPStatus.FORBIDDEN, "not_here", "This works on the shop's own page.")
        self._body(most=4096)
        with self.server.shop.writing() as db:
            if store.item(db, _unquoted(sku)) is None:
                raise unknown_sku()
            is_swapped = store.swap(db, _unquoted(sku))
        if not is_swapped:
            message = "This listing never had another picture."
            raise Refused(HTTPStatus.CONFLICT, "nothing_to_swap", message)
        return Answer(b"", HTTPStatus.SEE_OTHER, headers={"location": "/"})

    def _is_at_home(self) -> bool:
        """Whether the bridge and the browser are one machine, and no name was rebound to it."""
        host = self.headers.get("host") or ""
        return self.server.is_loopback and re.sub(r":\d+$", "", host) in LOOPBACK_NAMES

    def _is_from_own_page(self) -> bool:
        origin = self.headers.get("origin")
        site = self.headers.get("sec-fetch-site")
        is_own = origin is None or origin == f"http://{self.headers.get('host')}"
        return is_own and site in {None, "same-origin", "none"}

    def _require_signed_line(self) -> None:
        self._refuse_body()
        signed = require_headers(self.headers, now=time.time())
        content = f"GET {self.path}".encode("latin-1", "replace")
        require_signature(self.server.keys, signed, content=content)

    def _signed_body(self) -> tuple[bytes, str]:
        signed = require_headers(self.headers, now=time.time())
        body = self._body(most=BODY_MAX_BYTES)
        require_signature(self.server.keys, signed, content=body)
        return body, signed[0]

    def _refuse_body(self) -> None:
        if self.headers.get("content-length", "0") != "0" or "transfer-encoding" in self.headers:
            self.close_connection = True
            raise bad_request("A GET has no body.")

    def _body(self, *, most: int) -> bytes:
        lengths = self.headers.get_all("content-length") or []
        is_length = len(lengths) == 1 and re.fullmatch("[0-9]{1,12}", lengths[0], re.ASCII)
        if "transfer-encoding" in self.headers or not is_length:
            message = "A body needs one content-length."
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "length_required", message)
        length = int(lengths[0])
        if length > most:
            message = f"The body has more than {most} bytes."
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", message)
        with self.server.bodies:
            return self._read(length)

    def _read(self, length: int) -> bytes:
        until = time.monotonic() + BODY_TIMEOUT_S
        read = bytearray()
        while len(read) < length:
            piece = self.rfile.read1(min(PIECE_BYTES, length - len(read)))
            if not piece or time.monotonic() > until:
                raise bad_request("The body did not come whole and in time.")
            read += piece
        return bytes(read)

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("content-type", answer.media_type)
        self.send_header("content-length", str(len(answer.body)))
        self.send_header("x-content-type-options", "nosniff")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)


def _unquoted(sku: str) -> str:
    return unquote(sku, errors="replace")


ROUTES: tuple[tuple[re.Pattern[str], dict[str, str]], ...] = (
    (re.compile("/"), {"GET": "shop_page"}),
    (re.compile("/favicon.ico"), {"GET": "no_icon"}),
    (re.compile("/health"), {"GET": "health"}),
    (re.compile("/catalog"), {"GET": "catalog"}),
    (re.compile("/catalog/([^/]{1,1000})"), {"GET": "listing"}),
    (re.compile("/images/([A-Za-z0-9._~-]{1,200})"), {"GET": "image"}),
    (re.compile("/publish"), {"POST": "publish"}),
    (re.compile("/publish/([A-Za-z0-9_]{1,100})"), {"GET": "published"}),
    (re.compile("/shop/([^/]{1,1000})/swap"), {"POST": "swap"}),
)
