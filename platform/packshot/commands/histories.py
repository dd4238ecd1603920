"""What happened to a job, and who asked for it: told from the log, with people's names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import orjson

from domain.ids import JobId, OrgId
from domain.job import Job
from packshot.commands.people import People
from packshot.store.events import EventStore
from projections.api_keys import key_names
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
    people: People

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
        actors = [orjson.loads(row["meta"])["actor"] for row in rows]
        names = await self._names(org_id, actors)
        return [_step(row, _name(actor, names)) for row, actor in zip(rows, actors, strict=True)]

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
        actors = {row["stream_id"]: orjson.loads(row["meta"])["actor"] for row in rows}
        names = await self._names(org_id, actors.values())
        return {job_id: _name(actor, names) for job_id, actor in actors.items()}

    async def _names(
        self, org_id: OrgId, actors: Collection[Mapping[str, str]]
    ) -> Mapping[str, str]:
        """What keys and people of these are called, by their ids."""
        ids = {kind: {actor["id"] for actor in actors if actor["type"] == kind} for kind in KINDS}
        async with self.store.pools.reading(org_id) as connection:
            names = await key_names(connection, org_id.uuid, ids["key"])
        names |= await self.people.names_of(ids["user"])
        return names


KINDS = ("key", "user")
NAMELESS = {"key": "An API key", "user": "Somebody who has left"}


def _name(actor: Mapping[str, str], names: Mapping[str, str]) -> str:
    return names.get(actor["id"]) or NAMELESS.get(actor["type"], "Packshot")


def _step(row: "Record", actor: str) -> Step:
    public_type = CALLED.get(row["type"], row["type"].rpartition(".")[0])
    sentence = sentence_of(public_type, orjson.loads(row["data"]))
    return Step(row["at"], public_type, sentence, actor)
