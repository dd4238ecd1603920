"""Kept answers: one owner at a time, an answer with its effect, and nobody else's."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from domain.ids import OrgId
from given import context, founded, requested_job
from packshot.store import idempotency, renewal
from packshot.store.events import EventStore
from packshot.store.idempotency import Found, KeptAnswer, Place, StillRunning
from packshot.store.pool import Pools
from services import Database

SENT = {"accept": "json", "width": "a"}
OTHER = {"accept": "json", "width": "b"}
ANSWER = KeptAnswer(200, {"location": "/x"}, body=b'{"a":1}', position=7, tip=b"\1" * 32)


@pytest.fixture
def place(org_id: OrgId) -> Place:
    return Place(org_id, "POST", "/api/v1/process", "order-7")


async def begun(pools: Pools, place: Place, sent: dict[str, str] = SENT) -> UUID:
    token = await idempotency.begin(pools, place, sent)
    assert isinstance(token, UUID), token
    return token


async def found(pools: Pools, place: Place, sent: dict[str, str] = SENT) -> Found:
    result = await idempotency.begin(pools, place, sent)
    assert isinstance(result, Found)
    return result


async def keep(pools: Pools, place: Place, token: UUID, answer: KeptAnswer = ANSWER) -> None:
    async with pools.writing() as connection:
        await idempotency.keep(connection, place, token=token, answer=answer)


async def let_pass(database: Database, hours: float) -> None:
    """Have that much time pass for every row."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "UPDATE work.idempotency SET locked_until = locked_until - make_interval(secs => $1),"
        " expires_at = expires_at - make_interval(secs => $1)",
        hours * 3600,
    )
    await owner.close()


async def test_of_many_at_once_one_begins(pools: Pools, place: Place) -> None:
    results = await asyncio.gather(*(idempotency.begin(pools, place, SENT) for _ in range(40)))

    assert sum(isinstance(result, UUID) for result in results) == 1
    running = [result for result in results if isinstance(result, Found)]
    assert all(r.answer is None and 0 < r.locked_s <= idempotency.LOCKED_S for r in running)


async def test_an_answer_is_found_as_it_was_kept(pools: Pools, place: Place) -> None:
    await keep(pools, place, await begun(pools, place))

    again = await found(pools, place)

    assert (again.answer, again.fingerprint) == (ANSWER, SENT)


async def test_an_answer_that_is_a_file_keeps_its_reference(pools: Pools, place: Place) -> None:
    answer = KeptAnswer(200, {}, file={"path": "blobs/a", "sizeBytes": 7})
    await keep(pools, place, await begun(pools, place), answer)

    assert (await found(pools, place)).answer == answer


async def test_an_answer_is_true_with_its_effect_or_not_at_all(
    pools: Pools, store: EventStore, place: Place
) -> None:
    token = await begun(pools, place)

    async def break_off() -> None:
        async with store.together() as unit:
            await store.save(context(place.org_id), requested_job())
            await idempotency.keep(await unit.connection(), place, token=token, answer=ANSWER)
            raise KeyError

    with pytest.raises(KeyError):
        await break_off()

    assert (await found(pools, place)).answer is None
    assert len(await store.read(place.org_id)) == 1


async def test_who_was_taken_over_can_keep_nothing_and_its_effect_is_gone(
    pools: Pools, store: EventStore, place: Place, database: Database
) -> None:
    stalled = await begun(pools, place)
    await let_pass(database, 11 / 3600)
    heir = await begun(pools, place)

    async def wake_up() -> None:
        async with store.together() as unit:
            await store.save(context(place.org_id), requested_job())
            await idempotency.keep(await unit.connection(), place, token=stalled, answer=ANSWER)

    assert not await idempotency.renew(pools, place, stalled)
    await idempotency.release(pools, place, stalled)
    with pytest.raises(StillRunning):
        await wake_up()

    assert len(await store.read(place.org_id)) == 1
    await keep(pools, place, heir)


async def test_a_request_that_is_renewed_is_not_taken_over(
    pools: Pools, place: Place, database: Database
) -> None:
    token = await begun(pools, place)
    await let_pass(database, 9 / 3600)

    assert await idempotency.renew(pools, place, token)
    await let_pass(database, 9 / 3600)

    assert (await found(pools, place)).answer is None


async def test_a_running_request_keeps_renewing_until_its_block_ends(
    pools: Pools, place: Place, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "RENEWED_EVERY_S", 0.01)
    token = await begun(pools, place)

    renewed, renew = asyncio.Event(), idempotency.renew

    async def renew_and_tell(*place_and_token: Any) -> bool:
        is_ours = await renew(*place_and_token)
        renewed.set()
        return is_ours

    monkeypatch.setattr(idempotency, "renew", renew_and_tell)
    async with renewal.renewing(pools, place, token):
        await let_pass(database, 9.5 / 3600)
        for _ in range(2):  # the first may have been under way before that time passed
            renewed.clear()
            await renewed.wait()
        assert (await find(pools, place)).locked_s > 9

    await let_pass(database, 11 / 3600)
    assert await begun(pools, place) != token


async def test_renewing_gives_up_what_was_taken_over(
    pools: Pools, place: Place, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renewal, "RENEWED_EVERY_S", 0.01)
    stalled = await begun(pools, place)
    await let_pass(database, 11 / 3600)
    heir = await begun(pools, place)

    async with renewal.renewing(pools, place, stalled):
        assert not await idempotency.renew(pools, place, stalled)
    await keep(pools, place, heir)


async def find(pools: Pools, place: Place) -> Found:
    there = await idempotency.find(pools, place)
    assert there is not None
    return there


async def test_who_is_just_answering_is_neither_taken_over_nor_waited_for(
    pools: Pools, store: EventStore, place: Place, database: Database
) -> None:
    token = await begun(pools, place)
    await let_pass(database, 11 / 3600)

    async with store.together() as unit:
        await idempotency.keep(await unit.connection(), place, token=token, answer=ANSWER)
        with pytest.raises(StillRunning):
            await begin_elsewhere(pools, place)

    assert (await found(pools, place)).answer == ANSWER


async def begin_elsewhere(pools: Pools, place: Place) -> None:
    await idempotency.begin(pools, place, SENT)


async def test_an_abandoned_request_is_not_taken_over_by_another(
    pools: Pools, place: Place, database: Database
) -> None:
    await begun(pools, place)
    await let_pass(database, 1)

    assert (await found(pools, place, OTHER)).fingerprint == SENT


async def test_a_released_key_is_free_for_any_request(pools: Pools, place: Place) -> None:
    released = await begun(pools, place)
    await idempotency.release(pools, place, released)

    assert await begun(pools, place, OTHER) != released


async def test_a_kept_answer_is_not_released(pools: Pools, place: Place) -> None:
    token = await begun(pools, place)
    await keep(pools, place, token)

    await idempotency.release(pools, place, token)

    assert (await found(pools, place)).answer == ANSWER


async def test_an_answer_is_kept_for_24_hours_and_then_the_key_is_free(
    pools: Pools, place: Place, database: Database
) -> None:
    await keep(pools, place, await begun(pools, place))
    await let_pass(database, 24)
    assert (await found(pools, place)).answer == ANSWER

    await let_pass(database, 1)

    await begun(pools, place, OTHER)
    assert (await found(pools, place, OTHER)).answer is None


async def test_the_sweep_takes_what_has_expired_and_nothing_else(
    pools: Pools, place: Place, org_id: OrgId, database: Database
) -> None:
    await keep(pools, place, await begun(pools, place))
    await let_pass(database, 26)
    young = Place(org_id, "POST", "/api/v1/process", "order-8")
    await keep(pools, young, await begun(pools, young))
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute(
        "INSERT INTO work.idempotency (tenant_id, method, path, key, fingerprint, token,"
        " locked_until, expires_at, status, headers)"
        " SELECT $1, 'POST', '/', n::text, '{}', gen_random_uuid(), now(), now(), 200, '{}'"
        " FROM generate_series(1, 2500) n",
        uuid4(),
    )

    assert [await idempotency.sweep(pools) for _ in range(4)] == [1000, 1000, 501, 0]

    assert await owner.fetchval("SELECT array_agg(key) FROM work.idempotency") == ["order-8"]
    await owner.close()


@pytest.mark.parametrize("text", ["x" * 100_000, "\x00", "a\u00e9", "\udcff", ""])
async def test_any_path_has_its_place(pools: Pools, org_id: OrgId, text: str) -> None:
    place = Place(org_id, "POST", f"/api/v1/jobs/{text}", "k")
    await keep(pools, place, await begun(pools, place))

    assert (await found(pools, place)).answer == ANSWER
    assert isinstance(
        await idempotency.begin(pools, Place(org_id, "POST", "/api/v1/jobs/y", "k"), SENT), UUID
    )


async def test_another_organization_sees_and_meets_nothing(
    pools: Pools, store: EventStore, place: Place
) -> None:
    await keep(pools, place, await begun(pools, place))
    other = await founded(store, "Other")

    async with pools.reading(other) as connection:
        assert await connection.fetch("SELECT * FROM work.idempotency") == []
    async with pools.looking_up() as connection:
        assert await connection.fetch("SELECT * FROM work.idempotency") == []
    await begun(pools, Place(other, place.method, place.path, place.key), OTHER)

    assert (await found(pools, place)).answer == ANSWER


@pytest.mark.parametrize("column", ["body", "headers", "fingerprint", "file"])
async def test_the_writer_cannot_read_an_answer(pools: Pools, place: Place, column: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with pools.writing() as connection:
            await connection.execute(f"SELECT {column} FROM work.idempotency")


async def test_the_table_forces_row_level_security(database: Database) -> None:
    owner = await asyncpg.connect(database.owner_url)
    is_forced = await owner.fetchval(
        "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class"
        " WHERE oid = 'work.idempotency'::regclass"
    )
    await owner.close()

    assert is_forced
