from datetime import UTC, datetime, timedelta

import asyncpg

from domain.ids import KeyId, UserId
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


async def test_keys_of_an_earlier_release_learn_who_answers_for_them_and_when_to_tell_of_their_end(
    servers: RunningServices,
) -> None:
    ada, first, second, third = UserId.new(), *[KeyId.new() for _ in range(3)]
    end = datetime(2030, 1, 31, tzinfo=UTC)
    made_by = {first: ("user", str(ada)), second: ("key", str(first)), third: ("key", str(second))}
    by_nobody = {KeyId.new(): ("system", "up"), KeyId.new(): ("key", "key_of_a_test")}
    before = [sql for name, sql in migrations().items() if name < "0014"]
    async with servers.empty_database() as database:
        owner = await asyncpg.connect(database.owner_url)
        for sql in before:
            await owner.execute(sql)
        for key_id, maker in (made_by | by_nobody).items():
            await owner.execute(
                """
                INSERT INTO views.api_key (tenant_id, key_id, version, kid, name, environment,
                                           scopes, created_at, created_by_type, created_by_id,
                                           expires_at)
                VALUES ('00000000-0000-0000-0000-000000000001', $1, 1, $2, 'Key', 'live',
                        '{files:read}', $3, $4, $5, $6)
                """,
                key_id.uuid, str(key_id)[-8:], end - timedelta(days=10), *maker, end,
            )  # fmt: skip

        await owner.execute(migrations()["0014_key_access"])

        rows = await owner.fetch("SELECT * FROM views.api_key")
        await owner.close()
    responsible = {KeyId(row["key_id"]): row["responsible_id"] for row in rows}
    assert {key_id: responsible[key_id] for key_id in made_by} == dict.fromkeys(made_by, ada.uuid)
    assert {responsible[key_id] for key_id in by_nobody} == {None}
    assert {row["next_notice_at"] for row in rows} == {end - timedelta(days=3)}
