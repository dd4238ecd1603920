"""Jobs as callers know them: asked for, read, waited for, called off, tried again."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import JobId, OrgId
from domain.job import Job
from domain.recorded import Context
from packshot.commands.batches import Batches, refuse_item
from packshot.commands.making import Photo, Wish
from packshot.commands.plans import Changed, Link, Plan
from packshot.commands.requests import PUBLISH, requested_job, without_query
from packshot.commands.results import Results, results_of, results_without_outputs
from packshot.failpoints import failpoint
from packshot.store import deliveries, jobqueue
from packshot.store.blobs import Blobs
from packshot.store.endings import Endings
from packshot.store.events import EventStore
from packshot.store.jobqueue import Ticket
from packshot.store.wake import Waker
from projections.jobs import JobFilter, count_jobs, list_jobs
from projections.past_jobs import count_jobs_at, list_jobs_at

__all__ = ["Changed", "Jobs", "Link", "Listed", "Plan", "no_such_job"]

LOOK_EVERY_S = 1.0  # while waiting: an ending that was not heard of is seen


@dataclass(frozen=True, slots=True)
class Listed:
    """Jobs of one page, and how many match in all (counting may have stopped earlier).

    ``results`` says by each job's id what it has to show; of batches without their outputs.
    """

    jobs: list[Job]
    total: int
    results: Mapping[UUID, Results]


@dataclass(frozen=True, slots=True)
class Jobs:
    """The use cases of jobs."""

    store: EventStore
    blobs: Blobs
    waker: Waker
    endings: Endings

    @property
    def batches(self) -> Batches:
        """The use cases of jobs that have items."""
        return Batches(self.store, self.waker)

    async def request(
        self, context: Context, source: Photo | Link, wish: Wish, *, plan: Plan
    ) -> Changed:
        """Ask for a job: its events and its place in the queue become true together.

        A photo's bytes are in the store before anything names them; the caller keeps its file.
        """
        if isinstance(source, Photo):
            own = self.blobs.borrow(source.path)
            try:
                await self.blobs.keep(context.org_id, own, sha256=source.sha256)
            finally:
                self.blobs.discard(own)
            job = requested_job(JobId.new(), wish, photo=source, address=source.address)
        else:
            address = without_query(source.url)
            job = requested_job(JobId.new(), wish, photo=None, address=address)
        job.queue(priority=plan.priority, not_before=plan.not_before)
        ticket = Ticket(
            priority=plan.priority,
            not_before=plan.not_before,
            correlation_id=context.correlation_id,
            input_url=source.url if isinstance(source, Link) else None,
            webhook_url=wish.webhook_url,
        )
        async with self.store.together() as unit:
            head = await self.store.save(context, job)
            await jobqueue.put(await unit.connection(), context.org_id, job.job_id, ticket)
            failpoint("job.before_commit")
        failpoint("job.after_commit")
        self.store.when_true(lambda: self.waker.touched("jobs", str(job.job_id)))
        return Changed(job, head)

    async def find(self, org_id: OrgId, job_id: JobId, *, at: int | None = None) -> Job:
        """The job, today or as of a position of the log.

        Raises NotFound, also for another organization's and for one not asked for yet.
        """
        try:
            return await self.store.load(Job, org_id=org_id, stream_id=job_id.uuid, at=at)
        except NotFound:
            raise no_such_job() from None

    async def results(self, org_id: OrgId, job: Job, *, at: int | None = None) -> Results:
        """What the job has to show, now or as of a position of the log."""
        return await results_of(self.store, org_id, job, at=at)

    async def wait(self, org_id: OrgId, job_id: JobId, *, at_most_s: float) -> Job:
        """The job once it has ended, or as it is after ``at_most_s`` seconds.

        Of more waiters than a process has patience for, the last ones do not wait at all.
        """
        if at_most_s <= 0 or self.endings.is_full:
            return await self.find(org_id, job_id)
        loop = asyncio.get_running_loop()
        until_s = loop.time() + at_most_s
        with self.endings.watched(job_id) as ended:
            while True:
                job = await self.find(org_id, job_id)
                left_s = until_s - loop.time()
                if job.is_ended or left_s <= 0 or self.endings.has_given_up:
                    return job
                await ended.within(min(left_s, LOOK_EVERY_S))

    async def list(
        self,
        org_id: OrgId,
        wanted: JobFilter,
        *,
        before: UUID | None,
        limit: int,
        count_at_most: int | None,
        at: int | None = None,
    ) -> Listed:
        """The newest jobs first, today or as of a position of the log.

        Counting all that match stops at ``count_at_most``.
        """
        tenant_id = org_id.uuid
        find = list_jobs if at is None else partial(list_jobs_at, at=at)
        count = count_jobs if at is None else partial(count_jobs_at, at=at)
        async with self.store.pools.reading(org_id) as connection:
            ids = await find(
                connection, tenant_id=tenant_id, wanted=wanted, before=before, limit=limit
            )
            total = await count(
                connection, tenant_id=tenant_id, wanted=wanted, at_most=count_at_most
            )
        jobs = await self.store.load_many(Job, org_id=org_id, stream_ids=ids, at=at)
        results = await results_without_outputs(self.store, org_id, jobs, at=at)
        return Listed(jobs, total, results)

    async def cancel(self, context: Context, job_id: JobId) -> Changed:
        """Call a job off, also one that is being worked on; raises Conflict when it has ended.

        A batch is called off with its items; one item alone is refused as InvalidInput.
        """
        known = await self.find(context.org_id, job_id)
        refuse_item(known, "cancelled")
        _refuse_publish(known, "cancelled")
        if known.items is not None:
            return await self.batches.cancel(context, job_id)
        async with self.store.together() as unit:
            connection = await unit.connection()
            webhook_url = await jobqueue.call_off(connection, context.org_id, job_id)
            job = await self.find(context.org_id, job_id)
            job.cancel()
            head = await self.store.save(context, job)
            if webhook_url is not None:
                await deliveries.put(connection, head, job=job, url=webhook_url)
        self.store.when_true(lambda: self._tell_ended(job_id))
        return Changed(job, head)

    async def retry(self, context: Context, job_id: JobId) -> Changed:
        """Queue a job that failed or was cancelled once more; raises Conflict for any other.

        Of a batch, the items that did not succeed; one item alone is refused as InvalidInput.
        """
        known = await self.find(context.org_id, job_id)
        refuse_item(known, "retried")
        _refuse_publish(known, "retried")
        if known.items is not None:
            return await self.batches.retry(context, job_id)
        async with self.store.together() as unit:
            is_back = await jobqueue.put_back(await unit.connection(), context.org_id, job_id)
            job = await self.find(context.org_id, job_id)
            job.retry()
            if not is_back:
                raise Conflict(
                    "already_terminal",
                    "The job ended too long ago to be tried again.",
                    fix="Send its picture again as a new job.",
                )
            head = await self.store.save(context, job)
        self.store.when_true(lambda: self.waker.touched("jobs", str(job_id)))
        return Changed(job, head)

    def _tell_ended(self, job_id: JobId) -> None:
        self.waker.touched("ended", str(job_id))
        self.waker.touched("deliveries", str(job_id))


def _refuse_publish(job: Job, verb: str) -> None:
    """Raise InvalidInput for a job that carries out a publish: that one is the one to change."""
    if job.operation == PUBLISH:
        raise InvalidInput(
            "invalid_parameter",
            f"This job carries out the publish {job.recipe['publishId']} and is not {verb} alone.",
            param="jobId",
            fix="Retry that publish, or take it back.",
        )


def no_such_job() -> NotFound:
    """The refusal of a job id that names nothing in the caller's organization."""
    return NotFound("not_found", "There is no such job.", fix="Check the jobId.")
