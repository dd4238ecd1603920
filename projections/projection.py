"""The port of views: what the store asks of each of them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from domain.recorded import Happened

if TYPE_CHECKING:
    import asyncpg

    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]


class InlineView(Protocol):
    """A view whose rows are written by the very statement that appends their events.

    ``statement`` inserts from ``head`` (the locked row of the organization: tenant_id) and from
    ``json_to_recordset({rows})``; the store fills in {rows}. It must not name another tenant than
    head.tenant_id, and must give the same row when it runs again over the same events. It writes
    ``views.<name>`` and reads no other view: a rebuild runs it over the log for another table.
    """

    name: str
    topics: frozenset[str]
    statement: str

    def rows(self, happened: Happened) -> list[Mapping[str, Any]]:
        """The rows that an event of one of ``topics`` writes, JSON-native."""
        ...
