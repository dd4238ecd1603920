"""Composes an append: from events to the one statement and its arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from eventsourcing.domain import Aggregate
from uuid_utils.compat import uuid7

from domain.recorded import Context, Happened
from packshot.store.append import append_arguments, append_statement, rows_argument
from packshot.store.codec import Codec, digest
from projections.projection import InlineView

# Who still writes where an organization is shut: its workers, and who runs the installation.
OF_THE_INSTALLATION = frozenset({"system", "operator"})


@dataclass(frozen=True, slots=True)
class Append:
    """An append ready to run: its statement and every argument."""

    tenant_id: UUID
    statement: str
    arguments: tuple[Any, ...]
    newest_event_id: UUID


class Composer:
    """Knows the codec and the inline views, and keeps the statements that it composed."""

    def __init__(self, codec: Codec, views: Sequence[InlineView]) -> None:
        self.codec = codec
        self.views = tuple(views)
        self._views_of: dict[str, list[int]] = {}
        for number, view in enumerate(self.views):
            for topic in view.topics:
                self._views_of.setdefault(topic, []).append(number)
        self._statements: dict[tuple[bool, tuple[int, ...], bool], str] = {}

    def compose(self, context: Context, aggregates: Sequence[Aggregate]) -> Append:
        """The append of everything that the aggregates collected; they keep it."""
        tenant_id = context.org_id.uuid
        told = context.meta
        meta = orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()
        columns, digests = [], []
        rows: dict[int, list[Mapping[str, Any]]] = {}
        for event in _pending(aggregates):
            topic, data = self.codec.encode(event)
            identity = (event.originator_id, event.originator_version, uuid7(), topic)
            stored = (*identity, data, meta, event.timestamp)
            digests.append(digest(tenant_id, *stored))
            columns.append(stored)
            for number in self._views_of.get(topic, ()):
                happened = Happened(*identity, data=event.__dict__, meta=told, at=event.timestamp)
                rows.setdefault(number, []).extend(self.views[number].rows(happened))
        touched = tuple(sorted(number for number in rows if rows[number]))
        return Append(
            tenant_id,
            self._statement_for(
                len(columns), touched, is_admitted=context.actor.kind in OF_THE_INSTALLATION
            ),
            (
                tenant_id,
                b"".join(digests),
                *append_arguments(columns),
                *(rows_argument(rows[number]) for number in touched),
            ),
            newest_event_id=columns[-1][2],
        )

    def _statement_for(self, event_count: int, views: tuple[int, ...], *, is_admitted: bool) -> str:
        wanted = (event_count == 1, views, is_admitted)
        if wanted not in self._statements:
            touched = [self.views[number] for number in views]
            self._statements[wanted] = append_statement(
                event_count, touched, is_admitted=is_admitted
            )
        return self._statements[wanted]


def _pending(aggregates: Sequence[Aggregate]) -> list[Aggregate.Event]:
    """What the aggregates collected; raises ValueError when that is nothing."""
    events = [
        event
        for aggregate in aggregates
        for event in aggregate.pending_events
        if isinstance(event, Aggregate.Event)  # always: it tells the type checker which
    ]
    if not events:
        raise ValueError("an append needs an event: the aggregates collected none")
    return events
