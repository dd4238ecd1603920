"""One attempt at a job by a worker: leased, made, and recorded under the lease's token.

Whatever dies here, the job is not lost and not done twice: the lease runs out and the next worker
takes it, and the end of a job is recorded only by whoever still holds its lease, in the transaction
that gives the lease up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import uniform
from typing import Any

import structlog

from domain.errors import Conflict, InvalidImage, NotFound, Refusal, Unavailable
from domain.ids import JobId, OrgId
from domain.job import MOST_LOSSES, MOST_TRIES, Cost, Job
from domain.output import Output
from imaging.operations import read_recipe
from packshot.commands.batch_progress import Ended, begin_with, end_with
from packshot.commands.downloads import Downloads
from packshot.commands.errands import Ending, Errand, LeaseLost, context_of
from packshot.commands.making import Made, Maker, Photo, Wish
from packshot.failpoints import failpoint
from packshot.render.refusals import RendererLost
from packshot.store import deliveries, jobqueue
from packshot.store.blobs import Blobs
from packshot.store.events import EventStore
from packshot.store.jobqueue import LaneTaken, Lease
from packshot.store.wake import Waker

FIRST_BACKOFF_S = 2.0
LONGEST_ASKED_WAIT_S = 3600.0
RENEWALS_A_LEASE = 3
# A finished picture is worth waiting for a database that is away.
RECORD_WITHIN_S = 300.0
RECORD_AGAIN_AFTER_S = 1.0
HAND_BACK_WITHIN_S = 5.0
PUT_OFF_S = 60.0
# A job whose lane is taken looks again after this; most of a lane's jobs take about a second.
LANE_PAUSE_S = 1.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Done:
    """What an attempt came to: the outputs of a picture's job, nothing of an errand."""

    outputs: list[Output]
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Attempts:
    """The use case of workers.

    A job is a picture to be made, unless ``errands`` knows its operation; ``endings`` say what else
    ends with such a job.
    """

    store: EventStore
    blobs: Blobs
    maker: Maker
    downloads: Downloads
    waker: Waker
    clock: Callable[[], datetime]
    lease_s: float
    errands: Mapping[str, Errand] = field(default_factory=dict)
    endings: Mapping[str, Ending] = field(default_factory=dict)
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)

    async def attempt(self, org_id: OrgId, job_id: JobId) -> None:
        """Do the job if it is still to be done; its end or its next attempt is recorded.

        Raises Unavailable when the database is away before the attempt began; the relay sends the
        job again.
        """
        task = asyncio.current_task()
        assert task is not None
        self.under_way.add(task)
        try:
            begun = await self._begin_or_put_off(org_id, job_id)
            if begun is not None:
                await self._go_on(*begun)
        finally:
            self.under_way.discard(task)

    async def _go_on(self, lease: Lease, job: Job) -> None:
        failpoint("worker.after_claim")
        try:
            await self._work(lease, job)
        except LeaseLost:
            log.warning("lease_lost", job=str(lease.job_id))
        except asyncio.CancelledError:
            with suppress(LeaseLost):
                await self._postpone(lease, _shut_down(), cost="nothing")
            raise

    async def hand_back(self) -> None:
        """Stop every attempt and let another worker go on with its job.

        A database that is away is waited for 5 s; then the leases run out by themselves.
        """
        for _stopped_and_then_cut in range(2):
            for task in self.under_way:
                task.cancel()
            if self.under_way:
                await asyncio.wait(self.under_way, timeout=HAND_BACK_WITHIN_S)

    async def _begin_or_put_off(self, org_id: OrgId, job_id: JobId) -> tuple[Lease, Job] | None:
        """Begin, or have a job that cannot be begun make room for others (a closed log, a fault).

        Four jobs that stay with the broker would be all that the relay sends.
        """
        try:
            return await self._begin(org_id, job_id)
        except (Unavailable, Conflict):
            raise  # the relay sends it again
        except LaneTaken:
            await self._put_off(org_id, job_id, wait_s=LANE_PAUSE_S)
            return None
        except Exception:
            await self._put_off(org_id, job_id, wait_s=PUT_OFF_S)
            raise

    async def _put_off(self, org_id: OrgId, job_id: JobId, *, wait_s: float) -> None:
        async with self.store.pools.writing() as connection:
            await jobqueue.put_off(connection, org_id, job_id, wait_s=wait_s)

    async def _begin(self, org_id: OrgId, job_id: JobId) -> tuple[Lease, Job] | None:
        """Lease the job and record that an attempt began; None when there is nothing to do."""
        async with self.store.together() as unit:
            connection = await unit.connection()
            lease = await jobqueue.lease(connection, org_id, job_id, lease_s=self.lease_s)
            if lease is None:
                return None
            job = await self.store.load(Job, org_id=org_id, stream_id=job_id.uuid)
            if job.status == "running":  # its last worker never said how it ended
                job.interrupt()
            if job.is_spent:
                await self._end(lease, job, lambda: job.fail(_spent(job), of=lease.correlation_id))
                return None
            job.start()
            batch = await begin_with(self.store, connection, org_id, job)
            await self.store.save(context_of(lease), job, *batch)
        return lease, job

    async def _work(self, lease: Lease, job: Job) -> None:
        work = asyncio.create_task(self._done(lease, job))
        renewals = asyncio.create_task(self._renew(lease))
        try:
            await asyncio.wait({work, renewals}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise LeaseLost
            await self._settle(lease, work)
        finally:
            for task in (work, renewals):
                task.cancel()
            await asyncio.gather(work, renewals, return_exceptions=True)

    async def _settle(self, lease: Lease, work: "asyncio.Task[Done]") -> None:
        """Record what became of the attempt; raises LeaseLost when its errand has noticed that."""
        try:
            done = work.result()
        except LeaseLost:
            raise
        except RendererLost as lost:
            await self._postpone(lease, lost, cost="renderer")
        except Refusal as refusal:
            if refusal.retryable:
                await self._postpone(lease, refusal)
            else:
                await self._fail(lease, refusal)
        except Exception as error:
            log.exception("job_attempt_broke", job=str(lease.job_id), exc_info=error)
            await self._postpone(lease, _broken())
        else:
            failpoint("worker.before_done")
            await self._record(
                lease, lambda job: job.succeed(done.outputs, cached=done.cached), succeeded=True
            )

    async def _done(self, lease: Lease, job: Job) -> Done:
        errand = self.errands.get(job.operation)
        if errand is not None:
            await errand(lease, job)
            return Done([])
        made = await self._made(lease, job)
        return Done([made.output], cached=made.cached)

    async def _made(self, lease: Lease, job: Job) -> Made:
        recipe = read_recipe(job.operation, job.recipe)
        wish = Wish(recipe, job.preset_label, job.sku, job.client_ref)
        photo = await self._photo(lease, job)
        try:
            found = await self.maker.find(lease.org_id, self.maker.key(photo, wish))
            if found is not None:
                return Made(found, cached=True)
            made = await self.maker.make(
                lease.org_id, photo, wish, source=photo.path, job_id=lease.job_id
            )
            failpoint("worker.after_blob_put")
            return made
        finally:
            self.blobs.discard(photo.path)

    async def _photo(self, lease: Lease, job: Job) -> Photo:
        """The job's picture in a file of our own; raises NotFound when its bytes are lost."""
        if lease.input_url is not None:
            return await self.downloads.fetch(lease.input_url)
        sha256, size_bytes = job.input_sha256 or "", job.input_bytes or 0
        try:
            own = self.blobs.borrow(self.blobs.path(lease.org_id, sha256))
        except (OSError, ValueError):
            raise NotFound(
                "not_found",
                "The bytes of this job's picture are no longer kept.",
                fix="Send the picture again as a new job.",
            ) from None
        return Photo(own, sha256, size_bytes)

    async def _renew(self, lease: Lease) -> None:
        """Renew until the lease is lost; a database that is away decides nothing."""
        while True:
            await asyncio.sleep(self.lease_s / RENEWALS_A_LEASE)
            with suppress(Unavailable):
                async with self.store.pools.writing() as connection:
                    if not await jobqueue.renew(connection, lease, lease_s=self.lease_s):
                        return

    async def _postpone(self, lease: Lease, reason: Refusal, *, cost: Cost = "try") -> None:
        """Have the job tried again later, or end it when this was its last try."""

        async def once() -> None:
            async with self.store.together() as unit:
                job = await self._load(lease)
                if cost == "renderer" and job.losses_left <= 1:
                    dead = _dead(job)
                    await self._end(lease, job, lambda: job.fail(dead, of=lease.correlation_id))
                elif cost == "try" and job.tries_left <= 0:
                    await self._end(lease, job, lambda: job.fail(reason, of=lease.correlation_id))
                else:
                    wait_s = 0.0 if cost == "nothing" else _wait_s(job, reason)
                    not_before = self.clock() + timedelta(seconds=wait_s)
                    connection = await unit.connection()
                    if not await jobqueue.give_back(connection, lease, not_before=not_before):
                        raise LeaseLost
                    job.postpone(reason, not_before=not_before, cost=cost)
                    await self.store.save(context_of(lease), job)
                    unit.afterwards(lambda: self.waker.touched("jobs", str(lease.job_id)))

        await _persistently(once)

    async def _fail(self, lease: Lease, reason: Refusal) -> None:
        await self._record(
            lease, lambda job: job.fail(reason, of=lease.correlation_id), succeeded=False
        )

    async def _record(self, lease: Lease, verb: Callable[[Job], None], *, succeeded: bool) -> None:
        async def once() -> None:
            async with self.store.together():
                job = await self._load(lease)
                await self._end(lease, job, lambda: verb(job), succeeded=succeeded)

        await _persistently(once)
        failpoint("worker.after_done_before_ack")

    async def _load(self, lease: Lease) -> Job:
        return await self.store.load(Job, org_id=lease.org_id, stream_id=lease.job_id.uuid)

    async def _end(
        self, lease: Lease, job: Job, verb: Callable[[], None], *, succeeded: bool = False
    ) -> None:
        """Give the lease up and record the job's end, in the unit of work that is open."""
        async with self.store.together() as unit:
            connection = await unit.connection()
            leave = jobqueue.leave if succeeded else jobqueue.end
            if not await leave(connection, lease):
                raise LeaseLost
            verb()
            ended = [Ended(job, lease.webhook_url)]
            batch = await end_with(self.store, connection, lease.org_id, job)
            if batch is not None:
                ended.append(batch)
            also = self.endings.get(job.operation)
            others = () if also is None else await also(lease, job)
            # The job last: its webhook is named after the newest event.
            jobs = (one.job for one in ended)
            head = await self.store.save(context_of(lease), *others, *jobs)
            newest = ended[-1]  # an item itself has no webhook
            if newest.webhook_url is not None:
                await deliveries.put(connection, head, job=newest.job, url=newest.webhook_url)
            unit.afterwards(lambda: self._tell_ended(ended))

    def _tell_ended(self, ended: Sequence[Ended]) -> None:
        for one in ended:
            job_id = str(one.job.job_id)
            self.waker.touched("ended", job_id)
            self.waker.touched("jobs", job_id)
            if one.webhook_url is not None:  # else the senders would look in vain
                self.waker.touched("deliveries", job_id)


async def _persistently(once: Callable[[], Awaitable[None]]) -> None:
    """Try again while the database is away; raises LeaseLost, or Unavailable at the very end."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + RECORD_WITHIN_S
    while True:
        try:
            return await once()
        except Unavailable:
            if loop.time() > until_s:
                raise
            await asyncio.sleep(RECORD_AGAIN_AFTER_S)


def _wait_s(job: Job, reason: Refusal) -> float:
    """Full jitter, and no less than was asked for.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    asked = reason.headers.get("retry-after", "0")
    asked_s = min(float(asked), LONGEST_ASKED_WAIT_S) if asked.isdecimal() else 0.0
    backoff_s = FIRST_BACKOFF_S * 2 ** min(job.attempt, MOST_TRIES)
    return asked_s + uniform(0, backoff_s)  # noqa: S311 - no secret


def _spent(job: Job) -> Refusal:
    """Why a job that has no attempt left is given up: what became of the last one is not known."""
    if job.losses_left <= 0:
        return _dead(job)
    return _dead(job, f"a worker or renderer was lost in the last of {MOST_TRIES} attempts")


def _dead(job: Job, how: str = f"{MOST_LOSSES} workers or renderers were lost over it") -> Refusal:
    detail = f"The job was given up: {how}."
    if job.input_sha256 is None and job.input_address is None:
        fix = "Find out what takes the workers down, then ask for it again."
        return Refusal("job_dead", detail, fix=fix)
    return InvalidImage(
        "job_dead",
        detail,
        param="image",
        fix="Open the picture in an editor, save it anew, and send it as a new job.",
    )


def _shut_down() -> Refusal:
    return Unavailable("overloaded", "The worker was shut down; another one goes on.")


def _broken() -> Refusal:
    return Unavailable(
        "internal",
        "Something failed on our side; it is in the log under this job's id.",
        fix="Retry the job; if it fails again, report its id.",
    )
