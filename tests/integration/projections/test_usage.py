"""The view of usage: what counts, for whom, and that a replay counts the same."""

from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest

from domain.errors import InvalidInput, Unavailable
from domain.ids import JobId, OrgId
from domain.job import Job
from domain.publish import Publish
from domain.recorded import Actor
from follow import follow_everything, rows_of
from given import context, founded, requested_job
from histories import World, act, life_of
from makers import a_live_publish, an_output
from packshot.commands.usage import Usage, UsageTold
from packshot.store.events import EventStore
from packshot.store.pool import DriverConnection, Pool
from projections.usage import GroupBy, Used

KEY, USER = Actor("key", "key_of_a_test"), Actor("user", "usr_ada")


def begun(*, is_queued: bool = False, **wish: Any) -> Job:
    """A job that was begun, in a request or from the queue."""
    job = requested_job(**wish)
    if is_queued:
        job.queue()
    job.start()
    return job


async def save(store: EventStore, org_id: OrgId, job: Any, *, by: Actor = KEY) -> None:
    await store.save(replace(context(org_id), actor=by), job)


async def used(
    store: EventStore, projecting: Pool, org_id: OrgId, group_by: GroupBy = "day", **days: date
) -> UsageTold:
    """What the organization is told, once the view has come to the end of its log."""
    await follow_everything(projecting)
    usage = Usage(store.pools, lambda: datetime.now(UTC))
    return await usage.read(org_id, group_by, since=days.get("since"), until=days.get("until"))


async def test_pictures_made_found_and_failed_are_told_apart(
    store: EventStore, projecting: Pool, org_id: OrgId
) -> None:
    made, found, failed = begun(), begun(), begun(operation="upscale")
    made.succeed([an_output(size_bytes=7), an_output(size_bytes=5)], cached=False)
    found.succeed([an_output()], cached=True)
    failed.fail(Unavailable("overloaded", "x", fix="y"), of="req_1")
    for job in (made, found, failed):
        await save(store, org_id, job)

    told = await used(store, projecting, org_id)
    by_operation = await used(store, projecting, org_id, "operation")

    assert told.total == Used(jobs=3, outputs=2, cached=1, failed=1, output_bytes=12)
    assert {one.group: one.used for one in by_operation.groups} == {
        "process": Used(jobs=2, outputs=2, cached=1, output_bytes=12),
        "upscale": Used(jobs=1, failed=1),
    }


async def test_what_happens_later_counts_for_whoever_asked_first(
    store: EventStore, projecting: Pool, org_id: OrgId
) -> None:
    job = begun(is_queued=True)
    await save(store, org_id, job, by=USER)
    job.succeed([an_output(size_bytes=5)], cached=False)
    await save(store, org_id, job, by=Actor("system", "worker"))

    told = await used(store, projecting, org_id, "key")

    assert [(one.group, one.name, one.used) for one in told.groups] == [
        ("user", "People, in the browser", Used(jobs=1, outputs=1, output_bytes=5))
    ]


async def test_an_endpoint_is_told_by_who_asked_and_whether_it_was_queued(
    store: EventStore, projecting: Pool, org_id: OrgId
) -> None:
    await save(store, org_id, begun(operation="backgrounds/generate"))
    await save(store, org_id, begun(is_queued=True))
    await save(store, org_id, begun(), by=USER)
    await save(store, org_id, a_live_publish())

    told = await used(store, projecting, org_id, "endpoint")

    assert {one.group: one.used for one in told.groups} == {
        "/api/v1/backgrounds/generate": Used(jobs=1),
        "/api/v1/jobs": Used(jobs=1),
        "/api/v1/publishes": Used(publishes=1, published=1),
        "pages": Used(jobs=1),
    }


async def test_a_batch_counts_by_its_items_and_an_errand_not_at_all(
    store: EventStore, projecting: Pool, org_id: OrgId
) -> None:
    batch = begun(is_queued=True, items=2)
    for _ in range(2):
        await save(store, org_id, begun(is_queued=True, batch_id=JobId(batch.id)))
    await save(store, org_id, batch)
    for errand in ("publish", "catalog/sync"):
        await save(store, org_id, begun(is_queued=True, operation=errand))

    told = await used(store, projecting, org_id)

    assert told.total == Used(jobs=2)


async def test_an_organization_is_told_its_own_and_only_the_days_asked_for(
    store: EventStore, projecting: Pool, org_id: OrgId
) -> None:
    await save(store, org_id, begun())
    other = await founded(store, "Other")
    today = datetime.now(UTC).date()

    past = await used(store, projecting, org_id, since=date(2026, 1, 1), until=date(2026, 1, 31))

    assert (past.total, past.groups) == (Used(), [])
    assert (await used(store, projecting, other)).total == Used()
    now = await used(store, projecting, org_id, since=today, until=today)
    assert [one.group for one in now.groups] == [today.isoformat()]


@pytest.mark.parametrize(
    ("since", "until"),
    [(date(2026, 2, 2), date(2026, 2, 1)), (date(2025, 1, 1), date(2026, 1, 2))],
)
async def test_no_days_and_too_many_days_are_refused(
    store: EventStore, org_id: OrgId, since: date, until: date
) -> None:
    usage = Usage(store.pools, lambda: datetime.now(UTC))

    with pytest.raises(InvalidInput, match="invalid_parameter"):
        await usage.read(org_id, "day", since=since, until=until)


@pytest.mark.parametrize("stretch", [1, 3, 5000])
async def test_a_replay_counts_the_same_however_the_log_is_cut(
    store: EventStore, projecting: Pool, owner: DriverConnection, org_id: OrgId, stretch: int
) -> None:
    world = World(Random(7), org_id)
    for number in range(60):
        one = life_of((Job, Job, Publish)[number % 3]).begin(world)
        if number % 3 == 0:
            made = begun()
            made.succeed([an_output(size_bytes=number)], cached=False)
            await save(store, org_id, made)
        for _ in range(world.rng.randint(1, 6)):
            act(one, world)
            if one.pending_events:
                await save(store, org_id, one, by=world.rng.choice([KEY, USER]))
        if number % 9 == 0:
            await follow_everything(projecting, stretch=17)
    await follow_everything(projecting)
    living = await rows_of(owner, "usage")
    await owner.execute("TRUNCATE views.usage; DELETE FROM es.position WHERE view = 'usage'")

    await follow_everything(projecting, stretch=stretch)

    assert len(living) > 5
    assert await rows_of(owner, "usage") == living
