"""A log that somebody with every right has changed does not verify."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from domain.ids import OrgId
from given import context, founded, requested_job
from makers import an_output
from packshot.store.events import EventStore
from packshot.store.verify import Verdict, verify_log, verify_tenant
from services import Database

Forger = Any


@pytest.fixture
async def forger(database: Database) -> AsyncIterator[Forger]:
    """A superuser who has switched the triggers off."""
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


@pytest.fixture
async def full_log(store: EventStore) -> OrgId:
    """A log of appends of one and of several events, beside another organization's."""
    await founded(store, "Other")
    org_id = await founded(store, "Acme")
    for number in range(4):
        job = requested_job(sku=f"SKU-{number}")
        if number % 2:
            job.start()
            job.succeed([an_output()], cached=False)
        await store.save(context(org_id), job)
    return org_id


async def verdict_of(database: Database, org_id: OrgId) -> Verdict:
    verdicts = {verdict.org_id: verdict for verdict in await verify_log(database.owner_url)}
    assert [v.valid for org, v in verdicts.items() if org != org_id] == [True]
    return verdicts[org_id]


async def test_a_log_that_nobody_touched_verifies(database: Database, full_log: OrgId) -> None:
    verdict = await verdict_of(database, full_log)

    assert (verdict.valid, verdict.events) == (True, 9)


CHANGES = {
    "stream_id": "gen_random_uuid()",
    "version": "version + 1000",
    "event_id": "gen_random_uuid()",
    "type": "type || '2'",
    "at": "at + interval '1 microsecond'",
    "hash": "set_bit(hash, 100, 1 - get_bit(hash, 100))",
    "data": "replace(data::text, '1000', '1001')::json",
    "meta": "replace(meta::text, 'cor_1', 'cor_2')::json",
}


@pytest.mark.parametrize("column", CHANGES)
async def test_a_change_in_any_column_is_found_in_its_place(
    database: Database, full_log: OrgId, forger: Forger, column: str
) -> None:
    position = 6
    done = await forger.execute(
        f"UPDATE es.event SET {column} = {CHANGES[column]} WHERE tenant_id = $1 AND seq = $2",
        full_log.uuid,
        position,
    )

    verdict = await verdict_of(database, full_log)

    assert done == "UPDATE 1"
    assert verdict.first_bad in {6, 7}
    assert verdict.reason


@pytest.mark.parametrize("position", [3, 4, 5])
async def test_a_change_inside_an_append_of_several_events_is_found(
    database: Database, full_log: OrgId, forger: Forger, position: int
) -> None:
    await forger.execute(
        "UPDATE es.event SET meta = replace(meta::text, 'cor_1', 'cor_2')::json"
        " WHERE tenant_id = $1 AND seq = $2",
        full_log.uuid,
        position,
    )

    verdict = await verdict_of(database, full_log)

    assert verdict.first_bad == 3
    assert "positions 3 to 5" in str(verdict.reason)


@pytest.mark.parametrize("at", ["infinity", "-infinity", "294000-01-01", "4000-01-01 BC"])
async def test_a_time_that_no_clock_shows_is_found_in_its_place(
    database: Database, full_log: OrgId, forger: Forger, at: str
) -> None:
    await forger.execute(
        f"UPDATE es.event SET at = '{at}' WHERE tenant_id = $1 AND seq = 6", full_log.uuid
    )

    assert (await verdict_of(database, full_log)).first_bad == 6


@pytest.mark.parametrize("column", ["stream_id", "event_id", "type", "data", "meta", "at", "hash"])
async def test_an_emptied_column_is_found_in_its_place(
    database: Database, full_log: OrgId, forger: Forger, column: str
) -> None:
    await forger.execute(f"ALTER TABLE es.event ALTER {column} DROP NOT NULL")
    await forger.execute(
        f"UPDATE es.event SET {column} = NULL WHERE tenant_id = $1 AND seq = 6", full_log.uuid
    )

    assert (await verdict_of(database, full_log)).first_bad == 6


async def test_who_cannot_see_every_organization_cannot_say_that_all_hold(
    database: Database, full_log: OrgId
) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await verify_log(database.app_url)


async def test_every_flipped_bit_of_an_event_is_found(full_log: OrgId, forger: Forger) -> None:
    text = await forger.fetchval(
        "SELECT data::text FROM es.event WHERE tenant_id = $1 AND seq = 2", full_log.uuid
    )
    unnoticed = []
    for place in range(len(text) * 8):
        raw = bytearray(text.encode())
        raw[place // 8] ^= 1 << place % 8
        try:
            flipped = raw.decode()
            await forger.execute(
                "UPDATE es.event SET data = $1::json WHERE tenant_id = $2 AND seq = 2",
                flipped,
                full_log.uuid,
            )
        except (UnicodeDecodeError, asyncpg.DataError):
            continue  # no JSON, or no text: the database itself does not take it
        async with forger.transaction():
            verdict = await verify_tenant(forger, full_log.uuid)
        if verdict.first_bad != 2:
            unnoticed.append(flipped)

    assert unnoticed == []


async def test_a_deleted_event_is_found(
    database: Database, full_log: OrgId, forger: Forger
) -> None:
    await forger.execute("DELETE FROM es.event WHERE tenant_id = $1 AND seq = 5", full_log.uuid)

    assert (await verdict_of(database, full_log)).first_bad == 3  # its append began there


async def test_a_truncated_log_is_found(
    database: Database, full_log: OrgId, forger: Forger
) -> None:
    await forger.execute("DELETE FROM es.event WHERE tenant_id = $1 AND seq > 7", full_log.uuid)

    verdict = await verdict_of(database, full_log)

    assert verdict.first_bad is not None
    assert verdict.first_bad >= 6


async def test_a_log_whose_end_was_cut_off_with_its_whole_append_is_found_by_the_head(
    database: Database, full_log: OrgId, forger: Forger
) -> None:
    await forger.execute("DELETE FROM es.event WHERE tenant_id = $1 AND seq > 6", full_log.uuid)

    verdict = await verdict_of(database, full_log)

    assert verdict.first_bad == 7
    assert "head" in str(verdict.reason)


async def test_two_exchanged_events_are_found(
    database: Database, full_log: OrgId, forger: Forger
) -> None:
    await forger.execute("ALTER TABLE es.event DROP CONSTRAINT event_pkey")
    await forger.execute(
        "UPDATE es.event SET seq = CASE seq WHEN 4 THEN 5 ELSE 4 END"
        " WHERE tenant_id = $1 AND seq IN (4, 5)",
        full_log.uuid,
    )

    assert (await verdict_of(database, full_log)).first_bad in {3, 4}


async def test_a_lost_or_changed_head_is_found(
    database: Database, full_log: OrgId, forger: Forger
) -> None:
    await forger.execute(
        "UPDATE es.tenant_head SET hash = $2 WHERE tenant_id = $1",
        full_log.uuid,
        hashlib.sha256(b"forged").digest(),
    )
    assert not (await verdict_of(database, full_log)).valid

    await forger.execute("DELETE FROM es.tenant_head WHERE tenant_id = $1", full_log.uuid)
    assert not (await verdict_of(database, full_log)).valid


async def test_an_event_moved_to_another_organization_is_found_in_both(
    database: Database, full_log: OrgId, forger: Forger
) -> None:
    await forger.execute(
        "UPDATE es.event SET seq = 2,"
        " tenant_id = (SELECT tenant_id FROM es.tenant_head WHERE tenant_id <> $1)"
        " WHERE tenant_id = $1 AND seq = 9",
        full_log.uuid,
    )

    assert [verdict.valid for verdict in await verify_log(database.owner_url)] == [False, False]
