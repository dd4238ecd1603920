"""What happens to a batch when one of its items begins or ends, in the item's own unit of work."""

from dataclasses import dataclass

from domain.errors import InvalidImage
from domain.ids import OrgId
from domain.job import Job
from packshot.store import batches
from packshot.store.batches import Tally
from packshot.store.events import EventStore
from packshot.store.pool import DriverConnection


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that ends in this unit of work, and the address that is told of it."""

    job: Job
    webhook_url: str | None


async def begin_with(
    store: EventStore, connection: DriverConnection, org_id: OrgId, item: Job
) -> list[Job]:
    """The batch that begins with this item, still to be saved; nothing for any other job."""
    if item.batch_id is None or not await batches.begin(connection, org_id, item.batch_id):
        return []
    batch = await store.load(Job, org_id=org_id, stream_id=item.batch_id.uuid)
    batch.start()
    return [batch]


async def end_with(
    store: EventStore, connection: DriverConnection, org_id: OrgId, item: Job
) -> Ended | None:
    """The batch that ends with this item, still to be saved; None while others are left."""
    if item.batch_id is None:
        return None
    tally = await batches.count(
        connection,
        org_id,
        item.batch_id,
        succeeded=int(item.status == "succeeded"),
        failed=int(item.status == "failed"),
        cancelled=int(item.status == "cancelled"),
    )
    if tally is None or tally.items_left > 0:
        return None
    batch = await store.load(Job, org_id=org_id, stream_id=item.batch_id.uuid)
    _end(batch, tally)
    return Ended(batch, tally.webhook_url)


def _end(batch: Job, tally: Tally) -> None:
    unsuccessful = tally.failed + tally.cancelled
    if unsuccessful == 0:
        batch.succeed([], cached=False)
    elif tally.succeeded > 0:
        batch.succeed_partly(succeeded=tally.succeeded, unsuccessful=unsuccessful)
    else:
        batch.fail(_all_failed(unsuccessful), of=tally.correlation_id)


def _all_failed(count: int) -> InvalidImage:
    return InvalidImage(
        "all_items_failed",
        f"None of the job's {count} items succeeded.",
        param="items",
        fix="Read the items of the job: each says what is wrong with it.",
    )
