"""The tables of a rebuild: one made beside the living table, and the two changing places.

Everything here runs as the owner of the schema. Names are those of views, which stand in the code.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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
        await _build(owner, living, copy, primary=True)
        await owner.execute("SELECT views.guard_following($1::text::regclass)", f"views.{copy}")


async def finish_indexes(owner: DriverConnection, living: str, copy: str) -> None:
    """Build the other indexes of the living table on the copy, and gather its statistics."""
    await _build(owner, living, copy, primary=False)
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


async def _build(owner: DriverConnection, living: str, copy: str, *, primary: bool) -> None:
    for index in await owner.fetch(INDEXES, f"views.{living}"):
        if index["is_primary"] is not primary:
            continue
        name = index["name"].replace(living, copy, 1)
        before, using, columns = index["definition"].partition(" USING ")
        unique = "UNIQUE " if before.startswith("CREATE UNIQUE") else ""
        await owner.execute(f"CREATE {unique}INDEX {name} ON views.{copy}{using}{columns}")
        if primary:
            await owner.execute(
                f"ALTER TABLE views.{copy} ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}"
            )
