"""A batch: its items are done as jobs are, and it ends exactly once, with the last of them."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextvars import Context
from typing import Any

import asyncpg
import pytest

from domain.errors import Conflict, InvalidInput, NotFound
from domain.ids import JobId, OrgId
from follow import followed
from given import context, founded
from imaging.recipe import Recipe
from integration.jobs.conftest import Asked, Workshop
from packshot.commands.attempts import LeaseLost
from packshot.commands.batches import Batches
from packshot.commands.jobs import Plan
from packshot.commands.making import Wish
from packshot.commands.results import MOST_TOLD, results_of
from packshot.store import batches, jobqueue, jobrelay
from packshot.store.jobrelay import Due
from pictures import encoded, truncated
from projections.activity import Wanted, find_activity
from services import Database

BEGUN = ["requested", "queued", "started"]
TOLD = Wish(Recipe(width_px=64, height_px=64), webhook_url="https://example.com/hook?token=abc")


@pytest.fixture(scope="module")
def good() -> bytes:
    return encoded("jpeg", side=80)


@pytest.fixture(scope="module")
def broken() -> bytes:
    return truncated("jpeg")


async def work(workshop: Workshop, org_id: OrgId, asked: Asked, *, at_once: int = 8) -> None:
    """Attempt every item of a batch, as that many workers would."""
    waiting = list(asked.item_ids)

    async def worker() -> None:
        while waiting:
            await workshop.attempts.attempt(org_id, waiting.pop(0))

    await asyncio.gather(*(worker() for _ in range(at_once)))


async def rows(database: Database, statement: str) -> list[Mapping[str, Any]]:
    """What the owner of the schema reads."""
    owner = await asyncpg.connect(database.owner_url)
    try:
        return list(await owner.fetch(statement))
    finally:
        await owner.close()


async def statuses(workshop: Workshop, org_id: OrgId, asked: Asked) -> list[str]:
    return [(await workshop.job(org_id, job_id)).status for job_id in asked.item_ids]


async def test_fifty_items_and_eight_workers_end_their_batch_once(
    workshop: Workshop, org_id: OrgId, database: Database, good: bytes
) -> None:
    asked = await workshop.ask_batch(org_id, [good] * 50, wish=TOLD)

    # Each item twice, as a broker may send it.
    await asyncio.gather(
        work(workshop, org_id, asked, at_once=4), work(workshop, org_id, asked, at_once=4)
    )

    happened = Counter(event.type for event in await workshop.store.read(org_id, limit=1000))
    assert happened["job.succeeded.v1"] == 51
    assert happened["job.started.v1"] == 51
    assert await workshop.history(org_id, asked.batch_id) == [*BEGUN, "succeeded"]
    assert await rows(database, "SELECT * FROM work.job") == []
    (batch,) = await rows(database, "SELECT * FROM work.batch")
    assert (batch["items_left"], batch["succeeded"]) == (0, 50)
    (delivery,) = await rows(database, "SELECT * FROM work.delivery")
    assert (delivery["type"], delivery["url"]) == ("job.succeeded", TOLD.webhook_url)
    assert delivery["job_id"] == asked.batch_id.uuid


async def test_the_end_of_a_batch_is_the_newest_event_of_its_last_items_append(
    workshop: Workshop, org_id: OrgId, good: bytes
) -> None:
    asked = await workshop.ask_batch(org_id, [good])

    await work(workshop, org_id, asked)

    item, batch = (await workshop.store.read(org_id))[-2:]
    assert [item.type, batch.type] == ["job.succeeded.v1"] * 2
    assert [item.stream_id, batch.stream_id] == [asked.item_ids[0].uuid, asked.batch_id.uuid]
    assert item.meta == batch.meta


async def test_a_batch_of_which_some_items_succeed_is_partial(
    workshop: Workshop, org_id: OrgId, good: bytes, broken: bytes, database: Database
) -> None:
    asked = await workshop.ask_batch(org_id, [good, broken, good], wish=TOLD)

    await work(workshop, org_id, asked)

    batch = await workshop.job(org_id, asked.batch_id)
    results = await workshop.jobs.results(org_id, batch)
    assert (batch.status, batch.error) == ("partial", None)
    assert await workshop.history(org_id, asked.batch_id) == [*BEGUN, "partly-succeeded"]
    assert (results.done, [job.job_id for job in results.jobs]) == (
        2,
        [asked.item_ids[0], asked.item_ids[2]],
    )
    assert [r["type"] for r in await rows(database, "SELECT * FROM work.delivery")] == [
        "job.partial"
    ]


async def test_a_batch_of_which_no_item_succeeds_fails_and_says_so(
    workshop: Workshop, org_id: OrgId, broken: bytes
) -> None:
    asked = await workshop.ask_batch(org_id, [broken, broken])

    await work(workshop, org_id, asked)

    batch = await workshop.job(org_id, asked.batch_id)
    assert batch.status == "failed"
    assert batch.error is not None
    assert batch.error["code"] == "all_items_failed"
    assert "2 items" in batch.error["detail"]
    assert batch.error["request_id"] == "cor_1"


async def test_a_batch_runs_from_its_first_item_on(
    workshop: Workshop, org_id: OrgId, good: bytes
) -> None:
    asked = await workshop.ask_batch(org_id, [good, good])

    await workshop.attempts.attempt(org_id, asked.item_ids[1])

    batch = await workshop.job(org_id, asked.batch_id)
    assert (batch.status, batch.attempt) == ("running", 1)
    assert (await workshop.jobs.results(org_id, batch)).done == 1


async def test_a_cancelled_batch_takes_its_waiting_items_with_it(
    workshop: Workshop, org_id: OrgId, good: bytes, database: Database
) -> None:
    asked = await workshop.ask_batch(org_id, [good] * 3, wish=TOLD)
    await workshop.attempts.attempt(org_id, asked.item_ids[0])

    changed = await workshop.jobs.cancel(context(org_id), asked.batch_id)

    await work(workshop, org_id, asked)  # what the broker still has is not done
    assert changed.job.status == "cancelled"
    assert await statuses(workshop, org_id, asked) == ["succeeded", "cancelled", "cancelled"]
    assert (await workshop.jobs.results(org_id, changed.job)).done == 1
    assert [r["type"] for r in await rows(database, "SELECT * FROM work.delivery")] == [
        "job.cancelled"
    ]
    with pytest.raises(Conflict, match="already_terminal"):
        await workshop.jobs.cancel(context(org_id), asked.batch_id)


async def test_a_worker_whose_item_was_called_off_records_nothing(
    workshop: Workshop, org_id: OrgId, good: bytes
) -> None:
    asked = await workshop.ask_batch(org_id, [good])
    begun = await workshop.attempts._begin(org_id, asked.item_ids[0])
    assert begun is not None

    await workshop.jobs.cancel(context(org_id), asked.batch_id)

    lease, job = begun
    with pytest.raises(LeaseLost):
        await workshop.attempts._end(lease, job, lambda: job.succeed([], cached=False))
    assert await workshop.history(org_id, asked.batch_id) == [*BEGUN, "cancelled"]


async def test_a_cancellation_among_ending_items_leaves_one_end(
    workshop: Workshop, org_id: OrgId, good: bytes
) -> None:
    asked = await workshop.ask_batch(org_id, [good] * 30)

    async def cancel() -> None:
        await workshop.attempts.attempt(org_id, asked.item_ids[-1])
        await workshop.jobs.cancel(context(org_id), asked.batch_id)

    await asyncio.gather(work(workshop, org_id, asked, at_once=4), cancel())

    assert await workshop.history(org_id, asked.batch_id) == [*BEGUN, "cancelled"]
    assert set(await statuses(workshop, org_id, asked)) <= {"succeeded", "cancelled"}


async def test_a_retried_batch_does_again_what_did_not_succeed(
    workshop: Workshop, org_id: OrgId, good: bytes, broken: bytes, database: Database
) -> None:
    asked = await workshop.ask_batch(org_id, [good, broken, good], wish=TOLD)
    await work(workshop, org_id, asked)

    changed = await workshop.jobs.retry(context(org_id), asked.batch_id)

    waiting = await rows(database, "SELECT * FROM work.job WHERE state = 'waiting'")
    assert [row["job_id"] for row in waiting] == [asked.item_ids[1].uuid]
    assert changed.job.status == "queued"
    await work(workshop, org_id, asked)
    assert await workshop.history(org_id, asked.batch_id) == [
        *BEGUN, "partly-succeeded", "retried", "started", "partly-succeeded",
    ]  # fmt: skip
    assert await workshop.history(org_id, asked.item_ids[0]) == [*BEGUN, "succeeded"]
    assert len(await rows(database, "SELECT * FROM work.delivery")) == 2


async def test_a_cancelled_batch_that_is_retried_succeeds(
    workshop: Workshop, org_id: OrgId, good: bytes
) -> None:
    asked = await workshop.ask_batch(org_id, [good] * 3)
    await workshop.attempts.attempt(org_id, asked.item_ids[1])
    await workshop.jobs.cancel(context(org_id), asked.batch_id)

    await workshop.jobs.retry(context(org_id), asked.batch_id)
    await work(workshop, org_id, asked)

    assert (await workshop.job(org_id, asked.batch_id)).status == "succeeded"


async def test_of_two_retries_at_once_one_is_refused(
    workshop: Workshop, org_id: OrgId, broken: bytes
) -> None:
    asked = await workshop.ask_batch(org_id, [broken] * 5)
    await work(workshop, org_id, asked)

    answers = await asyncio.gather(
        *(workshop.jobs.retry(context(org_id), asked.batch_id) for _ in range(4)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, Conflict) for answer in answers) == 3
    assert (await workshop.history(org_id, asked.batch_id)).count("retried") == 1


@pytest.mark.parametrize("is_begun", [False, True])
async def test_a_batch_that_has_not_ended_is_not_retried(
    workshop: Workshop, org_id: OrgId, good: bytes, broken: bytes, *, is_begun: bool
) -> None:
    asked = await workshop.ask_batch(org_id, [broken, good])
    if is_begun:
        await workshop.attempts.attempt(org_id, asked.item_ids[0])

    with pytest.raises(Conflict, match="version_conflict"):
        await workshop.jobs.retry(context(org_id), asked.batch_id)

    await work(workshop, org_id, asked)
    assert (await workshop.job(org_id, asked.batch_id)).status == "partial"


async def test_a_batch_whose_items_were_swept_is_not_retried(
    workshop: Workshop, org_id: OrgId, broken: bytes, database: Database
) -> None:
    asked = await workshop.ask_batch(org_id, [broken, broken])
    await work(workshop, org_id, asked)
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("DELETE FROM work.job WHERE job_id = $1", asked.item_ids[0].uuid)
    await owner.close()

    with pytest.raises(Conflict, match="too long ago"):
        await workshop.jobs.retry(context(org_id), asked.batch_id)


async def test_batches_are_swept_after_a_week(
    workshop: Workshop, org_id: OrgId, good: bytes, database: Database
) -> None:
    running = await workshop.ask_batch(org_id, [good])
    for age in ("6 days", "8 days"):
        asked = await workshop.ask_batch(org_id, [good])
        await work(workshop, org_id, asked)
        owner = await asyncpg.connect(database.owner_url)
        await owner.execute(
            "UPDATE work.batch SET ended_at = now() - $2::text::interval WHERE job_id = $1",
            asked.batch_id.uuid,
            age,
        )
        await owner.close()

    async with workshop.store.pools.writing() as connection:
        assert await batches.sweep_ended(connection) == 1

    left = await rows(database, "SELECT job_id FROM work.batch ORDER BY job_id")
    assert left[0]["job_id"] == running.batch_id.uuid
    assert len(left) == 2


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_an_item_is_changed_through_its_batch(
    workshop: Workshop, org_id: OrgId, good: bytes, verb: str
) -> None:
    asked = await workshop.ask_batch(org_id, [good])

    with pytest.raises(InvalidInput, match=str(asked.batch_id)):
        await getattr(workshop.jobs, verb)(context(org_id), asked.item_ids[0])


@pytest.mark.parametrize("verb", ["cancel", "retry"])
async def test_another_organizations_batch_is_not_there(
    workshop: Workshop, org_id: OrgId, good: bytes, verb: str
) -> None:
    asked = await workshop.ask_batch(org_id, [good])
    other = await founded(workshop.store, "Globex")

    with pytest.raises(NotFound):
        await getattr(workshop.jobs, verb)(context(other), asked.batch_id)
    assert (await workshop.job(org_id, asked.batch_id)).status == "queued"


async def test_the_items_of_a_batch_wait_in_their_order_with_its_priority(
    workshop: Workshop, org_id: OrgId, good: bytes, database: Database
) -> None:
    asked = await workshop.ask_batch(org_id, [good] * 20, plan=Plan(priority=7))

    waiting = await rows(database, "SELECT * FROM work.job ORDER BY job_id")
    assert [row["job_id"] for row in waiting] == [job_id.uuid for job_id in asked.item_ids]
    assert {(row["state"], row["priority"], row["webhook_url"]) for row in waiting} == {
        ("waiting", 7, None)
    }


async def test_what_a_batch_showed_at_its_end_is_shown_after_a_retry_too(
    workshop: Workshop, org_id: OrgId, good: bytes
) -> None:
    """A delivery that is tried again tells the same bytes."""
    asked = await workshop.ask_batch(org_id, [good] * 3)
    await workshop.attempts.attempt(org_id, asked.item_ids[0])
    ended = await workshop.jobs.cancel(context(org_id), asked.batch_id)
    await workshop.jobs.retry(context(org_id), asked.batch_id)
    await work(workshop, org_id, asked)

    then = await results_of(workshop.store, org_id, ended.job, at=ended.head.position)
    now = await results_of(workshop.store, org_id, ended.job)

    assert (then.done, now.done) == (1, 3)
    assert [job.job_id for job in then.jobs] == [asked.item_ids[0]]
    assert len(now.jobs) <= MOST_TOLD


async def test_the_last_of_two_items_that_end_at_once_ends_the_batch(
    workshop: Workshop, org_id: OrgId, good: bytes
) -> None:
    """Both have counted before either commits: the batch's row makes one of them wait."""
    asked = await workshop.ask_batch(org_id, [good, good])
    begun = [await workshop.attempts._begin(org_id, job_id) for job_id in asked.item_ids]

    async def end(lease: jobqueue.Lease, job_id: JobId) -> None:
        job = await workshop.job(org_id, job_id)
        await workshop.attempts._end(
            lease, job, lambda: job.succeed([], cached=False), succeeded=True
        )

    leases = [one[0] for one in begun if one is not None]
    await asyncio.gather(*(end(lease, lease.job_id) for lease in leases))

    assert await workshop.history(org_id, asked.batch_id) == [*BEGUN, "succeeded"]


async def test_a_last_item_whose_worker_died_ends_its_batch_with_the_next_worker(
    workshop: Workshop, org_id: OrgId, good: bytes, database: Database
) -> None:
    asked = await workshop.ask_batch(org_id, [good])
    await workshop.attempts._begin(org_id, asked.item_ids[0])  # and nothing more is heard of it
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("UPDATE work.job SET lease_until = now() - interval '1 hour'")
    await owner.close()

    await work(workshop, org_id, asked)

    assert await workshop.history(org_id, asked.batch_id) == [*BEGUN, "succeeded"]
    assert await workshop.history(org_id, asked.item_ids[0]) == [
        *BEGUN, "interrupted", "started", "succeeded",
    ]  # fmt: skip


async def test_a_batch_whose_items_are_all_given_up_fails(
    workshop: Workshop, org_id: OrgId, good: bytes, database: Database
) -> None:
    asked = await workshop.ask_batch(org_id, [good])
    owner = await asyncpg.connect(database.owner_url)
    for _ in range(3):
        await workshop.attempts._begin(org_id, asked.item_ids[0])
        await owner.execute("UPDATE work.job SET lease_until = now() - interval '1 hour'")
    await owner.close()

    await workshop.attempts.attempt(org_id, asked.item_ids[0])

    (item,) = await workshop.jobs.batches.list_items(
        org_id, await workshop.job(org_id, asked.batch_id), after=None, limit=5
    )
    assert item.error is not None
    assert item.error["code"] == "job_dead"
    assert (await workshop.job(org_id, asked.batch_id)).status == "failed"


async def test_a_cancellation_that_a_retry_overtakes_is_refused(
    workshop: Workshop, org_id: OrgId, broken: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had seen no item to call off when the retry brought them back."""
    asked = await workshop.ask_batch(org_id, [broken])
    await work(workshop, org_id, asked)
    seen = Batches._items

    async def overtaken(*args: Any) -> list[Any]:
        ids = await seen(*args)
        monkeypatch.setattr(Batches, "_items", seen)
        retry = workshop.jobs.retry(context(org_id), asked.batch_id)
        await asyncio.create_task(retry, context=Context())  # in a unit of work of its own
        return ids

    monkeypatch.setattr(Batches, "_items", overtaken)
    with pytest.raises(Conflict, match="version_conflict"):
        await workshop.jobs.cancel(context(org_id), asked.batch_id)

    assert (await workshop.job(org_id, asked.batch_id)).status == "queued"


async def test_the_relay_does_not_wait_for_rows_that_others_hold(
    workshop: Workshop, org_id: OrgId, good: bytes, database: Database
) -> None:
    """Two that each wait for several rows could wait for each other."""
    asked = await workshop.ask_batch(org_id, [good] * 3)
    due = [Due(org_id, job_id) for job_id in asked.item_ids]
    owner = await asyncpg.connect(database.owner_url)
    async with owner.transaction():
        await owner.execute(
            "SELECT 1 FROM work.job WHERE job_id = $1 FOR UPDATE", asked.item_ids[1].uuid
        )
        async with workshop.store.pools.writing() as connection:
            await jobrelay.mark_sent(connection, due)
    await owner.close()

    states = await rows(database, "SELECT state FROM work.job ORDER BY job_id")
    assert [row["state"] for row in states] == ["sent", "waiting", "sent"]


async def test_a_partial_batch_is_told_in_the_feed(
    workshop: Workshop, org_id: OrgId, good: bytes, broken: bytes, database: Database
) -> None:
    asked = await workshop.ask_batch(org_id, [good, broken])
    await work(workshop, org_id, asked)

    await followed(database)

    async with workshop.store.pools.reading(org_id) as connection:
        wanted = Wanted(type="job.partial")
        (entry,) = await find_activity(connection, org_id.uuid, wanted=wanted, limit=5)
    assert entry.subject_id == str(asked.batch_id)
    assert entry.sentence == "The job ended; items that succeeded: 1, others: 1."
