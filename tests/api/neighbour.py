"""A neighbour on loopback that hands out photos and takes webhooks, and remembers both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread

from api.photos import red_box

WITHIN_S = 20.0
AWAY = "/away.jpg"  # answers 503


@dataclass(slots=True)
class Neighbour:
    """``photos`` by path; ``told`` holds the headers and body of every webhook."""

    port: int = 0
    photos: dict[str, bytes] = field(default_factory=lambda: {"/photo.jpg": red_box()})
    asked: list[str] = field(default_factory=list)
    told: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    changed: Condition = field(default_factory=Condition)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def as_allowed(self) -> str:
        """This neighbour as PACKSHOT_ALLOWED_PRIVATE_CIDRS names it."""
        return f"127.0.0.1/32:{self.port}"

    def wait_for_webhook(self, containing: str) -> tuple[dict[str, str], bytes]:
        """The first webhook whose body contains the text; raises when none comes."""

        def found() -> list[tuple[dict[str, str], bytes]]:
            return [hook for hook in self.told if containing.encode() in hook[1]]

        with self.changed:
            assert self.changed.wait_for(found, WITHIN_S), f"no webhook with {containing}"
            return found()[0]


@contextmanager
def a_neighbour() -> Iterator[Neighbour]:
    """A neighbour for the length of a block."""
    neighbour = Neighbour()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            neighbour.asked.append(self.path)
            if self.path == AWAY:
                self._answer(b"", status=503)
            else:
                self._answer(neighbour.photos.get(self.path.partition("?")[0]))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            with neighbour.changed:
                neighbour.told.append((headers, body))
                neighbour.changed.notify_all()
            self._answer(b"")

        def _answer(self, content: bytes | None, *, status: int = 200) -> None:
            self.send_response(404 if content is None else status)
            self.send_header("content-length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *_: object) -> None:
            """Keep the test's output quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        neighbour.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield neighbour
        server.shutdown()
        thread.join()
