"""Brings a database to the newest schema: numbered SQL files, forward only."""

from importlib.resources import files

import asyncpg

from packshot.store.pool import Connection, DriverConnection

# Two processes may migrate at once; the second waits here and then finds nothing to do.
MIGRATION_LOCK = 0x7061636B  # "pack"

LEDGER = """
CREATE TABLE IF NOT EXISTS public.packshot_migration (
  name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now()
)
"""


def migrations() -> dict[str, str]:
    """Every migration of this release: name → SQL, in the order of their numbers."""
    folder = files("packshot.store").joinpath("migrations")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return {name.removesuffix(".sql"): folder.joinpath(name).read_text() for name in names}


async def migrate(owner_url: str) -> list[str]:
    """Apply what is missing, as the owner of the schema; returns the names of what was applied."""
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await connection.execute(LEDGER)
        await connection.execute("GRANT SELECT ON public.packshot_migration TO PUBLIC")
        done = await applied_migrations(connection)
        missing = {name: sql for name, sql in migrations().items() if name not in done}
        for name, sql in missing.items():
            async with connection.transaction():
                await connection.execute(sql)
                await connection.execute(
                    "INSERT INTO public.packshot_migration (name) VALUES ($1)", name
                )
        return list(missing)
    finally:
        await connection.close()


async def applied_migrations(connection: "Connection | DriverConnection") -> set[str]:
    """The names of the migrations that a database has had; none in one that is still empty."""
    if await connection.fetchval("SELECT to_regclass('public.packshot_migration')") is None:
        return set()
    rows = await connection.fetch("SELECT name FROM public.packshot_migration")
    return {row["name"] for row in rows}
