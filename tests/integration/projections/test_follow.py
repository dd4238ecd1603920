"""Following the log: whatever the stretch and whoever follows, the view is the fold of the log."""

import asyncio

import asyncpg
import pytest

from domain.ids import OrgId
from domain.organization import Organization
from follow import (
    ACTIVITY,
    append_raw,
    entries_of,
    follow_everything,
    log_of,
    positions_of,
    rows_of,
    some_history,
)
from given import founded
from packshot.store.codec import event_classes, topic_of
from packshot.store.events import EventStore
from packshot.store.follow import Follower
from packshot.store.pool import DriverConnection, Pool
from packshot.store.positions import lag_of
from packshot.wiring import AGGREGATES, FOLLOWING_VIEWS
from projections.sentences import SENTENCES

TOPICS = [
    topic_of(event)
    for aggregate in AGGREGATES
    for event in event_classes(aggregate)
    if event.__name__ != "Created" or aggregate is Organization  # else never recorded
]
POISON = '{"actor": {"type": null, "id": "x"}, "requestId": "r"}'


@pytest.mark.parametrize("stretch", [1, 2, 7, 31, 5000])
async def test_replay_equals_living_at_any_stretch(
    store: EventStore, projecting: Pool, owner: DriverConnection, stretch: int
) -> None:
    org_ids = [await founded(store, name) for name in ("One", "Two")]
    for jobs in (1, 3, 2):  # lived: followed a little at a time, while it happened
        for org_id in org_ids:
            await some_history(store, org_id, jobs=jobs)
        await follow_everything(projecting)
    living = await rows_of(owner)
    await owner.execute("TRUNCATE views.activity; DELETE FROM es.position")

    applied = await follow_everything(projecting, stretch=stretch)

    assert len(living) == len(await log_of(owner))
    assert applied == len(living) * len(FOLLOWING_VIEWS)
    assert await rows_of(owner) == living
    assert await entries_of(owner) == await log_of(owner)


async def test_followers_beside_writers_miss_nothing_and_repeat_nothing(
    store: EventStore, projecting: Pool, owner: DriverConnection
) -> None:
    org_ids = [await founded(store, f"Org {number}") for number in range(3)]
    writing = asyncio.gather(*(some_history(store, org_id, jobs=40) for org_id in org_ids))
    applied = [0, 0, 0]

    async def follow(index: int) -> None:
        follower = Follower(projecting, stretch=5)
        while not writing.done() or await follower.behind(ACTIVITY):
            for tenant_id in await follower.behind(ACTIVITY):
                applied[index] += (await follower.step(ACTIVITY, tenant_id)).applied

    await asyncio.gather(writing, *map(follow, range(3)))

    assert await entries_of(owner) == await log_of(owner)
    assert sum(applied) == len(await log_of(owner)) == 3 * 121
    assert sum(count > 0 for count in applied) > 1


async def test_an_organization_that_another_process_has_is_left_to_it(
    store: EventStore, projecting: Pool, org_id: OrgId
) -> None:
    follower = Follower(projecting)
    await follower.step(ACTIVITY, org_id.uuid)
    await some_history(store, org_id, jobs=1)

    async with projecting.acquire() as other, other.transaction():
        await other.execute("SELECT FROM es.position WHERE tenant_id = $1 FOR UPDATE", org_id.uuid)
        held = await follower.step(ACTIVITY, org_id.uuid)
    free = await follower.step(ACTIVITY, org_id.uuid)

    assert (held.applied, free.applied) == (0, 3)


async def test_a_stretch_that_is_not_committed_leaves_neither_rows_nor_position(
    store: EventStore, projecting: Pool, owner: DriverConnection, org_id: OrgId
) -> None:
    await some_history(store, org_id)
    await owner.execute("ALTER TABLE es.position ADD CONSTRAINT nowhere CHECK (position = 0)")

    with pytest.raises(asyncpg.CheckViolationError):
        await Follower(projecting).step(ACTIVITY, org_id.uuid)

    assert await rows_of(owner) == []
    assert await positions_of(owner, [org_id]) == {org_id: 0}


async def test_an_event_that_cannot_be_used_parks_its_organization_and_no_other(
    store: EventStore, projecting: Pool, owner: DriverConnection
) -> None:
    bad, good = [await founded(store, name) for name in ("Bad", "Good")]
    for org_id in (bad, good):
        await some_history(store, org_id, jobs=4)
    poison = await append_raw(owner, bad, meta=POISON)
    for org_id in (bad, good):
        await some_history(store, org_id, jobs=4)

    await follow_everything(projecting)
    await some_history(store, good, jobs=1)
    await follow_everything(projecting)

    assert await positions_of(owner, [bad, good]) == {bad: poison - 1, good: 28}
    row = await owner.fetchrow("SELECT * FROM es.position WHERE tenant_id = $1", bad.uuid)
    assert row is not None
    assert row["parked_at"] is not None
    assert f"position {poison}" in row["parked_error"]
    assert "actor_type" in row["parked_error"]
    assert (await lag_of(owner, "activity")).parked == 1


async def test_what_is_not_the_events_fault_parks_nobody(
    store: EventStore, projecting: Pool, owner: DriverConnection, org_id: OrgId
) -> None:
    await owner.execute("REVOKE INSERT ON views.activity FROM packshot_projector")

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await Follower(projecting).step(ACTIVITY, org_id.uuid)

    await owner.execute("GRANT INSERT ON views.activity TO packshot_projector")
    assert await follow_everything(projecting) == len(FOLLOWING_VIEWS)


@pytest.mark.parametrize("topic", TOPICS)
async def test_every_event_of_the_domain_has_a_public_type_and_a_sentence(
    projecting: Pool, owner: DriverConnection, org_id: OrgId, topic: str
) -> None:
    meta = '{"actor": {"type": "system", "id": "x"}, "requestId": "r"}'
    position = await append_raw(owner, org_id, type=topic, meta=meta)

    await follow_everything(projecting)

    told = "SELECT type FROM views.activity WHERE tenant_id = $1 AND position = $2"
    assert await owner.fetchval(told, org_id.uuid, position) in SENTENCES


async def test_lag_names_who_waits_longest(
    store: EventStore, projecting: Pool, owner: DriverConnection
) -> None:
    first, second = [await founded(store, name) for name in ("First", "Second")]
    await some_history(store, second, jobs=2)

    before = await lag_of(owner, "activity")
    await follow_everything(projecting)
    after = await lag_of(owner, "activity")

    assert (before.events, before.organizations, before.worst) == (8, 2, first)
    assert before.oldest_at is not None
    assert (after.events, after.organizations, after.worst, after.oldest_at) == (0, 0, None, None)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO es.event SELECT * FROM es.event",
        "DELETE FROM es.event",
        "UPDATE es.tenant_head SET seq = 0",
        "SELECT * FROM es.claim",
        "SELECT * FROM views.api_key",
        "SELECT * FROM views.output",
        "SELECT views.guard_following('views.activity')",
        "DROP TABLE views.activity",
        "SET ROLE packshot_writer",
    ],
)
async def test_the_projector_cannot(projecting: Pool, org_id: OrgId, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await projecting.execute(statement)
