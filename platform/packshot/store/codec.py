"""Turns aggregate events into rows of the log and back, under names that are contracts.

A row holds a topic (``api-key.issued.v1``), never a Python path, so classes may move. The library
of aggregates ships a mapper that pickles class paths by default; this one knows only topics.
"""

import hashlib
import inspect
import struct
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
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
DIGEST_TAG = b"packshot event v1"
NUMBERED = struct.Struct(f">I{len(DIGEST_TAG)}sI16sI16sIQI16s")
LAST = struct.Struct(">Iq")


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


def digest(  # noqa: PLR0913, PLR0917 - the columns of es.event, in their order
    tenant_id: UUID,
    stream_id: UUID,
    version: int,
    event_id: UUID,
    type_: str,
    data: str,
    meta: str,
    at: datetime,
) -> bytes:
    """SHA-256 over every stored column of an event but the chain's own, each length-prefixed.

    ``data`` and ``meta`` are the exact stored texts. Columns in order, each after its length in 4
    bytes, big-endian like all numbers here: the tag ``packshot event v1``, tenant_id and stream_id
    (16 bytes each), version (8 bytes), event_id (16), type, data, meta (UTF-8), at (microseconds
    since 1970, 8 bytes, signed).
    """
    kind, body, told = type_.encode(), data.encode(), meta.encode()
    since_1970 = at - EPOCH
    microseconds = (since_1970.days * 86_400 + since_1970.seconds) * 10**6 + since_1970.microseconds
    return hashlib.sha256(
        NUMBERED.pack(
            len(DIGEST_TAG), DIGEST_TAG, 16, tenant_id.bytes, 16, stream_id.bytes, 8, version, 16,
            event_id.bytes,
        )
        + len(kind).to_bytes(4, "big") + kind
        + len(body).to_bytes(4, "big") + body
        + len(told).to_bytes(4, "big") + told
        + LAST.pack(8, microseconds)
    ).digest()  # fmt: skip


def genesis(tenant_id: UUID) -> bytes:
    """The chain's tip before the first event of an organization."""
    return hashlib.sha256(b"packshot log v1" + tenant_id.bytes).digest()
