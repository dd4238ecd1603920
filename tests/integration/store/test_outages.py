"""The server ends its connections, as a restart does: callers are told, and the next are served."""

from collections.abc import Awaitable, Callable

import asyncpg
import pytest

from domain.errors import Unavailable
from domain.ids import OrgId
from given import context, requested_job
from packshot.store.events import EventStore
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


async def tries(act: Callable[[], Awaitable[object]]) -> int:
    """How often the act had to be tried until the database was there."""
    for number in range(1, 20):
        try:
            await act()
        except Unavailable:
            continue
        return number
    pytest.fail("the database stayed away")
