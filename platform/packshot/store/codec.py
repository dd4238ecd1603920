"""Turns aggregate events into rows of the log and back, under names that are contracts.

A row holds a topic (``api-key.issued.v1``), never a Python path, so classes may move. The library
of aggregates ships a mapper that pickles class paths by default; this one knows only topics.
"""

import hashlib
import inspect
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.domain import Aggregate

from domain.recorded import Happened

Event = Aggregate.Event
Upcast = Callable[[dict[str, Any]], dict[str, Any]]

# These three stand in columns of their own; the aggregate's own topic follows from its class.
COLUMNS = ("originator_id", "originator_version", "timestamp", "originator_topic")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DIGEST_TAG = b"packshot event v1"


class Codec:
    """Knows every topic of the given aggregates.

    ``upcasts`` maps a topic to a function from the data that older releases stored to the data
    that the event's class takes today (a field it lacks is filled there).
    """

    def __init__(
        self, aggregates: Iterable[type[Aggregate]], upcasts: Mapping[str, Upcast] | None = None
    ) -> None:
        self.upcasts = dict(upcasts or {})
        self.classes: dict[str, tuple[type[Aggregate], type[Event]]] = {}
        for aggregate in aggregates:
            for event_class in event_classes(aggregate):
                topic = topic_of(event_class)
                if topic in self.classes:
                    raise ValueError(f"two events share the topic {topic}")
                self.classes[topic] = (aggregate, event_class)

    def encode(self, event: Event) -> tuple[str, str]:
        """The topic of an event and its data as JSON with sorted keys."""
        data = {name: value for name, value in event.__dict__.items() if name not in COLUMNS}
        return topic_of(type(event)), orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode()

    def decode(self, happened: Happened) -> Event:
        """The event of a row; raises KeyError for a topic that this release does not know."""
        aggregate, event_class = self.classes[happened.type]
        data = dict(happened.data)
        if happened.type in self.upcasts:
            data = self.upcasts[happened.type](data)
        if issubclass(event_class, Aggregate.Created):
            data["originator_topic"] = topic_of(aggregate)
        return event_class(
            originator_id=happened.stream_id,
            originator_version=happened.version,
            timestamp=happened.at,
            **data,
        )


def topic_of(kind: type[Aggregate] | type[Event]) -> str:
    """The topic that a class declares."""
    topic: str = kind.TOPIC  # type: ignore[union-attr]  # declared by every class of the domain
    return topic


def event_classes(aggregate: type[Aggregate]) -> list[type[Event]]:
    """The events that an aggregate records: its nested event classes, but for the abstract ones."""
    return [
        member
        for name, member in vars(aggregate).items()
        if inspect.isclass(member) and issubclass(member, Event) and name != "Event"
    ]


def digest(tenant_id: UUID, happened: Happened, *, data: str, meta: str) -> bytes:
    """SHA-256 over every stored column of an event but the chain's own, each length-prefixed.

    ``data`` and ``meta`` are the exact stored texts. Columns in order: tenant_id, stream_id
    (16 bytes each), version (8 bytes, big-endian), event_id (16), type, data, meta (UTF-8), at
    (microseconds since 1970, 8 bytes, signed); before them the tag ``packshot event v1``.
    """
    columns = (
        DIGEST_TAG,
        tenant_id.bytes,
        happened.stream_id.bytes,
        happened.version.to_bytes(8, "big"),
        happened.event_id.bytes,
        happened.type.encode(),
        data.encode(),
        meta.encode(),
        ((happened.at - EPOCH) // MICROSECOND).to_bytes(8, "big", signed=True),
    )
    return hashlib.sha256(
        b"".join(len(column).to_bytes(4, "big") + column for column in columns)
    ).digest()


def genesis(tenant_id: UUID) -> bytes:
    """The chain's tip before the first event of an organization."""
    return hashlib.sha256(b"packshot log v1" + tenant_id.bytes).digest()
