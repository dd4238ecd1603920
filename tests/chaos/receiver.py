"""A shop on loopback: serves its photos, keeps the webhooks it is told, and fails some at first."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from zlib import crc32

from chaos.asks import picture_called

FAILS_FIRST_ONE_IN = 12


@dataclass(frozen=True, slots=True)
class Told:
    """One request of a sender, and the status it was answered."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def message_id(self) -> str:
        """The webhook-id."""
        return self.headers["webhook-id"]


@dataclass(slots=True)
class Receiver:
    """What came, in its order."""

    port: int = 0
    told: list[Told] = field(default_factory=list)
    _times: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def url(self, org: int) -> str:
        """Where an organization's webhooks go."""
        return f"http://127.0.0.1:{self.port}/hooks/{org}"

    @property
    def photos_url(self) -> str:
        """Where the photos are, each under its name."""
        return f"http://127.0.0.1:{self.port}/photos"

    def note(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Keep a request and return the status of its answer."""
        message_id = headers.get("webhook-id", "")
        with self._lock:
            self._times[message_id] += 1
            fails = crc32(message_id.encode()) % FAILS_FIRST_ONE_IN == 0
            status = 503 if fails and self._times[message_id] == 1 else 200
            self.told.append(Told(path, headers, body, status))
        return status

    @property
    def taken(self) -> set[str]:
        """The ids of what was taken."""
        return {told.message_id for told in self.told if told.status == 200}


@contextmanager
def receiving(*, port: int = 0) -> Iterator[Receiver]:
    """Run a receiver for the length of a block; port 0 is any free one."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Answer one webhook."""
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.note(self.path, headers, body))
            self.send_header("content-length", "0")
            self.end_headers()

        def do_GET(self) -> None:
            """Serve one photo."""
            photo = picture_called(self.path.rpartition("/")[2].removesuffix(".jpg"))
            self.send_response(200)
            self.send_header("content-type", "image/jpeg")
            self.send_header("content-length", str(len(photo)))
            self.end_headers()
            self.wfile.write(photo)

        def log_message(self, *_words: Any) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", port), Handler)
    receiver.port = server.server_address[1]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A sender that was killed has left; that is what this is about."""
