"""What the log tells of single things: what happened to one, and who began it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from domain.job import Job
from domain.publish import Publish
from domain.recorded import Actor
from projections.sentences import sentence_of

if TYPE_CHECKING:
    from asyncpg import Record

    from projections.projection import Connection

# Where the public type of an event is not its topic's own words.
CALLED = {Job.PartlySucceeded.TOPIC: "job.partial", Publish.RolledBack.TOPIC: "publish.rolled_back"}


@dataclass(frozen=True, slots=True)
class Told:
    """Something that happened to a job or a publish; ``type`` is public (``job.partial``)."""

    at: datetime
    type: str
    sentence: str
    actor: Actor


async def find_history(
    connection: "Connection", *, tenant_id: UUID, stream_id: UUID
) -> Sequence[Told]:
    """Everything that happened to a job or a publish, in its order."""
    rows = await connection.fetch(
        """
        SELECT at, type, data, meta FROM es.event
        WHERE tenant_id = $1 AND stream_id = $2 ORDER BY version
        """,
        tenant_id,
        stream_id,
    )
    return [_told(row) for row in rows]


async def find_beginners(
    connection: "Connection", *, tenant_id: UUID, stream_ids: Sequence[UUID]
) -> dict[UUID, Actor]:
    """Who asked for each of these things."""
    rows = await connection.fetch(
        """
        SELECT stream_id, meta FROM es.event
        WHERE tenant_id = $1 AND stream_id = ANY($2) AND version = 1
        """,
        tenant_id,
        stream_ids,
    )
    return {row["stream_id"]: _actor(row) for row in rows}


def _told(row: "Record") -> Told:
    public_type = CALLED.get(row["type"], row["type"].rpartition(".")[0])
    sentence = sentence_of(public_type, orjson.loads(row["data"]))
    return Told(row["at"], public_type, sentence, _actor(row))


def _actor(row: "Record") -> Actor:
    return Actor.from_dict(orjson.loads(row["meta"])["actor"])
