"""A shop with a bridge, in this process, so that a test can change it and break it.

It keeps to docs/bridge.md; ``faults`` are what it does instead, one for each next request.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from standardwebhooks import Webhook

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
Fault = Callable[["Handler"], None]


def an_image(sku: str, slot: str = "main", **told: Any) -> dict[str, Any]:
    """A picture of a product."""
    digest = hashlib.sha256(f"{sku} {slot}".encode()).hexdigest()
    return {
        "remoteId": f"img_{digest[:12]}",
        "slot": slot,
        "url": f"/images/img_{digest[:12]}",
        "width": 1600,
        "height": 1600,
        "bytes": 200_000,
        "sha256": digest,
        "alt": "",
    } | told


def a_product(sku: str, **told: Any) -> dict[str, Any]:
    """A listing with a main picture."""
    product: dict[str, Any] = {
        "sku": sku,
        "title": f"Product {sku}",
        "url": f"https://shop.example/{sku}",
        "updatedAt": "2026-11-22T19:53:43.353Z",
        "images": [an_image(sku)],
    } | told
    ids = json.dumps([[image["slot"], image["remoteId"]] for image in product["images"]])
    return {"digest": hashlib.sha256(ids.encode()).hexdigest()} | product


@dataclass(slots=True)
class Shop:
    """The shop's products by their SKU, and what was asked of it."""

    port: int = 0
    secret: str = SECRET
    account: str = "Acme shop"
    page_items: int = 100
    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    media: dict[str, dict[str, Any]] = field(default_factory=dict)
    picture: bytes | None = None  # what every picture of the shop is, for whoever asks
    published: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def as_allowed(self) -> str:
        """This shop as PACKSHOT_ALLOWED_PRIVATE_CIDRS names it."""
        return f"127.0.0.1/32:{self.port}"

    def reopen(self, *, products: int, picture: bytes | None = None) -> None:
        """Begin anew with so many products."""
        self.secret, self.account, self.page_items = SECRET, "Acme shop", 100
        self.picture = picture
        for kept in (self.products, self.faults, self.asked, self.published):
            kept.clear()
        for number in range(products):
            self.put(f"SKU-{number:04}")

    def put(self, sku: str, **told: Any) -> None:
        """Put a product into the shop, or another one in its place."""
        product = self.products[sku] = a_product(sku, **told)
        if self.picture is not None:
            for image in product["images"]:
                image["sha256"] = hashlib.sha256(self.picture).hexdigest()

    def page(self, cursor: str, limit: int) -> dict[str, Any]:
        """The page after a cursor, which is the last SKU of the page before."""
        skus = [sku for sku in sorted(self.products) if sku > cursor]
        shown = skus[: min(limit, self.page_items)]
        more = len(skus) > len(shown)
        items = [self.products[sku] for sku in shown]
        return {"items": items, "nextCursor": shown[-1] if more else None}

    def publish(self, wanted: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        """What a publish is answered; one key has one effect."""
        if key in self.published:
            return 200, self.published[key]
        product = self.products.get(wanted["sku"])
        if product is None:
            return 404, {"code": "unknown_sku", "message": "No such product."}
        if wanted["baseDigest"] != product["digest"]:
            return 409, {"code": "drifted", "message": "Changed.", "digest": product["digest"]}
        before = product["images"]
        self.media |= {image["remoteId"]: image for image in before}
        after = [
            {**self.media[image["remoteId"]], "slot": image["slot"]}
            if "remoteId" in image
            else an_image(image["sha256"], slot=image["slot"], sha256=image["sha256"])
            for image in wanted["images"]
        ]
        changed = a_product(wanted["sku"], images=after, title=product["title"])
        said = {
            "publishId": None if wanted["dryRun"] else f"pub_{len(self.published)}",
            "sku": wanted["sku"],
            "status": "live",
            "before": before,
            "after": after,
            "digest": changed["digest"],
            "issues": [],
        }
        if not wanted["dryRun"]:
            self.products[wanted["sku"]] = changed
            self.published[key] = said
        return 200, said


class Handler(BaseHTTPRequestHandler):
    """One request to the shop."""

    protocol_version = "HTTP/1.1"
    shop: Shop
    body: bytes = b""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def say(self, status: int, said: object, **headers: str) -> None:
        """Answer JSON, or the bytes as they are."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def serve(self) -> None:
        """Do what was asked, and say so; a fault that is none."""
        self.say(*self._answer(self.body))

    def vanish(self) -> None:
        """Do what was asked, and break the connection instead of saying so."""
        self._answer(self.body)
        self.close_connection = True

    def _serve(self) -> None:
        shop = self.shop
        self.body = body = self.rfile.read(int(self.headers.get("content-length", "0")))
        shop.asked.append(f"{self.command} {self.path}")
        with suppress(OSError):
            if self.path.startswith("/images/") and shop.picture is not None:
                self.say(200, shop.picture, content_type="image/jpeg")
            elif shop.faults:
                shop.faults.pop(0)(self)
            elif not self._is_signed(body):
                self.say(401, {"code": "signature_wrong", "message": "Another secret."})
            else:
                self.say(*self._answer(body))

    def _is_signed(self, body: bytes) -> bool:
        """Whether the specification's own library would have signed it so."""
        headers = self.headers
        content = body or f"{self.command} {self.path}".encode()
        at = datetime.fromtimestamp(int(headers.get("webhook-timestamp", "0")), UTC)
        signed = Webhook(self.shop.secret).sign(headers["webhook-id"], at, content.decode())
        is_fresh = abs(datetime.now(UTC) - at) < timedelta(minutes=5)
        return is_fresh and signed in headers["webhook-signature"].split()

    def _answer(self, body: bytes) -> tuple[int, Any]:
        shop, parts = self.shop, urlsplit(self.path)
        if parts.path == "/health":
            return 200, {"name": "a test's shop", "account": shop.account, "version": "1"}
        if parts.path == "/catalog":
            query = parse_qs(parts.query, keep_blank_values=True)
            return 200, shop.page(query["cursor"][0], int(query["limit"][0]))
        if parts.path.startswith("/catalog/"):
            product = shop.products.get(unquote(parts.path.removeprefix("/catalog/")))
            if product is not None:
                return 200, product
            return 404, {"code": "unknown_sku", "message": "No such product."}
        if parts.path == "/publish":
            return shop.publish(json.loads(body), self.headers.get("idempotency-key", ""))
        return 404, {"code": "not_found", "message": "Nothing here."}


@contextmanager
def a_shop(*, products: int = 0) -> Iterator[Shop]:
    """A shop on a free port of loopback."""
    shop = Shop()
    shop.reopen(products=products)
    handler = type("ShopHandler", (Handler,), {"shop": shop})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    shop.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
