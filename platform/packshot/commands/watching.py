"""Watching a job: every change of it once, in the log's order, from any position on."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg

from domain.ids import JobId, OrgId
from domain.job import Job
from packshot.commands.results import Results, own_results, results_of
from packshot.store.events import EventStore
from packshot.store.positions import position_of
from projections.items import count_succeeded_items, list_succeeded_items


@dataclass(frozen=True, slots=True)
class Change:
    """The job as it was at a position of the log.

    ``is_progress`` says that not the job itself changed there but how many of its items are done.
    The outputs of a batch are told with its end only.
    """

    position: int
    job: Job
    results: Results
    is_progress: bool = False


@dataclass(slots=True)
class Watch:
    """One watcher of one job.

    ``told`` is the position up to which it has been told everything; None: nothing yet, so that it
    begins with the job as it is. ``is_over`` once the job has ended and that was told.
    """

    store: EventStore
    org_id: OrgId
    job_id: JobId
    told: int | None = None
    is_over: bool = False
    _done: int | None = None
    _looked_at: int = field(default=-1)

    async def look(self) -> list[Change]:
        """What changed since the last look; a log that has not grown costs one small read."""
        async with self.store.pools.reading(self.org_id) as connection:
            head = await position_of(connection, self.org_id.uuid, view=None)
            if head == self._looked_at:
                return []
            happened = await connection.fetch(
                """
                SELECT seq, version FROM es.event
                WHERE tenant_id = $1 AND stream_id = $2 AND seq <= $3 ORDER BY version
                """,
                self.org_id.uuid,
                self.job_id.uuid,
                head,
            )
        changes = await self._own_changes(happened)
        newest = changes[-1].job if changes else await self._job(happened[-1]["version"])
        if newest.items is not None and not newest.is_ended:
            changes += await self._progress(newest, head)
        if changes:
            self.told = changes[-1].position
        self.is_over = newest.is_ended
        self._looked_at = head
        return changes

    async def _own_changes(self, happened: Sequence[asyncpg.Record]) -> list[Change]:
        """A change for each of the job's own events that was not told; at first the newest one."""
        if self.told is None:
            happened = happened[-1:]
        changes = []
        for row in happened:
            position = row["seq"]
            if self.told is not None and position <= self.told:
                continue
            job = await self._job(row["version"])
            if job.status != "requested":  # queued in the same append
                results = await self._results(job, position)
                self._done = results.done
                changes.append(Change(position, job, results))
        return changes

    async def _progress(self, batch: Job, head: int) -> list[Change]:
        """How many items are done, if that is news."""
        tenant_id = self.org_id.uuid
        if self._done is None:  # it goes on where an earlier watcher stopped
            self._done = await self._done_at(batch, self.told or 0)
        async with self.store.pools.reading(self.org_id) as connection:
            counts = await count_succeeded_items(
                connection, tenant_id=tenant_id, batch_ids=[batch.id]
            )
        if counts.get(batch.id, 0) == self._done:
            return []
        done = await self._done_at(batch, head)
        if done == self._done:
            return []
        self._done = done
        return [Change(head, batch, Results(done, ()), is_progress=True)]

    async def _results(self, job: Job, position: int) -> Results:
        if job.items is None:
            return own_results(job)
        if job.is_ended:
            return await results_of(self.store, self.org_id, job, at=position)
        return Results(await self._done_at(job, position), ())

    async def _done_at(self, batch: Job, position: int) -> int:
        async with self.store.pools.reading(self.org_id) as connection:
            done = await list_succeeded_items(
                connection, tenant_id=self.org_id.uuid, batch_id=batch.id, at=position
            )
        return len(done)

    async def _job(self, version: int) -> Job:
        return await self.store.load(
            Job, org_id=self.org_id, stream_id=self.job_id.uuid, up_to=version
        )
