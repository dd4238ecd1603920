"""The tables of a rebuild: one made beside the living table, and the two changing places.

Everything here runs as the owner of the schema. Names are those of views, which stand in the code.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from packshot.store.pool import DriverConnection

INDEXES = """
SELECT c.relname AS name, pg_get_indexdef(c.oid) AS definition, i.indisprimary AS is_primary,
       EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid) AS is_constraint
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = to_regclass($1) ORDER BY c.relname
"""
# What stands at the living table besides its columns and indexes, as statements for another table.
GUARDS = """
SELECT format('ALTER TABLE views.%I SET (%s)', $2::text, option) AS statement
FROM pg_class c, unnest(c.reloptions) AS option WHERE c.oid = to_regclass($1)
UNION ALL
SELECT format('ALTER TABLE views.%I ENABLE ROW LEVEL SECURITY', $2::text)
FROM pg_class c WHERE c.oid = to_regclass($1) AND c.relrowsecurity
UNION ALL
SELECT format('ALTER TABLE views.%I FORCE ROW LEVEL SECURITY', $2::text)
FROM pg_class c WHERE c.oid = to_regclass($1) AND c.relforcerowsecurity
UNION ALL
SELECT format('CREATE POLICY %I ON views.%I AS %s FOR %s TO %s', p.policyname, $2::text,
              p.permissive, p.cmd, array_to_string(p.roles, ', '))
       || coalesce(' USING (' || p.qual || ')', '')
       || coalesce(' WITH CHECK (' || p.with_check || ')', '')
FROM pg_policies p WHERE format('%I.%I', p.schemaname, p.tablename) = $1
UNION ALL
SELECT format('GRANT %s ON views.%I TO %I', a.privilege_type, $2::text, a.grantee::regrole)
FROM pg_class c, aclexplode(c.relacl) a WHERE c.oid = to_regclass($1) AND a.grantee <> c.relowner
UNION ALL
SELECT format('GRANT %s (%I) ON views.%I TO %I', a.privilege_type, t.attname, $2::text,
              a.grantee::regrole)
FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = to_regclass($1)
"""
FORGET = "DELETE FROM es.position WHERE view = $1"
TAKE_OVER = "UPDATE es.position SET view = $1 WHERE view = $2"


async def make_beside(owner: DriverConnection, living: str, copy: str) -> None:
    """Make an empty table like the living one, with its primary key; its indexes come later.

    A table is filled half as fast again while it has no other index.
    """
    async with owner.transaction():
        await drop(owner, copy)
        await owner.execute(
            f"CREATE TABLE views.{copy} (LIKE views.{living} INCLUDING ALL EXCLUDING INDEXES)"
        )
        for index in await owner.fetch(INDEXES, f"views.{living}"):
            if index["is_primary"]:
                name = await _build(owner, index, living, copy)
                as_key = f"ADD CONSTRAINT {name} PRIMARY KEY USING INDEX {name}"
                await owner.execute(f"ALTER TABLE views.{copy} {as_key}")
        for guard in await owner.fetch(GUARDS, f"views.{living}", copy):
            await owner.execute(guard["statement"])


async def drop(owner: DriverConnection, copy: str) -> None:
    """Remove a copy, if there is one, with its positions, inside the caller's transaction."""
    await owner.execute(f"DROP TABLE IF EXISTS views.{copy}")
    await forget(owner, copy)


async def forget(owner: DriverConnection, name: str) -> None:
    """Remove every position of that name, inside the caller's transaction."""
    async with as_projector(owner):
        await owner.execute(FORGET, name)


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
        for index in secondary:
            if index["is_constraint"]:
                name = index["name"].replace(living, copy, 1)
                as_rule = f"ADD CONSTRAINT {name} UNIQUE USING INDEX {name}"
                await owner.execute(f"ALTER TABLE views.{copy} {as_rule}")
        await owner.execute(f"ANALYZE views.{copy}")


async def change_places(owner: DriverConnection, living: str, copy: str) -> None:
    """Make the copy the living table, inside the caller's transaction; the old one is dropped.

    The copy's positions are the living one's from then on.
    """
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
