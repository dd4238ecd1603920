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
