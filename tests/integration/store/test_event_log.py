"""The log under many writers: gapless, in commit order, exactly what was appended."""

import asyncio
import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import TypeVar
from uuid import UUID

import asyncpg
import pytest
from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Forbidden, NotFound, Unavailable
from domain.ids import JobId, OrgId
from domain.job import Job
from domain.organization import Organization
from given import context, founded, requested_job, store_of
from makers import an_output
from packshot.store.claims import Claim, Taken
from packshot.store.events import EventStore
from packshot.store.pool import open_pools
from packshot.store.verify import verify_log
from services import Database

A = TypeVar("A", bound=Aggregate)


class RolledBack(Exception):
    """A transaction that was given up on purpose."""


async def test_positions_are_gapless_and_in_commit_order_under_many_writers(
    store: EventStore, database: Database
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    tenants = [await founded(store, f"Org {number}") for number in range(3)]
    shared = {org: requested_job() for org in tenants}
    for org, job in shared.items():
        await store.save(context(org), job)
    done = asyncio.Event()
    readers = [asyncio.create_task(follow(store, org, done)) for org in tenants]

    saved = await asyncio.gather(
        *(write(store, tenants, shared, random.Random(f"{seed}{writer}")) for writer in range(16))
    )
    done.set()
    followed = await asyncio.gather(*readers)

    for org, seen in zip(tenants, followed, strict=True):
        stored = await store.read(org, limit=100_000)
        assert [event.position for event in stored] == list(range(1, len(stored) + 1))
        assert seen == [event.event_id for event in stored]
    assert sum(saved) + 2 * len(tenants) == sum(len(seen) for seen in followed)
    assert all(verdict.valid for verdict in await verify_log(database.owner_url))


async def write(
    store: EventStore, tenants: list[OrgId], shared: dict[OrgId, Job], chance: random.Random
) -> int:
    """Save, conflict and roll back by chance; returns the events that were committed."""
    events = 0
    for _ in range(25):
        org = chance.choice(tenants)
        act = chance.random()
        if act < 0.6:
            job = requested_job()
            job.start()
            await store.save(context(org), job)
            events += 2
        elif act < 0.8:  # everybody starts the same job: one wins
            job = await store.load(Job, org_id=org, stream_id=shared[org].id)
            if job.status == "requested":
                job.start()
                try:
                    await store.save(context(org), job)
                    events += 1
                except Conflict:
                    pass
        else:
            with pytest.raises(RolledBack):
                await append_and_roll_back(store, org)
    return events


async def append_and_roll_back(store: EventStore, org: OrgId) -> None:
    append = store.composer.compose(context(org), [requested_job()])
    async with store.pools.writing() as connection, connection.transaction():
        await connection.fetchrow(append.statement, *append.arguments)
        raise RolledBack


async def follow(store: EventStore, org: OrgId, done: asyncio.Event) -> list[object]:
    """Read the log as it grows, by position alone; returns the ids in the order they were seen."""
    seen: list[object] = []
    position = 0
    while True:
        is_last = done.is_set()
        batch = await store.read(org, after=position, limit=50)
        for event in batch:
            assert event.position == position + 1
            position = event.position
            seen.append(event.event_id)
        if is_last and not batch:
            return seen
        await asyncio.sleep(0)


async def test_an_aggregate_is_loaded_as_it_was_saved(store: EventStore, org_id: OrgId) -> None:
    output = an_output()
    job = requested_job(sku="SKU-1")
    job.start()
    job.succeed([output], cached=False)
    await store.save(context(org_id), job)

    loaded = await store.load(Job, org_id=org_id, stream_id=job.id)

    assert (loaded.status, loaded.sku, loaded.outputs) == ("succeeded", "SKU-1", [output.as_dict()])
    assert loaded.version == 3


async def test_the_second_of_two_writers_of_one_version_is_refused(
    store: EventStore, org_id: OrgId
) -> None:
    job = requested_job()
    await store.save(context(org_id), job)
    first, second = [await store.load(Job, org_id=org_id, stream_id=job.id) for _ in range(2)]
    first.start()
    second.start()
    await store.save(context(org_id), first)

    with pytest.raises(Conflict) as refused:
        await store.save(context(org_id), second)

    assert refused.value.code == "version_conflict"
    assert len(await store.read(org_id)) == 3


class Overtaken(EventStore):
    """A store in which quicker writers append between the loading and the saving of a change."""

    quicker: list[Callable[[Job], None]]

    async def load(self, kind: type[A], *, org_id: OrgId, stream_id: UUID) -> A:
        loaded = await super().load(kind, org_id=org_id, stream_id=stream_id)
        if self.quicker:
            job = await super().load(Job, org_id=org_id, stream_id=stream_id)
            self.quicker.pop()(job)
            await super().save(context(org_id), job)
        return loaded


def overtaken(store: EventStore, *quicker: Callable[[Job], None]) -> Overtaken:
    late = Overtaken(
        store.pools, codec=store.codec, views=store.composer.views, signer=store.signer
    )
    late.quicker = list(quicker)
    return late


def move_on(job: Job) -> None:
    if job.status == "requested":
        job.start()
    else:
        job.succeed([], cached=True)


def attempt_once_more(job: Job) -> None:
    """What may happen to a job any number of times."""
    job._started(attempt=job.attempt + 1)


async def test_a_change_is_tried_again_on_what_a_quicker_writer_left(
    store: EventStore, org_id: OrgId
) -> None:
    job = requested_job()
    await store.save(context(org_id), job)

    await overtaken(store, Job.start).change(context(org_id), Job, stream_id=job.id, verb=move_on)

    assert [event.type for event in await store.read(org_id, after=2)] == [
        "job.started.v1",
        "job.succeeded.v1",
    ]


async def test_a_verb_that_the_quicker_writers_change_forbids_is_refused(
    store: EventStore, org_id: OrgId
) -> None:
    job = requested_job()
    await store.save(context(org_id), job)

    with pytest.raises(Conflict):
        await overtaken(store, Job.start).change(
            context(org_id), Job, stream_id=job.id, verb=Job.start
        )

    assert len(await store.read(org_id)) == 3


@pytest.mark.parametrize(("quicker", "succeeds"), [(3, True), (4, False)])
async def test_a_change_that_is_overtaken_again_and_again_gives_up(
    store: EventStore, org_id: OrgId, quicker: int, succeeds: bool
) -> None:
    job = requested_job()
    await store.save(context(org_id), job)
    late = overtaken(store, *[attempt_once_more] * quicker)

    with nullcontext() if succeeds else pytest.raises(Conflict):
        await late.change(context(org_id), Job, stream_id=job.id, verb=attempt_once_more)

    assert len(await store.read(org_id)) == 2 + quicker + succeeds


async def test_another_organization_cannot_load_an_aggregate(
    store: EventStore, org_id: OrgId
) -> None:
    job = requested_job()
    await store.save(context(org_id), job)
    other = await founded(store, "Other")

    with pytest.raises(NotFound):
        await store.load(Job, org_id=other, stream_id=job.id)


async def test_an_id_of_another_kind_of_thing_is_not_found(
    store: EventStore, org_id: OrgId
) -> None:
    with pytest.raises(NotFound):
        await store.load(Job, org_id=org_id, stream_id=org_id.uuid)


async def test_nothing_is_appended_to_a_closed_or_unknown_organization(
    store: EventStore, org_id: OrgId, database: Database
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("UPDATE es.tenant_head SET open = false")
    await owner.close()

    for org in (org_id, OrgId.new()):
        with pytest.raises(Forbidden):
            await store.save(context(org), requested_job())

    assert len(await store.read(org_id)) == 1


async def test_what_could_not_be_saved_is_still_there_to_be_saved(
    store: EventStore, org_id: OrgId
) -> None:
    nowhere = "postgresql:///packshot?host=%2Fnowhere"
    job = requested_job()
    async with open_pools(nowhere, nowhere) as away:
        with pytest.raises(Unavailable):
            await store_of(away).save(context(org_id), job)
    job.start()

    await store.save(context(org_id), job)

    assert [event.version for event in await store.read(org_id, after=1)] == [1, 2]
    assert job.collect_events() == []


async def test_a_claim_is_held_by_the_first_and_a_refused_one_leaves_nothing(
    store: EventStore,
) -> None:
    first, second = OrgId.new(), OrgId.new()
    claim = Claim("api-key", "7Qv2Lm81", first.uuid)
    await store.open_log(context(first), Organization.create(first, name="One"), claims=[claim])

    with pytest.raises(Taken):
        await store.open_log(
            context(second), Organization.create(second, name="Two"), claims=[claim]
        )

    assert await store.read(second) == []


async def test_every_event_says_who_asked_for_what(store: EventStore, org_id: OrgId) -> None:
    act = context(org_id)

    await store.save(act, requested_job())

    (_, event) = await store.read(org_id)
    assert event.meta == {
        "actor": {"type": "key", "id": "key_of_a_test"},
        "requestId": act.request_id,
        "correlationId": "cor_1",
        "causationId": None,
    }


async def test_a_save_answers_the_position_and_the_signed_head(
    store: EventStore, org_id: OrgId
) -> None:
    head = await store.save(context(org_id), requested_job())

    position, tip, signature = str(head).split(".")
    assert (position, tip) == ("2", head.hash.hex())
    assert len(signature) == 86


async def test_a_loaded_job_that_was_never_saved_is_not_found(
    store: EventStore, org_id: OrgId
) -> None:
    with pytest.raises(NotFound):
        await store.load(Job, org_id=org_id, stream_id=JobId.new().uuid)
