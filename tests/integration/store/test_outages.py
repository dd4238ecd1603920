"""The server ends its connections, as a restart does: callers are told, and the next are served."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from domain.errors import Unavailable
from domain.ids import OrgId
from given import context, requested_job
from packshot.store.events import EventStore
from packshot.store.pool import Pools
from services import Database

END_EVERY_CONNECTION = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename IN ('packshot_app', 'packshot_writer') AND datname = current_database()
"""


async def test_a_read_or_a_save_after_a_restart_succeeds_or_says_that_the_database_is_away(
    store: EventStore, database: Database, org_id: OrgId
) -> None:
    owner = await asyncpg.connect(database.owner_url)
    for _ in range(20):  # the driver notices the end sooner or later, and says different things
        await owner.execute(END_EVERY_CONNECTION)

        assert await tries(lambda: store.read(org_id)) <= 3
        assert await tries(lambda: store.save(context(org_id), requested_job())) <= 3
    await owner.close()

    positions = [event.position for event in await store.read(org_id)]
    assert positions == list(range(1, 22))


@pytest.mark.parametrize("code", ["53100", "53200", "53300", "57014", "57P01", "40P01", "25006"])
async def test_what_passes_by_itself_is_an_outage(pools: Pools, code: str) -> None:
    """A full disk, no memory, no connection, a cancel, a shutdown, a deadlock, a standby."""
    with pytest.raises(Unavailable):
        async with pools.writing() as connection:
            await connection.execute(f"DO $$ BEGIN RAISE SQLSTATE '{code}'; END $$")


async def test_a_mistake_of_ours_is_no_outage(pools: Pools) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with pools.writing() as connection:
            await connection.execute("SELECT tenant_id FROM es.nowhere")


async def tries(act: Callable[[], Awaitable[object]]) -> int:
    """How often the act had to be tried until the database was there."""
    for number in range(1, 20):
        try:
            await act()
        except Unavailable:
            continue
        return number
    pytest.fail("the database stayed away")
