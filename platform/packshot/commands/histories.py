"""What happened to a job, and who asked for it: told from the log, with people's names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from domain.ids import JobId, OrgId
from domain.job import Job
from packshot.commands.names import Named, Names
from packshot.store.events import EventStore
from projections.sentences import sentence_of

if TYPE_CHECKING:
    from asyncpg import Record

# Where the public type of an event is not its topic's own words.
CALLED = {Job.PartlySucceeded.TOPIC: "job.partial"}


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to a job: when, what in a sentence, and by whom."""

    at: datetime
    type: str
    sentence: str
    actor: str


@dataclass(frozen=True, slots=True)
class Histories:
    """The use cases of looking back at jobs."""

    store: EventStore
    names: Names

    async def steps(self, org_id: OrgId, job_id: JobId) -> list[Step]:
        """Everything that happened to a job, in its order; nothing for one that there is not."""
        async with self.store.pools.reading(org_id) as connection:
            rows = await connection.fetch(
                """
                SELECT at, type, data, meta FROM es.event
                WHERE tenant_id = $1 AND stream_id = $2 ORDER BY version
                """,
                org_id.uuid,
                job_id.uuid,
            )
        actors = [_actor(row) for row in rows]
        names = await self.names.of(org_id, actors)
        return [_step(row, names[actor]) for row, actor in zip(rows, actors, strict=True)]

    async def askers(self, org_id: OrgId, jobs: Sequence[Job]) -> dict[UUID, str]:
        """Who asked for each of these jobs, by the job's id."""
        async with self.store.pools.reading(org_id) as connection:
            rows = await connection.fetch(
                """
                SELECT stream_id, meta FROM es.event
                WHERE tenant_id = $1 AND stream_id = ANY($2) AND version = 1
                """,
                org_id.uuid,
                [job.id for job in jobs],
            )
        actors = {row["stream_id"]: _actor(row) for row in rows}
        names = await self.names.of(org_id, actors.values())
        return {job_id: names[actor] for job_id, actor in actors.items()}


def _actor(row: "Record") -> Named:
    actor = orjson.loads(row["meta"])["actor"]
    return actor["type"], actor["id"]


def _step(row: "Record", actor: str) -> Step:
    public_type = CALLED.get(row["type"], row["type"].rpartition(".")[0])
    sentence = sentence_of(public_type, orjson.loads(row["data"]))
    return Step(row["at"], public_type, sentence, actor)
