"""Publishes as callers know them: planned, asked for, read, checked, tried again, taken back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain.connection import Connection
from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import IntegrationId, JobId, OrgId, PublishId
from domain.job import Job
from domain.listing import Image, Wish
from domain.publish import Publish
from domain.recorded import Actor, Context
from imaging.compliance import Report
from imaging.rulesets import Slot
from integrations.channel import CatalogItem, Channel
from packshot.commands.compliance import Compliance
from packshot.commands.listings import shown_images, told_as_refusals
from packshot.commands.publish_outcomes import compare
from packshot.commands.publish_plans import DryRun, OpenChannel, Planner
from packshot.commands.requests import requested_publish
from packshot.commands.shops import Shops
from packshot.store import jobqueue
from packshot.store.events import EventStore
from packshot.store.head import LogHead
from packshot.store.jobqueue import Ticket
from packshot.store.wake import Waker
from projections.histories import find_beginners
from projections.publishes import (
    PublishFilter,
    count_publishes,
    list_publishes,
)

# The marketplace whose rules count for the shops of a kind.
RULES_OF = {"amazon-bridge": "amazon"}


@dataclass(frozen=True, slots=True)
class Published:
    """A publish after a command, and the head of the log that says so; None: nothing was said.

    ``report`` is what the channel's rules say of the picture, where that was asked for.
    """

    publish: Publish
    actor: Actor
    head: LogHead | None = None
    report: Report | None = None


@dataclass(frozen=True, slots=True)
class Verified(Published):
    """A publish after its listing was read again: whether it shows what was wanted, and what."""

    is_as_wanted: bool = False
    found: Sequence[Image] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """Publishes of one page with who asked for each, and how many match in all."""

    publishes: Sequence[Publish]
    actors: Mapping[UUID, Actor]
    total: int


@dataclass(frozen=True, slots=True)
class Addresses:
    """What shops tell as addresses of pictures, as ones that can be followed."""

    connections: Mapping[IntegrationId, Connection]
    shops: Shops

    def of(self, wish: Wish, told: str | None) -> str | None:
        """The address; None where the shop has none today."""
        connection = self.connections.get(wish.integration_id)
        return None if connection is None else self.shops.address(connection, told)


@dataclass(frozen=True, slots=True)
class Publishes:
    """The use cases of publishes."""

    store: EventStore
    planner: Planner
    open_channel: OpenChannel
    shops: Shops
    waker: Waker
    compliance: Compliance

    async def plan(self, org_id: OrgId, wish: Wish) -> tuple[DryRun, Report | None]:
        """What a publish would do now, and what the rules say of its picture.

        Nothing is written, neither here nor at the shop.

        Raises NotFound, InvalidInput, Conflict (publish_drifted), and the refusals of a shop
        (channel_rejected, channel_unreachable).
        """
        channel = await self.open_channel(org_id, wish.integration_id)
        with told_as_refusals():
            dry = await self.planner.plan(org_id, wish, channel=channel)
        return dry, await self._report(org_id, wish, channel)

    async def request(self, context: Context, wish: Wish) -> Published:
        """Ask for a publish: its events, its job and the job's place in the queue are one.

        Raises NotFound for an integration or an output that is not there, and InvalidInput
        (compliance_failed) for a picture that breaks a required rule where that is to block it.
        """
        org_id, report = context.org_id, None
        channel = await self.open_channel(org_id, wish.integration_id)  # it is there, and connected
        if wish.output_id is not None:
            photo = await self.planner.images.photo_of_output(org_id, wish.output_id)
            wish = replace(wish, output_sha256=photo.sha256)
        if wish.require_compliance != "off":
            report = await self._report(org_id, wish, channel)
        if report is not None and wish.require_compliance == "block":
            _refuse_broken(report)
        return replace(await self._queue(context, PublishId.new(), wish), report=report)

    async def find(self, org_id: OrgId, publish_id: PublishId) -> Published:
        """The publish and who asked for it; raises NotFound, also for another organization's."""
        publish = await self._load(org_id, publish_id)
        actors = await self._actors(org_id, [publish])
        return Published(publish, actors[publish.id])

    async def list(
        self,
        org_id: OrgId,
        wanted: PublishFilter,
        *,
        before: UUID | None,
        limit: int,
        count_at_most: int | None,
    ) -> Found:
        """The newest publishes first; counting all that match stops at ``count_at_most``."""
        tenant_id = org_id.uuid
        async with self.store.pools.reading(org_id) as connection:
            ids = await list_publishes(
                connection, tenant_id=tenant_id, wanted=wanted, before=before, limit=limit
            )
            total = await count_publishes(
                connection, tenant_id=tenant_id, wanted=wanted, at_most=count_at_most
            )
        publishes = await self.store.load_many(Publish, org_id=org_id, stream_ids=ids)
        return Found(publishes, await self._actors(org_id, publishes), total)

    async def addresses(self, org_id: OrgId, wishes: Iterable[Wish]) -> Addresses:
        """The addresses of the pictures of these wishes' shops, also of those that are over."""
        ids = {wish.integration_id.uuid for wish in wishes}
        known = await self.store.load_many(Connection, org_id=org_id, stream_ids=sorted(ids))
        return Addresses({one.integration_id: one for one in known}, self.shops)

    async def rollback(self, context: Context, publish_id: PublishId) -> Published:
        """Ask for the undo of a publish: a publish of the exact pictures that were there before.

        Raises Conflict: publish_drifted when the listing is not as the publish left it,
        already_terminal when it was taken back already or never was live.
        """
        original = await self._load(context.org_id, publish_id)
        earlier = await self._earlier_undo(context.org_id, original)
        undo_id = PublishId.new()
        original.request_undo(by=undo_id, earlier=None if earlier is None else earlier.status)
        item = await self._item(context.org_id, original)
        if item.images_digest != original.digest:
            raise Conflict(
                "publish_drifted",
                "The listing is not as this publish left it: somebody changed it since.",
                fix="Look at the listing, and publish what it is to show.",
            )
        return await self._queue(context, undo_id, _undo_of(original), original)

    async def plan_undo(self, org_id: OrgId, publish_id: PublishId) -> DryRun:
        """What taking a publish back would do now; writes nothing, neither here nor at the shop.

        Raises Conflict: publish_drifted when the listing is not as the publish left it,
        already_terminal when it never was live or was taken back; and the refusals of a shop.
        """
        original = await self._load(org_id, publish_id)
        earlier = await self._earlier_undo(org_id, original)
        original.request_undo(
            by=PublishId.new(), earlier=None if earlier is None else earlier.status
        )  # asks whether it may; nothing is saved
        dry, _ = await self.plan(org_id, _undo_of(original))
        return dry

    async def verify(self, context: Context, publish_id: PublishId) -> Verified:
        """Look whether the listing still shows what was published, and record what changed.

        A live one may have drifted, a drifted one be as it was left again; one whose outcome was
        unknown may turn out to be live. Raises Conflict for one that never reached its listing.
        """
        org_id = context.org_id
        publish = await self._load(org_id, publish_id)
        if not (publish.after or publish.status == "unknown") or publish.status == "rolled_back":
            raise _not_to_be_verified(publish)
        item = await self._item(org_id, publish)
        changed = await compare(self.store, org_id, publish, item)
        head = await self.store.save(context, *changed) if changed else None
        actors = await self._actors(org_id, [publish])
        return Verified(
            publish,
            actors[publish.id],
            head,
            is_as_wanted=publish.status == "live",
            found=shown_images(item),
        )

    async def retry(self, context: Context, publish_id: PublishId) -> Published:
        """Have a publish that failed, or whose outcome is unknown, carried out by another job.

        Raises Conflict for any other, and while its own job still tries by itself.
        """
        publish = await self._load(context.org_id, publish_id)
        job = await self.store.load(Job, org_id=context.org_id, stream_id=publish.job_id.uuid)
        new_job_id = JobId.new()
        publish.retry(new_job_id)
        if not job.is_ended:
            raise Conflict(
                "version_conflict",
                "Its job tries it again by itself.",
                fix=f"Read the job {publish.job_id} to see when.",
            )
        return await self._enqueue(context, publish, *await self._asked_again(context, publish))

    async def _report(self, org_id: OrgId, wish: Wish, channel: Channel) -> Report | None:
        """What the rules of the shop's marketplace say of the picture; None for a shop without."""
        rules = RULES_OF.get(channel.kind)
        if rules is None or wish.output_id is None:
            return None
        slot: Slot = "main" if wish.is_for_main else "additional"
        return await self.compliance.check_output(org_id, wish.output_id, channel=rules, slot=slot)

    async def _queue(
        self, context: Context, publish_id: PublishId, wish: Wish, *others: Publish
    ) -> Published:
        publish = Publish.request(publish_id, wish, job_id=JobId.new())
        return await self._enqueue(context, publish, *others)

    async def _enqueue(self, context: Context, publish: Publish, *others: Publish) -> Published:
        """Save the publish with a job that carries it out, queued."""
        job = requested_publish(publish)
        ticket = Ticket(
            job.priority or 0, None, context.correlation_id, None, None, lane=_lane_of(publish.wish)
        )
        async with self.store.together() as unit:
            head = await self.store.save(context, publish, job, *others)
            await jobqueue.put(await unit.connection(), context.org_id, job.job_id, ticket)
        self.store.when_true(lambda: self.waker.touched("jobs", str(job.job_id)))
        return Published(publish, context.actor, head)

    async def _asked_again(self, context: Context, retried: Publish) -> Sequence[Publish]:
        """What an undo that had failed takes back: it may have been given up for another undo."""
        if retried.wish.undo_of is None or retried.status != "queued":
            return []
        original = await self._load(context.org_id, retried.wish.undo_of)
        earlier = await self._earlier_undo(context.org_id, original)
        original.request_undo(
            by=retried.publish_id, earlier=None if earlier is None else earlier.status
        )
        return [original]

    async def _earlier_undo(self, org_id: OrgId, original: Publish) -> Publish | None:
        if original.undone_by is None:
            return None
        return await self._load(org_id, original.undone_by)

    async def _item(self, org_id: OrgId, publish: Publish) -> CatalogItem:
        channel = await self.open_channel(org_id, publish.wish.integration_id)
        with told_as_refusals():
            return await channel.get_item(publish.wish.target.listing)

    async def _load(self, org_id: OrgId, publish_id: PublishId) -> Publish:
        try:
            return await self.store.load(Publish, org_id=org_id, stream_id=publish_id.uuid)
        except NotFound:
            raise no_such_publish() from None

    async def _actors(self, org_id: OrgId, publishes: Sequence[Publish]) -> dict[UUID, Actor]:
        async with self.store.pools.reading(org_id) as connection:
            return await find_beginners(
                connection, tenant_id=org_id.uuid, stream_ids=[one.id for one in publishes]
            )


def _lane_of(wish: Wish) -> str:
    """What is published to one listing comes one after the other."""
    return f"publish:{wish.integration_id}:{wish.target.listing}"


def _undo_of(original: Publish) -> Wish:
    return replace(
        original.wish, output_id=None, output_sha256=None, base_digest=None,
        require_compliance="off", undo_of=original.publish_id,
    )  # fmt: skip


def no_such_publish() -> NotFound:
    """The refusal of a publish id that names nothing in the caller's organization."""
    return NotFound("not_found", "There is no such publish.", fix="Check the publishId.")


def _refuse_broken(report: Report) -> None:
    """Raise InvalidInput, naming each required rule that the picture breaks."""
    broken = [one for one in report.findings if one.status == "fail"]
    if not broken:
        return
    told = "; ".join(f"{one.rule.id}: {one.measured}, wanted {one.expected}" for one in broken)
    raise InvalidInput(
        "compliance_failed",
        f"The picture breaks required rules of {report.ruleset.channel}: {told}.",
        param="outputId",
        allowed={"rules": {one.rule.id: one.expected for one in broken}},
        fix="Have POST /compliance mend it with fix=apply, and publish the output that it makes.",
    )


def _not_to_be_verified(publish: Publish) -> Conflict:
    is_over = publish.is_settled
    return Conflict(
        "already_terminal" if is_over else "version_conflict",
        f"A publish that is {publish.status.replace('_', ' ')} has nothing to compare with.",
        fix="Read the publish to see its status.",
    )
