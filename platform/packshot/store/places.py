"""The tables of a rebuild: one made beside the living table, and the two changing places.

Everything here runs as the owner of the schema. Names are those of views, which stand in the code.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from packshot.store.pool import DriverConnection

INDEXES = """
SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition, i.indisprimary AS is_primary
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = to_regclass($1) ORDER BY c.relname
"""
FORGET = "DELETE FROM es.position WHERE view = $1"
TAKE_OVER = "UPDATE es.position SET view = $1 WHERE view = $2"


async def make_beside(owner: DriverConnection, living: str, copy: str) -> None:
    """Make an empty table like the living one, with its primary key; its indexes come later.

    A table is filled half as fast again while it has no other index.
    """
    async with owner.transaction():
        await owner.execute(f"DROP TABLE IF EXISTS views.{copy}")
        async with as_projector(owner):
            await owner.execute(FORGET, copy)
        await owner.execute(
            f"CREATE TABLE views.{copy} (LIKE views.{living} INCLUDING ALL EXCLUDING INDEXES)"
        )
        for index in await owner.fetch(INDEXES, f"views.{living}"):
            if index["is_primary"]:
                name = await _build(owner, index, living, copy)
                as_key = f"ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}"
                await owner.execute(f"ALTER TABLE views.{copy} {as_key}")
        await owner.execute("SELECT views.guard_following($1::text::regclass)", f"views.{copy}")


async def finish_indexes(owner_url: str, living: str, copy: str) -> None:
    """Build the other indexes of the living table on the copy, all at once, and its statistics."""
    async with _owning(owner_url) as owner:
        found = await owner.fetch(INDEXES, f"views.{living}")
        secondary = [index for index in found if not index["is_primary"]]

    async def build(index: asyncpg.Record) -> None:
        async with _owning(owner_url) as owner:
            await _build(owner, index, living, copy)

    await asyncio.gather(*map(build, secondary))
    async with _owning(owner_url) as owner:
        await owner.execute(f"ANALYZE views.{copy}")


async def change_places(owner: DriverConnection, living: str, copy: str) -> None:
    """Make the copy the living table, inside the caller's transaction; the old one is dropped."""
    async with as_projector(owner):
        await owner.execute(FORGET, living)
        await owner.execute(TAKE_OVER, living, copy)
    await owner.execute(f"DROP TABLE views.{living}")
    await owner.execute(f"ALTER TABLE views.{copy} RENAME TO {living}")
    for index in await owner.fetch(INDEXES, f"views.{living}"):
        name = index["name"].replace(copy, living, 1)
        await owner.execute(f"ALTER INDEX views.{index['name']} RENAME TO {name}")


@asynccontextmanager
async def as_projector(owner: DriverConnection) -> AsyncIterator[None]:
    """Be the projector for a while, inside a transaction: an owner may be confined to no rows."""
    await owner.execute("SET LOCAL ROLE packshot_projector")
    yield
    await owner.execute("SET LOCAL ROLE NONE")


@asynccontextmanager
async def _owning(owner_url: str) -> AsyncIterator[DriverConnection]:
    connection = await asyncpg.connect(owner_url)
    try:
        yield connection
    finally:
        await connection.close()


async def _build(owner: DriverConnection, index: asyncpg.Record, living: str, copy: str) -> str:
    """Build an index of the living table on the copy too, and return its name."""
    name: str = index["name"].replace(living, copy, 1)
    before, using, columns = index["definition"].partition(" USING ")
    unique = "UNIQUE " if before.startswith("CREATE UNIQUE") else ""
    await owner.execute(f"CREATE {unique}INDEX {name} ON views.{copy}{using}{columns}")
    return name
