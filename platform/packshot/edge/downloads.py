"""A file as an answer that is made while it is sent, however long that takes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from quart import Response


@dataclass(frozen=True, slots=True)
class Download:
    """``name`` is what a client that keeps it calls it; what fails midway ends the connection."""

    pieces: AsyncIterator[bytes]
    media_type: str
    name: str

    def response(self) -> Response:
        """The answer; the server's own time limit for answers does not hold for it."""
        response = Response(self.pieces, 200, content_type=self.media_type)
        response.headers["cache-control"] = "private, no-store"
        response.headers["content-disposition"] = f'attachment; filename="{self.name}"'
        response.headers["content-security-policy"] = "sandbox; default-src 'none'"
        response.headers["x-accel-buffering"] = "no"  # nginx would gather it on its disk
        response.timeout = None
        return response
