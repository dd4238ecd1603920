"""What happened to a job or a publish, and who asked for it: from the log, with people's names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.ids import JobId, OrgId, PublishId
from domain.job import Job
from packshot.commands.names import Names
from packshot.store.events import EventStore
from projections.histories import find_beginners, find_history


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened: when, what in a sentence, and by whom."""

    at: datetime
    type: str
    sentence: str
    actor: str


@dataclass(frozen=True, slots=True)
class Histories:
    """The use cases of looking back at single things."""

    store: EventStore
    names: Names

    async def steps(self, org_id: OrgId, of: JobId | PublishId) -> list[Step]:
        """Everything that happened to it, in its order; nothing for one that there is not."""
        async with self.store.pools.reading(org_id) as connection:
            told = await find_history(connection, tenant_id=org_id.uuid, stream_id=of.uuid)
        names = await self.names.of(org_id, [one.actor for one in told])
        return [Step(one.at, one.type, one.sentence, names[one.actor]) for one in told]

    async def askers(self, org_id: OrgId, jobs: Sequence[Job]) -> dict[UUID, str]:
        """Who asked for each of these jobs, by the job's id."""
        ids = [job.id for job in jobs]
        async with self.store.pools.reading(org_id) as connection:
            actors = await find_beginners(connection, tenant_id=org_id.uuid, stream_ids=ids)
        names = await self.names.of(org_id, actors.values())
        return {job_id: names[actor] for job_id, actor in actors.items()}
