"""The relay's look at a long queue: it reads what it sends, and not what waits behind it."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from domain.ids import OrgId
from packshot.store import jobrelay
from packshot.store.codec import genesis
from packshot.store.pool import DriverConnection, Pools
from services import Database

ORGANIZATIONS = sorted((OrgId.new() for _ in range(3)), key=lambda org_id: org_id.uuid)
WAITING, ENDED = 3000, 3000
MOST_READ = 50

Statement = Callable[[DriverConnection], Awaitable[Any]]


async def fill(database: Database, *, has_statistics: bool) -> None:
    """Jobs of three organizations, in a table whose statistics know them, or say it is empty."""
    owner = await asyncpg.connect(database.owner_url)
    await owner.execute("VACUUM ANALYZE work.job")
    heads = [(org_id.uuid, genesis(org_id.uuid)) for org_id in ORGANIZATIONS]
    await owner.executemany("INSERT INTO es.tenant_head (tenant_id, hash) VALUES ($1, $2)", heads)
    for state, count in (("waiting", WAITING), ("ended", ENDED)):
        await owner.executemany(
            "INSERT INTO work.job (tenant_id, job_id, state, priority, due_at, correlation_id)"
            " VALUES ($1, $2, $3, 5, now(), 'cor_1')",
            [(ORGANIZATIONS[n % 3].uuid, uuid4(), state) for n in range(count)],
        )
    if has_statistics:
        await owner.execute("ANALYZE work.job")
    await owner.close()


async def rows_read(connection: DriverConnection) -> int:
    """How many rows of the queue this database has read so far, by any index or by none."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    read: int = await connection.fetchval(
        """
        SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = 'job'
                AND schemaname = 'work')::bigint
             + (SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'job'
                AND schemaname = 'work')
        """
    )
    return read


@pytest.mark.parametrize("after", [None, *(org_id.uuid for org_id in ORGANIZATIONS[:2])])
@pytest.mark.parametrize("has_statistics", [False, True])
async def test_a_look_and_its_note_read_few_rows_of_a_long_queue(
    pools: Pools, database: Database, after: Any, *, has_statistics: bool
) -> None:
    await fill(database, has_statistics=has_statistics)

    async with pools.writing() as connection:
        before = await rows_read(connection)
        await jobrelay.count_under_way(connection)
        due = await jobrelay.next_in_turn(connection, after=after, most=4)
        await jobrelay.mark_sent(connection, due)
        read = await rows_read(connection) - before

    assert len(due) == 4
    assert read < MOST_READ
