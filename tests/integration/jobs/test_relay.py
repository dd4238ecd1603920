"""The relay: every due job is sent, fairly, again when it was lost, and no more than needed."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from domain.ids import JobId, OrgId
from given import founded
from integration.jobs.conftest import Workshop
from packshot.commands.jobs import Plan
from packshot.commands.relaying import LEAST_WINDOW
from packshot.store import jobrelay
from packshot.store.events import EventStore
from packshot.store.jobrelay import Due
from services import Database


async def sent_in_rounds(workshop: Workshop, rounds: int) -> list[Due]:
    """What is sent when each round's jobs are claimed at once."""
    for _ in range(rounds):
        await workshop.relay.round()
        for due in workshop.sent:
            await workshop.attempts._begin(due.org_id, due.job_id)
    return workshop.sent


async def execute(database: Database, statement: str, *arguments: Any) -> str:
    owner = await asyncpg.connect(database.owner_url)
    try:
        return await owner.execute(statement, *arguments)
    finally:
        await owner.close()


async def test_a_job_is_sent_once_and_then_waits_for_a_worker(
    workshop: Workshop, org_id: OrgId
) -> None:
    job_id = await workshop.ask(org_id)

    assert [await workshop.relay.round() for _ in range(3)] == [1, 0, 0]

    assert workshop.sent == [Due(org_id, job_id)]


async def test_a_job_that_nobody_claims_is_sent_again(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    await workshop.relay.round()

    await execute(database, "UPDATE work.job SET sent_at = sent_at - interval '11 seconds'")
    workshop.relay._looked_s = 0.0
    await workshop.relay.round()

    assert workshop.sent == [Due(org_id, job_id)] * 2


async def test_a_job_whose_worker_fell_silent_is_sent_again(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    await workshop.relay.round()
    await workshop.attempts._begin(org_id, job_id)

    await execute(database, "UPDATE work.job SET lease_until = now() - interval '1 second'")
    workshop.relay._looked_s = 0.0
    await workshop.relay.round()

    assert workshop.sent == [Due(org_id, job_id)] * 2


async def test_what_the_broker_did_not_take_is_sent_later(
    workshop: Workshop, org_id: OrgId
) -> None:
    job_id = await workshop.ask(org_id)
    take = workshop.relay.send

    async def away(_due: Sequence[Due]) -> None:
        raise ConnectionError

    workshop.relay.send = away
    with pytest.raises(ConnectionError):
        await workshop.relay.round()
    workshop.relay.send = take
    await workshop.relay.round()

    assert workshop.sent == [Due(org_id, job_id)]


async def test_only_a_window_of_a_long_queue_lies_with_the_broker(
    workshop: Workshop, org_id: OrgId
) -> None:
    for _ in range(LEAST_WINDOW + 5):
        await workshop.ask(org_id)

    assert [await workshop.relay.round() for _ in range(2)] == [LEAST_WINDOW, 0]

    assert len(workshop.sent) == LEAST_WINDOW


async def test_one_organization_cannot_push_another_to_the_end(
    workshop: Workshop, store: EventStore, org_id: OrgId
) -> None:
    for _ in range(30):
        await workshop.ask(org_id)
    other = await founded(store, "Other")
    for _ in range(3):
        await workshop.ask(other)

    await workshop.relay.round()
    sent = await sent_in_rounds(workshop, 3)

    shares = Counter(due.org_id for due in sent[: 2 * LEAST_WINDOW])
    assert shares[other] == 3


async def test_every_organization_has_its_turn_although_there_are_more_than_places(
    workshop: Workshop, store: EventStore
) -> None:
    orgs = [await founded(store, f"Organization {n}") for n in range(3 * LEAST_WINDOW)]
    for _ in range(2):
        for org in orgs:
            await workshop.ask(org)

    sent = await sent_in_rounds(workshop, 4)

    first = [due.org_id for due in sent[: len(orgs)]]
    assert set(first) == set(orgs)


async def test_a_higher_priority_goes_first_within_an_organization(
    workshop: Workshop, org_id: OrgId
) -> None:
    later = [await workshop.ask(org_id) for _ in range(LEAST_WINDOW)]
    urgent = await workshop.ask(org_id, plan=Plan(priority=9))

    await workshop.relay.round()

    assert [due.job_id for due in workshop.sent] == [urgent, *later[: LEAST_WINDOW - 1]]


async def test_a_scheduled_job_is_sent_when_its_time_has_come(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    job_id = await workshop.ask(org_id)
    await execute(
        database, "UPDATE work.job SET state = 'scheduled', due_at = now() + interval '1 hour'"
    )
    assert await workshop.relay.round() == 0

    await execute(database, "UPDATE work.job SET due_at = now()")
    workshop.relay._looked_s = 0.0
    await workshop.relay.round()

    assert workshop.sent == [Due(org_id, job_id)]


async def test_two_relays_lose_nothing(workshop: Workshop, org_id: OrgId) -> None:
    """They may send a job twice; a worker that comes second finds it taken."""
    asked = {await workshop.ask(org_id) for _ in range(20)}

    def began(job_id: JobId) -> Any:
        return workshop.attempts._begin(org_id, job_id)

    for _ in range(10):
        await asyncio.gather(workshop.relay.round(), workshop.relay.round())
        await asyncio.gather(*(began(due.job_id) for due in workshop.sent))

    assert {due.job_id for due in workshop.sent} == asked


async def test_what_was_set_aside_is_forgotten_after_a_week(
    workshop: Workshop, org_id: OrgId, database: Database
) -> None:
    await workshop.ask(org_id)
    old = await workshop.ask(org_id)
    await execute(database, "UPDATE work.job SET state = 'ended', ended_at = now()")
    await execute(
        database,
        "UPDATE work.job SET ended_at = now() - interval '8 days' WHERE job_id = $1",
        old.uuid,
    )

    async with workshop.store.pools.writing() as connection:
        assert await jobrelay.sweep_ended(connection) == 1


async def test_a_sweep_that_leaves_some_is_gone_on_with_in_the_next_round(
    workshop: Workshop,
) -> None:
    left = [1000, 1000, 3, 5]

    async def sweep() -> int:
        return left.pop(0)

    workshop.relay.sweeps = (sweep,)
    for _ in range(5):
        await workshop.relay.round()

    assert left == [5]  # not a minute has passed since the one that left nothing
