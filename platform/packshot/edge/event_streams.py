"""Answers that go on: server-sent events, and how many of them a process holds open.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from quart import Response
from werkzeug.datastructures import Headers

from domain.errors import InvalidInput, Refusal
from domain.ids import OrgId

EVENT_STREAM = "text/event-stream"
LAST_EVENT_ID = "last-event-id"
COMMENT = b":\n\n"
MOST_STREAMS = 256
MOST_OF_AN_ORGANIZATION = 64
MOST_DIGITS = 18  # what a bigint surely holds


@dataclass(frozen=True, slots=True)
class EventStream:
    """An answer whose pieces come as things happen."""

    pieces: AsyncIterator[bytes]

    def response(self) -> Response:
        """The answer; the server's own time limit for answers does not hold for it."""
        response = Response(self.pieces, 200, content_type=EVENT_STREAM)
        response.headers["cache-control"] = "private, no-store"
        response.headers["x-accel-buffering"] = "no"  # nginx would gather what is to be quick
        response.timeout = None
        return response


@dataclass(slots=True)
class OpenStreams:
    """Counts the streams that this process holds open: how many it may, and of one organization."""

    most: int = MOST_STREAMS
    most_of_an_organization: int = MOST_OF_AN_ORGANIZATION
    detail: str = "Too many streams of events are open."
    fix: str = "Close one, or ask for the job with ?wait=25."
    by_organization: Counter[OrgId] = field(default_factory=Counter)

    def require_room(self, org_id: OrgId) -> None:
        """Raise Refusal (concurrency_limited) when one more is too many."""
        if (
            self.by_organization[org_id] >= self.most_of_an_organization
            or self.by_organization.total() >= self.most
        ):
            raise Refusal(
                "concurrency_limited",
                self.detail,
                fix=self.fix,
                headers={"Retry-After": "5"},
            )

    @contextmanager
    def held(self, org_id: OrgId) -> Iterator[None]:
        """Count a stream while it is open."""
        self.by_organization[org_id] += 1
        try:
            yield
        finally:
            self.by_organization[org_id] -= 1
            if not self.by_organization[org_id]:
                del self.by_organization[org_id]


def event(name: str, *, event_id: int, data: bytes) -> bytes:
    """One event; ``data`` is JSON without line breaks."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event_id, name.encode(), data)


def reconnect_after(milliseconds: int) -> bytes:
    """How long a client waits before it comes back."""
    return b"retry: %d\n\n" % milliseconds


def last_event_id(headers: Headers) -> int | None:
    """The id of the last event that the client has; None when it begins.

    Raises InvalidInput (invalid_parameter) for what is no id of ours.
    """
    text = headers.get(LAST_EVENT_ID, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS):
        raise InvalidInput(
            "invalid_parameter",
            "Last-Event-ID is not the id of an event of this stream.",
            param="Last-Event-ID",
            fix="Send the id of the last event, or leave the header out.",
        )
    return int(text)
