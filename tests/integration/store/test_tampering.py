"""Nothing in a log can be changed unnoticed: no bit of twenty events, and not all of it at once."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from domain.ids import OrgId
from exports import rows_of
from given import context, founded, requested_job
from makers import an_output
from packshot.store.chain import Broken, Chain
from packshot.store.codec import digest, genesis
from packshot.store.events import EventStore
from packshot.store.verify import verify_log
from services import Database

VERSION_BITS, TIME_BITS, UUID_BITS = 32, 55, 128


@pytest.fixture
async def org_id(store: EventStore) -> OrgId:
    """A log of twenty events, in appends of one and of three."""
    org_id = await founded(store, "Acme")
    for _ in range(4):
        await store.save(context(org_id), requested_job(sku="SKU"))
        job = requested_job(sku="Größe 38 😀")
        job.start()
        job.succeed([an_output()], cached=False)
        await store.save(context(org_id), job)
    await store.save(context(org_id), requested_job(), requested_job(), requested_job())
    return org_id


def holds(rows: list[tuple[Any, ...]], org_id: OrgId, tip: bytes) -> bool:
    """Whether the rows are a chain that leads to that tip."""
    chain = Chain(org_id.uuid)
    try:
        for row in rows:
            chain.add(row)
        chain.end()
    except Broken:
        return False
    return (chain.position, chain.tip) == (20, tip)


def flipped(value: Any) -> Iterator[Any]:
    """The value with one bit changed, once for each of its bits."""
    match value:
        case UUID():
            yield from (UUID(int=value.int ^ 1 << bit) for bit in range(UUID_BITS))
        case int():
            yield from (value ^ 1 << bit for bit in range(VERSION_BITS))
        case str():
            yield from flipped_texts(value)
        case bytes():
            yield from (flip(value, bit) for bit in range(len(value) * 8))
        case _:  # a time: the bits of its microseconds
            yield from (value + timedelta(microseconds=1 << bit) for bit in range(TIME_BITS - 1))


def flipped_texts(text: str) -> Iterator[str]:
    """Those that are text still: the database holds no other."""
    for bit in range(len(text.encode()) * 8):
        try:
            yield flip(text.encode(), bit).decode()
        except UnicodeDecodeError:
            continue


def flip(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


async def test_every_bit_of_twenty_events_is_guarded(store: EventStore, org_id: OrgId) -> None:
    rows = await rows_of(store, org_id)
    tip = rows[-1][8]
    changes, unnoticed = 0, []
    for number, row in enumerate(rows):
        for column, value in enumerate(row):
            for other in flipped(value):
                changes += 1
                changed = (*row[:column], other, *row[column + 1 :])
                if holds([*rows[:number], changed, *rows[number + 1 :]], org_id, tip):
                    unnoticed.append((number, column))

    assert holds(rows, org_id, tip)
    assert len(rows) == 20
    assert changes > 60_000
    assert unnoticed == []


async def test_no_event_can_be_left_out_repeated_or_moved(store: EventStore, org_id: OrgId) -> None:
    rows = await rows_of(store, org_id)
    tip = rows[-1][8]
    numbers = range(len(rows))
    wrong = [
        *([*rows[:n], *rows[n + 1 :]] for n in numbers),
        *([*rows[:n], rows[n], *rows[n:]] for n in numbers),
        *(rows[:n] for n in numbers),
        *(rows[n:] for n in numbers[1:]),
        *(
            exchanged(rows, n, m, with_positions=flag)
            for n in numbers
            for m in range(n)
            for flag in (False, True)
        ),
    ]

    assert [n for n, forged in enumerate(wrong) if holds(forged, org_id, tip)] == []


def exchanged(
    rows: list[tuple[Any, ...]], n: int, m: int, *, with_positions: bool
) -> list[tuple[Any, ...]]:
    """Two rows in each other's place, each with its own number or with the one of the place."""
    moved = list(rows)
    moved[n], moved[m] = rows[m], rows[n]
    if with_positions:
        moved[n], moved[m] = (rows[n][0], *rows[m][1:]), (rows[m][0], *rows[n][1:])
    return moved


@pytest.fixture
async def forger(database: Database) -> AsyncIterator[Any]:
    """A superuser who has switched the triggers off."""
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def rehash_everything(forger: Any, org_id: OrgId) -> None:
    """Change the first event and make every hash, the head's as well, fit what it says now."""
    await forger.execute(
        "UPDATE es.event SET data = replace(data::text, 'Acme', 'Evil')::json"
        " WHERE tenant_id = $1 AND seq = 1",
        org_id.uuid,
    )
    rows = await forger.fetch(
        "SELECT seq, stream_id, version, event_id, type, data, meta, at, hash"
        " FROM es.event WHERE tenant_id = $1 ORDER BY seq",
        org_id.uuid,
    )
    tip, appends = genesis(org_id.uuid), {}
    for row in rows:
        appends.setdefault(row["hash"], []).append(row)
    for append in appends.values():
        digests = b"".join(digest(org_id.uuid, *tuple(row)[1:8]) for row in append)
        tip = hashlib.sha256(tip + digests).digest()
        await forger.execute(
            "UPDATE es.event SET hash = $3 WHERE tenant_id = $1 AND seq = ANY($2)",
            org_id.uuid,
            [row["seq"] for row in append],
            tip,
        )
    await forger.execute(
        "UPDATE es.tenant_head SET hash = $2 WHERE tenant_id = $1", org_id.uuid, tip
    )


async def test_a_log_written_anew_by_a_superuser_is_found_by_a_witness(
    store: EventStore, database: Database, org_id: OrgId, forger: Any
) -> None:
    kept = await store.save(context(org_id), requested_job())
    witness = {org_id: {kept.position: kept.hash}}
    assert [v.valid for v in await verify_log(database.owner_url, witness)] == [True]

    await rehash_everything(forger, org_id)

    [alone] = await verify_log(database.owner_url)
    [witnessed] = await verify_log(database.owner_url, witness)
    assert alone.valid, "the forgery is not perfect: it shows without a witness"
    assert (witnessed.valid, witnessed.first_bad) == (False, kept.position)


async def test_an_organization_that_was_removed_whole_is_missed_by_a_witness(
    store: EventStore, database: Database, org_id: OrgId, forger: Any
) -> None:
    kept = await store.save(context(org_id), requested_job())
    await forger.execute("DELETE FROM es.event WHERE tenant_id = $1", org_id.uuid)
    await forger.execute("DELETE FROM es.tenant_head WHERE tenant_id = $1", org_id.uuid)

    [verdict] = await verify_log(database.owner_url, {org_id: {kept.position: kept.hash}})

    assert (verdict.valid, verdict.first_bad) == (False, 1)
