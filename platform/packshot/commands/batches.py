"""Batches as callers know them: many pictures asked for, called off and tried again as one job."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.errors import Conflict, InvalidInput
from domain.ids import JobId, OrgId
from domain.job import Job
from domain.recorded import Context
from packshot.commands.making import Photo, Wish
from packshot.commands.plans import Changed, Link, Plan
from packshot.commands.requests import requested_batch, requested_job, without_query
from packshot.failpoints import failpoint
from packshot.store import batches, deliveries, jobqueue
from packshot.store.events import EventStore
from packshot.store.jobqueue import Ticket
from packshot.store.wake import Waker
from projections.items import list_items, list_items_of_status

MOST_ITEMS = 1000
AT_A_STRETCH = 50  # aggregates made before other requests have their turn: some 3 ms
UNENDED = ("queued", "running")
UNSUCCESSFUL = ("failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Item:
    """One picture of a batch and what is asked of it; a photo's bytes are in the store already."""

    source: Photo | Link
    wish: Wish


@dataclass(frozen=True, slots=True)
class Batches:
    """The use cases of batches."""

    store: EventStore
    waker: Waker

    async def request(
        self, context: Context, items: Sequence[Item], shared: Wish, *, plan: Plan
    ) -> Changed:
        """Ask for a batch: its events, those of its items and their places become true together."""
        batch = requested_batch(JobId.new(), shared, items=len(items))
        batch.queue(priority=plan.priority, not_before=plan.not_before)
        jobs = [batch]
        tickets = []
        for number, item in enumerate(items):
            if number % AT_A_STRETCH == 0:
                await asyncio.sleep(0)
            job = _requested_item(batch, item)
            job.queue(priority=plan.priority, not_before=plan.not_before)
            jobs.append(job)
            tickets.append((job.job_id, _ticket(context, item, plan)))
        async with self.store.together() as unit:
            connection = await unit.connection()
            await jobqueue.put_many(connection, context.org_id, tickets)
            await batches.put(
                connection,
                context.org_id,
                batch.job_id,
                items=len(items),
                correlation_id=context.correlation_id,
                webhook_url=shared.webhook_url,
            )
            head = await self.store.save(context, *jobs)
            failpoint("job.before_commit")
        failpoint("job.after_commit")
        self.store.when_true(lambda: self.waker.touched("jobs", str(batch.job_id)))
        return Changed(batch, head)

    async def list_items(
        self, org_id: OrgId, job: Job, *, after: UUID | None, limit: int, at: int | None = None
    ) -> list[Job]:
        """The jobs that work on a job's items, in order; of one picture it is the job itself.

        They are as of a position of the log, None: today. Items begin together with their batch.
        """
        if job.items is None:
            return [job] if after is None else []
        async with self.store.pools.reading(org_id) as connection:
            ids = await list_items(
                connection, tenant_id=org_id.uuid, batch_id=job.id, after=after, limit=limit
            )
        return await self.store.load_many(Job, org_id=org_id, stream_ids=ids, at=at)

    async def cancel(self, context: Context, batch_id: JobId) -> Changed:
        """Call off a batch and all its items that have not ended; raises Conflict after its end."""
        async with self.store.together() as unit:
            connection = await unit.connection()
            org_id = context.org_id
            ids = await self._items(org_id, batch_id, UNENDED)
            stopped = await jobqueue.call_off_many(connection, org_id, ids)
            tally = await batches.count(connection, org_id, batch_id, cancelled=len(stopped))
            batch, items = await self._load(org_id, batch_id, stopped)
            batch.cancel()
            if tally is None or tally.items_left > 0:
                raise Conflict(
                    "version_conflict",
                    "The batch was asked for again at the same time.",
                    fix="Read it again and repeat the change.",
                )
            for item in items:
                item.cancel()
            head = await self.store.save(context, *items, batch)
            if tally.webhook_url is not None:
                await deliveries.put(connection, head, job=batch, url=tally.webhook_url)
        self.store.when_true(lambda: self._tell_ended(batch_id))
        return Changed(batch, head)

    async def retry(self, context: Context, batch_id: JobId) -> Changed:
        """Queue the items that did not succeed once more; raises Conflict before the end."""
        async with self.store.together() as unit:
            connection = await unit.connection()
            org_id = context.org_id
            ids = await self._items(org_id, batch_id, UNSUCCESSFUL)
            back = await jobqueue.put_back_many(connection, org_id, ids)
            expected = await batches.reopen(connection, org_id, batch_id)
            batch, items = await self._load(org_id, batch_id, back)
            batch.retry()
            if len(back) != expected or expected == 0:
                raise Conflict(
                    "already_terminal",
                    "The batch ended too long ago to be tried again.",
                    fix="Send its pictures again as a new job.",
                )
            for item in items:
                item.retry()
            head = await self.store.save(context, *items, batch)
        self.store.when_true(lambda: self.waker.touched("jobs", str(batch_id)))
        return Changed(batch, head)

    async def _items(self, org_id: OrgId, batch_id: JobId, statuses: Sequence[str]) -> list[UUID]:
        async with self.store.pools.reading(org_id) as connection:
            return await list_items_of_status(
                connection, tenant_id=org_id.uuid, batch_id=batch_id.uuid, statuses=statuses
            )

    async def _load(
        self, org_id: OrgId, batch_id: JobId, item_ids: Sequence[UUID]
    ) -> tuple[Job, list[Job]]:
        """The batch and these items, as they are once their rows are held."""
        batch = await self.store.load(Job, org_id=org_id, stream_id=batch_id.uuid)
        return batch, await self.store.load_many(Job, org_id=org_id, stream_ids=item_ids)

    def _tell_ended(self, batch_id: JobId) -> None:
        self.waker.touched("ended", str(batch_id))
        self.waker.touched("deliveries", str(batch_id))


def refuse_item(job: Job, verb: str) -> None:
    """Raise InvalidInput for a job that is an item of a batch: its batch is the one to change."""
    if job.batch_id is not None:
        raise InvalidInput(
            "invalid_parameter",
            f"This job is an item of the batch {job.batch_id} and is not {verb} alone.",
            param="jobId",
            fix=f"Use jobId={job.batch_id}.",
        )


def _requested_item(batch: Job, item: Item) -> Job:
    photo = item.source if isinstance(item.source, Photo) else None
    address = None if isinstance(item.source, Photo) else without_query(item.source.url)
    return requested_job(
        JobId.new(), item.wish, photo=photo, address=address, batch_id=batch.job_id
    )


def _ticket(context: Context, item: Item, plan: Plan) -> Ticket:
    return Ticket(
        priority=plan.priority,
        not_before=plan.not_before,
        correlation_id=context.correlation_id,
        input_url=item.source.url if isinstance(item.source, Link) else None,
        webhook_url=None,  # the batch's row has it
    )
