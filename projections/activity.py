"""The view of activity: who did what in an organization, newest first, one sentence for each."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from domain.ids import (
    EventId,
    Id,
    IntegrationId,
    InviteId,
    JobId,
    KeyId,
    MembershipId,
    OrgId,
    PublishId,
    SyncId,
    TeamId,
    UserId,
)
from projections.api_keys import key_names
from projections.past_keys import key_names_at
from projections.sentences import NOBODY, TYPES_THAT_TELL_MORE, sentence_of

if TYPE_CHECKING:
    from asyncpg import Record

    from projections.projection import Connection

SUBJECTS: Mapping[str, type[Id]] = {
    "organization": OrgId,
    "user": UserId,
    "invite": InviteId,
    "membership": MembershipId,
    "team": TeamId,
    "tenant": OrgId,
    "key": KeyId,
    "job": JobId,
    "integration": IntegrationId,
    "publish": PublishId,
    "catalog": SyncId,
}


class ActivityView:
    """One row per event."""

    name = "activity"
    # json_to_record reads a meta once for all its members; -> three times took half as long again.
    statement = """
        INSERT INTO {table} (tenant_id, position, event_id, at, type, stream_id,
                             actor_type, actor_id, request_id)
        SELECT e.tenant_id, e.seq, e.event_id, e.at,
               CASE t.noun WHEN 'api-key' THEN 'key' WHEN 'connection' THEN 'integration'
                           ELSE t.noun END || '.'
               || CASE WHEN t.participle = 'partly-succeeded' THEN 'partial'
                       WHEN t.participle = 'issued' THEN 'created'
                       WHEN t.participle = 'rolled-back' THEN 'rolled_back'
                       WHEN e.type = 'connection.failed.v1' THEN 'failing'
                       ELSE t.participle END,
               e.stream_id, actor.type, actor.id, meta."requestId"
        FROM es.event e,
             LATERAL (SELECT split_part(e.type, '.', 1), split_part(e.type, '.', 2))
                     AS t(noun, participle),
             LATERAL json_to_record(e.meta) AS meta(actor json, "requestId" text),
             LATERAL json_to_record(meta.actor) AS actor(type text, id text)
        WHERE e.tenant_id = $1 AND e.seq > $2 AND e.seq <= $3
    """


@dataclass(frozen=True, slots=True)
class Activity:
    """One entry of the feed.

    ``type`` is public (``key.created``), ``actor_name`` what people call the actor, where known;
    ``subject_id`` is the public id of what it happened to. ``data`` is the event's, where its
    sentence needs it. Names of people are not in the log: see ``naming``.
    """

    event_id: EventId
    position: int
    at: datetime
    type: str
    actor_type: str
    actor_id: str
    actor_name: str | None
    subject_type: str
    subject_id: str
    sentence: str
    request_id: str
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def people(self) -> set[str]:
        """The public ids of the people it tells of: who did it, and to whom it was done."""
        acting = {self.actor_id} if self.actor_type == "user" else set()
        return acting | ({str(self.data["user_id"])} if "user_id" in self.data else set())

    def naming(self, names: Mapping[str, str]) -> "Activity":
        """The same entry with people called by those names, who has none as a former member."""
        person = names.get(str(self.data.get("user_id")), NOBODY)
        told = {**self.data, "person": person}
        return replace(
            self,
            actor_name=self.actor_name or names.get(self.actor_id),
            sentence=sentence_of(self.type, told),
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: of that type, of that actor (None: of every one), before that position.

    ``stream_id`` is what they happened to. ``at`` is the position of the log as of which they are
    told, None: today.
    """

    type: str | None = None
    actor_id: str | None = None
    before: int | None = None
    stream_id: UUID | None = None
    at: int | None = None

    @property
    def is_everything(self) -> bool:
        """Whether nothing is filtered out."""
        return self.type is None and self.actor_id is None and self.stream_id is None


async def find_activity(
    connection: "Connection", tenant_id: UUID, *, wanted: Wanted, limit: int
) -> list[Activity]:
    """The newest entries of that organization that are wanted, at most ``limit``."""
    rows = await connection.fetch(
        """
        SELECT a.*, CASE
                 WHEN a.type = 'catalog.page-fetched'
                 THEN json_build_object('seen', e.data -> 'seen') -- not its hundred listings
                 WHEN a.type = ANY($6) THEN e.data
               END AS data
        FROM views.activity a
        JOIN es.event e ON e.tenant_id = a.tenant_id AND e.seq = a.position
        WHERE a.tenant_id = $1 AND ($2::text IS NULL OR a.type = $2)
          AND ($3::text IS NULL OR a.actor_id = $3) AND ($4::bigint IS NULL OR a.position < $4)
          AND ($8::bigint IS NULL OR a.position <= $8)
          AND ($7::uuid IS NULL OR a.position IN (
            SELECT seq FROM es.event WHERE tenant_id = $1 AND stream_id = $7))
        ORDER BY a.position DESC LIMIT $5
        """,
        tenant_id,
        wanted.type,
        wanted.actor_id,
        wanted.before,
        limit,
        TYPES_THAT_TELL_MORE,
        wanted.stream_id,
        wanted.at,
    )
    acting = {row["actor_id"] for row in rows if row["actor_type"] == "key"}
    if wanted.at is None:
        names = await key_names(connection, tenant_id, acting)
    else:
        names = await key_names_at(connection, tenant_id, acting, at=wanted.at)
    return [_activity(row, names) for row in rows]


async def count_activity(
    connection: "Connection", tenant_id: UUID, *, wanted: Wanted, at_most: int
) -> int:
    """How many entries there are; where something is filtered out, no more than ``at_most``.

    Every event is one entry, so the length of the whole feed is the position it has reached.
    """
    if wanted.is_everything and wanted.at is not None:
        return wanted.at
    if wanted.is_everything:
        reached = "SELECT position FROM es.position WHERE tenant_id = $1 AND view = $2"
        return await connection.fetchval(reached, tenant_id, ActivityView.name) or 0
    counted: int = await connection.fetchval(
        """
        SELECT count(*) FROM (
          SELECT FROM views.activity
          WHERE tenant_id = $1 AND ($2::text IS NULL OR type = $2)
            AND ($3::text IS NULL OR actor_id = $3) AND ($6::bigint IS NULL OR position <= $6)
            AND ($5::uuid IS NULL OR position IN (
              SELECT seq FROM es.event WHERE tenant_id = $1 AND stream_id = $5))
          LIMIT $4
        ) AS wanted
        """,
        tenant_id,
        wanted.type,
        wanted.actor_id,
        at_most,
        wanted.stream_id,
        wanted.at,
    )
    return counted


async def find_actors(
    connection: "Connection", tenant_id: UUID, *, at_most: int
) -> list[tuple[str, str]]:
    """Everybody who did something, as type and id; each is one step along the index by actor."""
    rows = await connection.fetch(
        """
        WITH RECURSIVE acting AS (
          (SELECT actor_type, actor_id FROM views.activity WHERE tenant_id = $1
           ORDER BY actor_id LIMIT 1)
          UNION ALL
          SELECT following.actor_type, following.actor_id
          FROM acting CROSS JOIN LATERAL (
            SELECT actor_type, actor_id FROM views.activity
            WHERE tenant_id = $1 AND actor_id > acting.actor_id ORDER BY actor_id LIMIT 1
          ) AS following
        )
        SELECT actor_type, actor_id FROM acting LIMIT $2
        """,
        tenant_id,
        at_most,
    )
    return [(row["actor_type"], row["actor_id"]) for row in rows]


def stream_of(public_id: str) -> UUID | None:
    """The stream of a subject's public id; None for a text that is no id of a subject."""
    for id_of in SUBJECTS.values():
        with suppress(ValueError):
            return id_of.parse(public_id).uuid
    return None


def _activity(row: "Record", names: Mapping[str, str]) -> Activity:
    noun = row["type"].partition(".")[0]
    id_of = SUBJECTS.get(noun)
    data: dict[str, Any] = orjson.loads(row["data"]) if row["data"] is not None else {}
    return Activity(
        event_id=EventId(row["event_id"]),
        position=row["position"],
        at=row["at"],
        type=row["type"],
        actor_type=row["actor_type"],
        actor_id=row["actor_id"],
        actor_name=names.get(row["actor_id"]),
        subject_type=noun,
        subject_id=str(id_of(row["stream_id"]) if id_of is not None else row["stream_id"]),
        sentence=sentence_of(row["type"], data),
        request_id=row["request_id"],
        data=data,
    )
