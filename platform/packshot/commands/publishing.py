"""Carrying out a publish: planned, told to the shop once, and looked at afterwards.

Whatever dies here, the next attempt goes on from what the log says. What the listing showed is in
the log before anything is sent; what may have been sent is looked at before it is sent again, under
the same key. What is recorded is recorded while the job is still held.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, InvalidInput, NotFound, Refusal, Unavailable
from domain.ids import PublishId
from domain.job import Job
from domain.listing import ListingPlan
from domain.publish import SENT, Publish
from integrations.channel import (
    AuthExpired,
    CatalogItem,
    Channel,
    ChannelError,
    OutcomeUnknown,
    PermissionMissing,
    Rejected,
    RemoteConflict,
    Vanished,
    Verdict,
)
from integrations.channel_errors import refusal_of_channel
from packshot.commands.errands import context_of, hold
from packshot.commands.listings import (
    port_plan,
    port_receipt,
    shown_images,
    stored_receipt,
    told_as_refusals,
)
from packshot.commands.publish_outcomes import shows_what_was_wanted, succeed
from packshot.commands.publish_plans import OpenChannel, Planner, drifted
from packshot.failpoints import failpoint
from packshot.store.events import EventStore
from packshot.store.jobqueue import Lease

# A shop that looks at a picture first is asked so often in one attempt.
PENDING_LOOKS = 10
PENDING_PAUSE_S = 2.0
# With these answers it is certain that the listing was not changed.
REFUSALS = (AuthExpired, PermissionMissing, Rejected, Vanished)


@dataclass(frozen=True, slots=True)
class Publishing:
    """The errand of jobs that carry out a publish; ``lease_s`` is how long a job is held."""

    store: EventStore
    planner: Planner
    open_channel: OpenChannel
    lease_s: float

    async def deliver(self, lease: Lease, job: Job) -> None:
        """Bring the publish of a job to its end, from wherever it stands.

        Raises the Refusal that ends the job, or postpones it.
        """
        publish = await self._publish_of(lease, job)
        if publish.job_id != lease.job_id or publish.is_settled:
            return  # another job has it, or it had ended and only the job was not told
        channel = await self.open_channel(lease.org_id, publish.wish.integration_id)
        with told_as_refusals():
            if publish.status in SENT:
                await self._look_again(lease, publish, channel)
            while not publish.is_settled:
                await self._go_on(lease, publish, channel)

    async def ending(self, lease: Lease, job: Job) -> Sequence[Aggregate]:
        """What ends with a job that did not succeed: its publish failed, or nobody knows."""
        if job.error is None:
            return ()
        publish = await self._publish_of(lease, job)
        if publish.job_id == lease.job_id:
            publish.give_up(_refusal_of(job), of=lease.correlation_id)
        return (publish,) if publish.pending_events else ()

    async def _go_on(self, lease: Lease, publish: Publish, channel: Channel) -> None:
        if publish.status == "queued":
            await self._plan(lease, publish, channel)
        elif publish.status == "processing":
            await self._see(lease, publish, channel)
        else:
            await self._send(lease, publish, channel)

    async def _look_again(self, lease: Lease, publish: Publish, channel: Channel) -> None:
        """See what came of an attempt that never said so: live, drifted, or nothing yet."""
        plan = _plan_of(publish)
        item = await channel.get_item(plan.item["remote_id"])
        if shows_what_was_wanted(publish, item):
            await self._succeed(lease, publish, item)
        elif publish.status != "processing" and item.images_digest != plan.base_digest:
            await self._drift(lease, publish, item)

    async def _plan(self, lease: Lease, publish: Publish, channel: Channel) -> None:
        try:
            dry = await self.planner.plan(lease.org_id, publish.wish, channel=channel)
            if dry.issues:
                raise Rejected("The shop does not take the picture.", issues=dry.issues)
        except RemoteConflict:
            await self._drift(lease, publish, await self._item(publish, channel))
            return
        except (*REFUSALS, InvalidInput, NotFound) as refused:
            await self._fail(lease, publish, refused)
            raise
        publish.plan(dry.plan)
        await self._save(lease, publish)
        failpoint("publish.after_plan")

    async def _send(self, lease: Lease, publish: Publish, channel: Channel) -> None:
        plan = _plan_of(publish)
        blobs = await self.planner.blobs(lease.org_id, plan, publish.wish)
        publish.start()
        await self._save(lease, publish)
        failpoint("publish.after_start")
        try:
            receipt = await channel.apply(
                port_plan(plan), blobs, idempotency_key=publish.idempotency_key
            )
        except RemoteConflict:
            await self._plan_again_or_drift(lease, publish, channel)
            return
        except REFUSALS as refused:
            await self._fail(lease, publish, refused)
            raise
        except OutcomeUnknown as unknown:
            publish.doubt(refusal_of_channel(unknown), of=lease.correlation_id)
            await self._save(lease, publish)
            raise
        failpoint("publish.after_remote_before_mark")
        publish.submit(stored_receipt(receipt), pending=receipt.pending)
        await self._save(lease, publish)
        failpoint("publish.after_mark")

    async def _plan_again_or_drift(self, lease: Lease, publish: Publish, channel: Channel) -> None:
        """Somebody was quicker, and nothing was done: it is planned for the listing as it is now.

        A plan that somebody approved, and an undo, are for the listing as it was: that one drifted.
        """
        if publish.may_plan_again:
            await self._plan(lease, publish, channel)
        else:
            await self._drift(lease, publish, await self._item(publish, channel))

    async def _see(self, lease: Lease, publish: Publish, channel: Channel) -> None:
        """Read the listing, once the shop has decided: it shows what was wanted, or it drifted."""
        await self._decided(lease, publish, channel)
        item = await self._item(publish, channel)
        if shows_what_was_wanted(publish, item):
            await self._succeed(lease, publish, item)
        else:
            await self._drift(lease, publish, item)

    async def _decided(self, lease: Lease, publish: Publish, channel: Channel) -> None:
        """Return when the shop has decided; raises Unavailable while it looks at the picture."""
        receipt = port_receipt(publish.receipt or {})
        if not receipt.pending:
            return
        for look in range(PENDING_LOOKS):
            verdict, issues = await channel.check(receipt)
            if verdict is Verdict.REJECTED:
                rejected = Rejected("The shop refused the picture.", issues=issues)
                await self._fail(lease, publish, rejected)
                raise rejected
            if verdict is not Verdict.PENDING:
                return
            if look + 1 < PENDING_LOOKS:
                await asyncio.sleep(PENDING_PAUSE_S)
        raise Unavailable("timeout", "The shop has not decided yet; it is asked again later.")

    async def _succeed(self, lease: Lease, publish: Publish, item: CatalogItem) -> None:
        await self._save(lease, *await succeed(self.store, lease.org_id, publish, item))

    async def _fail(self, lease: Lease, publish: Publish, refused: ChannelError | Refusal) -> None:
        reason = refusal_of_channel(refused) if isinstance(refused, ChannelError) else refused
        publish.fail(reason, of=lease.correlation_id)
        await self._save(lease, publish)

    async def _drift(self, lease: Lease, publish: Publish, item: CatalogItem) -> None:
        """Record the drift and end the job with it: raises RemoteConflict."""
        publish.drift(digest=item.images_digest, found=shown_images(item))
        await self._save(lease, publish)
        raise drifted(item)

    async def _item(self, publish: Publish, channel: Channel) -> CatalogItem:
        return await channel.get_item(publish.wish.target.listing)

    async def _save(self, lease: Lease, *aggregates: Aggregate) -> None:
        """Append while the job is held; raises LeaseLost, and Unavailable to look again later."""
        try:
            async with self.store.together() as unit:
                await hold(unit, lease, lease_s=self.lease_s)
                await self.store.save(context_of(lease), *aggregates)
        except Conflict:
            raise Unavailable(
                "overloaded", "Somebody looked after this publish at the same time."
            ) from None

    async def _publish_of(self, lease: Lease, job: Job) -> Publish:
        publish_id = PublishId.parse(job.recipe["publishId"])
        return await self.store.load(Publish, org_id=lease.org_id, stream_id=publish_id.uuid)


def _plan_of(publish: Publish) -> ListingPlan:
    assert publish.planned is not None
    return publish.planned


def _refusal_of(job: Job) -> Refusal:
    error = job.error or {}
    names = ("fix", "param", "allowed")
    return Refusal(error["code"], error["detail"], **{name: error.get(name) for name in names})
