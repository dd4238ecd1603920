"""What a job has to show: its own output, or those of its items that have succeeded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from domain.ids import OrgId
from domain.job import Job
from packshot.store.events import EventStore
from projections.items import count_succeeded_items, list_items_of_status, list_succeeded_items
from projections.past_jobs import count_succeeded_items_at

# A batch tells the outputs of so many items itself; all of them are told by the list of its items.
MOST_TOLD = 200


@dataclass(frozen=True, slots=True)
class Results:
    """How many pictures of a job are done, and the jobs that made them, in order.

    ``jobs`` are at most MOST_TOLD, and none where a list of jobs leaves the outputs out.
    """

    done: int
    jobs: Sequence[Job]


def own_results(job: Job) -> Results:
    """What a job shows by itself: a batch nothing, another job its outputs, an errand its end."""
    is_done = job.items is None and job.status == "succeeded"
    return Results(max(len(job.outputs), int(is_done)), [job] if job.outputs else [])


async def results_of(
    store: EventStore, org_id: OrgId, job: Job, *, at: int | None = None
) -> Results:
    """What the job has to show, now or as of a position of the log."""
    if job.items is None:
        return own_results(job)
    tenant_id = org_id.uuid
    async with store.pools.reading(org_id) as connection:
        if at is None:
            ids = await list_items_of_status(
                connection, tenant_id=tenant_id, batch_id=job.id, statuses=["succeeded"]
            )
        else:
            ids = await list_succeeded_items(
                connection, tenant_id=tenant_id, batch_id=job.id, at=at
            )
    told = await store.load_many(Job, org_id=org_id, stream_ids=ids[:MOST_TOLD])
    return Results(len(ids), told)


async def results_without_outputs(
    store: EventStore, org_id: OrgId, jobs: Sequence[Job], *, at: int | None = None
) -> Mapping[UUID, Results]:
    """What each of these jobs has to show, by its id; of batches only how many are done.

    That is today, or as of a position of the log.
    """
    results = {job.id: own_results(job) for job in jobs}
    batch_ids = [job.id for job in jobs if job.items is not None]
    if batch_ids:
        async with store.pools.reading(org_id) as connection:
            count = (
                count_succeeded_items if at is None else partial(count_succeeded_items_at, at=at)
            )
            counts = await count(connection, tenant_id=org_id.uuid, batch_ids=batch_ids)
        results |= {batch_id: Results(done, ()) for batch_id, done in counts.items()}
    return results
