"""Writers that meet at the head of an organization's log, all of them having looked before."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from domain.ids import OrgId
from services import Database


@asynccontextmanager
async def writers_held(database: Database, org_id: OrgId, *, waiting: int) -> AsyncIterator[None]:
    """Hold the organization's log until that many writers wait for it, then let them go."""
    holder = await asyncpg.connect(database.owner_url)
    try:
        async with holder.transaction():
            hold = "SELECT FROM es.tenant_head WHERE tenant_id = $1 FOR UPDATE"
            await holder.execute(hold, org_id.uuid)
            yield
            await until_waiting(database, waiting)
    finally:
        await holder.close()


async def until_waiting(database: Database, count: int) -> None:
    """Return once that many wait for a lock of somebody else."""
    watcher = await asyncpg.connect(database.owner_url)
    look = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    try:
        while await watcher.fetchval(look) < count:
            await asyncio.sleep(0.01)
    finally:
        await watcher.close()
