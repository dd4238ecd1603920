import asyncpg

from packshot.store.migrate import applied_migrations, migrate, migrations
from packshot.store.pool import open_pools
from services import Database, RunningServices


async def test_migrating_twice_does_nothing_the_second_time(servers: RunningServices) -> None:
    async with servers.empty_database() as database:
        assert await migrate(database.owner_url) == list(migrations())
        assert await migrate(database.owner_url) == []


async def test_an_empty_database_has_had_no_migration(
    servers: RunningServices,
    database: Database,  # its migrations make the roles, which outlive a database
) -> None:
    async with (
        servers.empty_database() as empty,
        open_pools(empty.app_url, empty.writer_url) as pools,
        pools.looking_up() as connection,
    ):
        assert await applied_migrations(connection) == set()


async def test_the_app_reads_which_migrations_were_applied(servers: RunningServices) -> None:
    async with (
        servers.database() as database,
        open_pools(database.app_url, database.writer_url) as pools,
        pools.looking_up() as connection,
    ):
        assert await applied_migrations(connection) == migrations().keys()


OLD_KEY = """
INSERT INTO views.organization VALUES ('00000000-0000-0000-0000-000000000001', 'Acme', now());
INSERT INTO views.api_key (tenant_id, key_id, kid, mac, pepper_id, name, environment, scopes,
                           created_at)
VALUES ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', 'abcdefgh',
        'mac', 1, 'First key', 'live', '{files:read}', now());
INSERT INTO es.event VALUES ('00000000-0000-0000-0000-000000000001', 1,
        '00000000-0000-0000-0000-000000000002', 1, gen_random_uuid(), 'api-key.issued.v1', '{}',
        '{"actor":{"type":"system","id":"up"}}', now(), '');
"""


async def test_a_key_of_an_earlier_release_works_on_and_learns_who_made_it(
    servers: RunningServices,
) -> None:
    before = [sql for name, sql in migrations().items() if name < "0009"]
    async with servers.empty_database() as database:
        owner = await asyncpg.connect(database.owner_url)
        for sql in before:
            await owner.execute(sql)
        await owner.execute(OLD_KEY)

        await owner.execute(migrations()["0009_keys"])

        found = await owner.fetchrow("SELECT * FROM views.find_key('abcdefgh')")
        listed = await owner.fetchrow("SELECT * FROM views.api_key")
        forced = await owner.fetch(
            "SELECT relname FROM pg_class WHERE relforcerowsecurity AND relname IN"
            " ('event', 'api_key', 'api_key_secret')"
        )
        await owner.close()
    assert (found["mac"], found["pepper_id"], found["secret_until"]) == (b"mac", 1, None)
    assert (listed["created_by_type"], listed["created_by_id"]) == ("system", "up")
    assert (listed["version"], listed["revoked_at"]) == (1, None)
    assert len(forced) == 3
