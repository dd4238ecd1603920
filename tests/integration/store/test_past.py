"""A time's place in the log: position order wins over clocks that disagree."""

from datetime import UTC, datetime, timedelta

import pytest
from eventsourcing.domain import Aggregate

from domain.ids import OrgId
from domain.organization import Organization
from given import context, requested_job
from packshot.store.events import EventStore
from packshot.store.past import AsOf, as_of_position, as_of_time

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


async def log_of(store: EventStore, minutes: list[int]) -> OrgId:
    """An organization whose events happened so many minutes after noon, by their clocks."""
    org_id = OrgId.new()
    aggregates: list[Aggregate] = [Organization.create(org_id, name="Clocks")]
    aggregates += [requested_job() for _ in minutes[1:]]
    for minute, aggregate in zip(minutes, aggregates, strict=True):
        (event,) = aggregate.pending_events
        event.__dict__["timestamp"] = NOON + timedelta(minutes=minute)
    first, *rest = aggregates
    await store.open_log(context(org_id), first)
    for aggregate in rest:
        await store.save(context(org_id), aggregate)
    return org_id


@pytest.mark.parametrize(
    ("minutes", "asked", "position"),
    [
        ([0, 1, 2], -1, 0),
        ([0, 1, 2], 0, 1),
        ([0, 1, 2], 1, 2),
        ([0, 1, 2], 99, 3),
        ([0, 5, 1, 2], 2, 1),  # a clock that was ahead: what follows it waits for its time
        ([0, 5, 1, 2], 5, 4),
        ([0, 1, -30, 2], 1, 3),  # one that was behind takes its place in the order
        ([0, 0, 0], 0, 3),
    ],
)
async def test_the_position_of_a_time_is_the_last_before_anything_later(
    store: EventStore, minutes: list[int], asked: int, position: int
) -> None:
    org_id = await log_of(store, minutes)
    moment = NOON + timedelta(minutes=asked)

    async with store.pools.reading(org_id) as connection:
        assert (await as_of_time(connection, org_id.uuid, moment)).position == position


async def test_what_is_appended_later_changes_no_answer(store: EventStore) -> None:
    org_id = await log_of(store, [0, 5])
    moment = NOON + timedelta(minutes=2)
    late = requested_job()
    late.pending_events[0].__dict__["timestamp"] = NOON + timedelta(minutes=1)

    async with store.pools.reading(org_id) as connection:
        before = await as_of_time(connection, org_id.uuid, moment)
    await store.save(context(org_id), late)
    async with store.pools.reading(org_id) as connection:
        assert await as_of_time(connection, org_id.uuid, moment) == before


async def test_a_position_has_its_events_time_and_one_ahead_has_none(store: EventStore) -> None:
    org_id = await log_of(store, [0, 7])

    async with store.pools.reading(org_id) as connection:
        second = await as_of_position(connection, org_id.uuid, 2)
        none_yet = await as_of_position(connection, org_id.uuid, 3)
        beginning = await as_of_position(connection, org_id.uuid, 0)

    assert second == AsOf(2, NOON + timedelta(minutes=7))
    assert none_yet is None
    assert beginning is not None
    assert beginning.position == 0


async def test_a_time_to_the_millisecond_means_all_of_it(store: EventStore) -> None:
    org_id = OrgId.new()
    organization = Organization.create(org_id, name="Clocks")
    organization.pending_events[0].__dict__["timestamp"] = NOON + timedelta(microseconds=1999)
    await store.open_log(context(org_id), organization)

    async with store.pools.reading(org_id) as connection:
        positions = [
            (await as_of_time(connection, org_id.uuid, NOON + timedelta(microseconds=at))).position
            for at in (0, 1000, 1998, 1999)
        ]

    assert positions == [0, 1, 0, 1]
