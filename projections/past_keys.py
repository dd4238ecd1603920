"""Keys as of a position of the log: which there were, what they were called, who answered."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from domain.api_key import ApiKey
from domain.ids import KeyId, UserId
from domain.recorded import Actor

if TYPE_CHECKING:
    from projections.projection import Connection


@dataclass(frozen=True, slots=True)
class BegunKey:
    """How a key began; ``tells_responsible`` is False in events from before that was recorded."""

    key_id: KeyId
    at: datetime
    by: Actor
    tells_responsible: bool


async def list_begun_keys(
    connection: "Connection", tenant_id: UUID, *, at: int, before: UUID | None, limit: int
) -> list[BegunKey]:
    """The keys there were, newest first; ``before`` is the last one already told."""
    rows = await connection.fetch(
        """
        SELECT k.key_id, first.at, first.meta -> 'actor' ->> 'type' AS type,
               first.meta -> 'actor' ->> 'id' AS id,
               first.data -> 'responsible_id' IS NOT NULL AS tells_responsible
        FROM views.api_key k
        JOIN es.event first ON first.tenant_id = k.tenant_id AND first.stream_id = k.key_id
                           AND first.version = 1
        WHERE k.tenant_id = $1 AND first.tenant_id = $1 AND first.seq <= $2
          AND ($3::uuid IS NULL OR k.key_id < $3)
        ORDER BY k.key_id DESC LIMIT $4
        """,
        tenant_id,
        at,
        before,
        limit,
    )
    return [
        BegunKey(
            KeyId(row["key_id"]),
            row["at"],
            Actor(row["type"], row["id"]),
            tells_responsible=row["tells_responsible"],
        )
        for row in rows
    ]


async def find_begun_key(
    connection: "Connection", tenant_id: UUID, *, key_id: UUID, at: int
) -> BegunKey | None:
    """How that key began; None where there was none yet."""
    above = UUID(int=key_id.int + 1)
    found = await list_begun_keys(connection, tenant_id, at=at, before=above, limit=1)
    return next((key for key in found if key.key_id.uuid == key_id), None)


async def count_begun_keys(connection: "Connection", tenant_id: UUID, *, at: int) -> int:
    """How many keys there were."""
    counted: int = await connection.fetchval(
        """
        SELECT count(*) FROM views.api_key k
        JOIN es.event first ON first.tenant_id = k.tenant_id AND first.stream_id = k.key_id
                           AND first.version = 1
        WHERE k.tenant_id = $1 AND first.tenant_id = $1 AND first.seq <= $2
        """,
        tenant_id,
        at,
    )
    return counted


async def key_names_at(
    connection: "Connection", tenant_id: UUID, public_ids: set[str], *, at: int
) -> dict[str, str]:
    """What those of the organization's keys were called; texts that are no key's id name none."""
    key_ids = [uuid for text in public_ids if (uuid := _key_id(text)) is not None]
    rows = await connection.fetch(
        """
        SELECT DISTINCT ON (stream_id) stream_id, data ->> 'name' AS name FROM es.event
        WHERE tenant_id = $1 AND stream_id = ANY($2) AND seq <= $3
        ORDER BY stream_id, version DESC
        """,
        tenant_id,
        key_ids,
        at,
    )
    return {str(KeyId(row["stream_id"])): row["name"] for row in rows}


async def responsible_behind(
    connection: "Connection", tenant_id: UUID, *, key_id: UUID, at: int
) -> UserId | None:
    """Who answered for a key at that position, also one from before that was recorded.

    Of such a key: who made it, or who answered then for the key that made it.
    """
    asked: UUID | None = key_id
    while asked is not None:
        row = await connection.fetchrow(
            """
            SELECT e.seq, e.meta -> 'actor' ->> 'type' AS type, e.meta -> 'actor' ->> 'id' AS id,
                   e.data -> 'responsible_id' IS NOT NULL AS is_told,
                   coalesce(adopted.by, e.data ->> 'responsible_id') AS responsible_id
            FROM es.event e
            LEFT JOIN LATERAL (
              SELECT data ->> 'responsible_id' AS by FROM es.event
              WHERE tenant_id = $1 AND stream_id = $2 AND type = $3 AND seq <= $4
              ORDER BY version DESC LIMIT 1
            ) adopted ON true
            WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version = 1 AND e.seq <= $4
            """,
            tenant_id,
            asked,
            ApiKey.Adopted.TOPIC,
            at,
        )
        if row is None:
            return None
        if row["is_told"] or row["responsible_id"] is not None:
            told = row["responsible_id"]
            return None if told is None else UserId.parse(told)
        if row["type"] == "user":
            return UserId.parse(row["id"])
        asked, at = (_key_id(row["id"]) if row["type"] == "key" else None), row["seq"]
    return None


def _key_id(text: str) -> UUID | None:
    try:
        return KeyId.parse(text).uuid
    except ValueError:
        return None
