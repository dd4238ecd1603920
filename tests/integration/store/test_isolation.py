"""What the database itself refuses, whatever a statement says."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from domain.connection import Connection
from domain.ids import OrgId, TeamId, UserId
from domain.membership import Membership
from domain.roles import Role
from domain.team import Team, TeamRole
from domain.user import INSTALLATION
from follow import followed
from given import SECRETS, context, organizations_of, requested_job
from makers import a_connection, a_live_publish, a_synced_catalog, an_output
from packshot.commands.sessions import Sessions
from packshot.store import idempotency, resets, vault
from packshot.store.checkpoints import Checkpoint, add_checkpoint
from packshot.store.events import EventStore
from packshot.store.idempotency import Place
from packshot.store.keyuse import KeyUses
from packshot.store.pool import Pools, open_projector_pool
from packshot.store.resets import ResetLink
from packshot.store.vault import Vault
from services import Database

TENANT_TABLES = """
SELECT c.oid::regclass::text AS name, c.relrowsecurity, c.relforcerowsecurity,
       EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid) AS has_policy,
       pg_get_userbyid(c.relowner) AS owner,
       has_any_column_privilege('packshot_app', c.oid, 'SELECT') AS app_may_read
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname IN ('es', 'views', 'work') AND c.relkind IN ('r', 'p')
"""


async def test_every_table_forces_row_level_security(database: Database) -> None:
    owner = await asyncpg.connect(database.owner_url)
    tables = await owner.fetch(TENANT_TABLES)
    roles = await owner.fetch(
        "SELECT rolname FROM pg_roles WHERE rolname LIKE 'packshot%' AND (rolbypassrls OR rolsuper)"
    )
    await owner.close()

    assert len(tables) >= 6
    assert [
        t["name"] for t in tables if not (t["relrowsecurity"] and t["relforcerowsecurity"])
    ] == []
    assert [t["name"] for t in tables if not t["has_policy"]] == []
    assert [t["name"] for t in tables if t["owner"].startswith("packshot")] == []
    assert roles == []


@pytest.fixture
async def two_full_organizations(store: EventStore, database: Database) -> list[OrgId]:
    """Two organizations with rows in every table."""
    made = []
    for name in ("One", "Two"):
        created = await organizations_of(store).create(name, actor_id="test")
        org_id = created.org_id
        uses = KeyUses(store.pools, clock=lambda: datetime.now(UTC))
        uses.note(org_id, created.key_id, address="::1", endpoint="GET /api/v1/whoami")
        await uses.tell()
        job = requested_job()
        job.start()
        job.succeed([an_output()], cached=False)
        await store.save(context(org_id), job, a_live_publish())
        connection = a_connection()
        await store.save(context(org_id), connection, a_synced_catalog(connection, "SKU"))
        await sealed_for(store.pools, org_id, connection)
        place = Place(org_id, "POST", "/api/v1/jobs", "key")
        await idempotency.begin(store.pools, place, {"width": "64"})
        await store.save(context(org_id), Membership.begin(org_id, UserId.new(), Role.MEMBER))
        loaded = await store.load(Connection, org_id=org_id, stream_id=connection.id)
        store.snapshots.keep(org_id, loaded, event_id=loaded.id)
        await store.snapshots.settle()
        team, ann = Team.create(TeamId.new(), name="Shoes"), UserId.new()
        team.put_member(ann, TeamRole.LEAD)
        await store.save(context(org_id), team)
        made.append(org_id)
    await a_person_signs_in(store, made[0])
    await followed(database)
    await checked(database, made)
    return made


async def checked(database: Database, org_ids: list[OrgId]) -> None:
    """Give each log a checkpoint."""
    async with open_projector_pool(database.projector_url, size=1) as pool:
        for org_id in org_ids:
            one = Checkpoint(org_id, 1, bytes(32), datetime.now(UTC), "a note")
            await add_checkpoint(pool, one)


# People belong to the installation: their rows are of no organization.
OF_THE_INSTALLATION = {
    "work.person",
    "work.session",
    "work.link",
    "work.reset",
    "work.person_identity",
    "work.oidc_journey",
}


async def a_person_signs_in(store: EventStore, org_id: OrgId) -> None:
    people = organizations_of(store).people
    invited = await people.invite(context(org_id), Role.ADMIN)
    await people.join(invited.secret, email="a@example.com", name="A", password="a long password")
    user_id = UserId.new()
    await Sessions(store, lambda: datetime.now(UTC)).begin(user_id, org_id)
    async with store.pools.writing() as writer:
        later = datetime.now(UTC) + timedelta(hours=1)
        await resets.add_reset(writer, b"hash", ResetLink(user_id, org_id, later))
        identity = "INSERT INTO work.person_identity VALUES ($1, 'issuer', 'subject', $2, '', $3)"
        await writer.execute(identity, INSTALLATION.uuid, user_id.uuid, later)
        journey = (
            "INSERT INTO work.oidc_journey "
            "VALUES ($1, 'state', 'browser', 'link', $2, null, '/', null, $3, $3)"
        )
        await writer.execute(journey, INSTALLATION.uuid, user_id.uuid, later)


async def sealed_for(pools: Pools, org_id: OrgId, connection: Connection) -> None:
    """Credentials of a connection in the vault."""
    keeper, integration_id = Vault(pools, SECRETS.key_encryption_key), connection.integration_id
    sealed = await keeper.seal(org_id, integration_id, version=1, secret="whsec_AAAA")
    async with pools.writing() as writer:
        await vault.put(writer, org_id, integration_id, place="shop", sealed=sealed)


async def readable_tables(database: Database) -> list[str]:
    """The tables that the app may read, each with rows of more than one organization."""
    owner = await asyncpg.connect(database.owner_url)
    tables = [t["name"] for t in await owner.fetch(TENANT_TABLES) if t["app_may_read"]]
    counts = {t: await owner.fetchval(f"SELECT count(DISTINCT tenant_id) FROM {t}") for t in tables}
    await owner.close()
    several = {table for table in counts if table not in OF_THE_INSTALLATION}
    assert {table for table in several if counts[table] < 2} == set()
    assert {counts[table] for table in OF_THE_INSTALLATION} == {1}
    return tables


async def test_without_an_organization_the_app_sees_no_row(
    pools: Pools, database: Database, two_full_organizations: list[OrgId]
) -> None:
    async with pools.looking_up() as connection:
        for table in await readable_tables(database):
            assert await connection.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_a_forgotten_where_shows_one_organization_only(
    pools: Pools, database: Database, two_full_organizations: list[OrgId]
) -> None:
    org_id, _ = two_full_organizations

    async with pools.reading(org_id) as connection:
        for table in await readable_tables(database):
            rows = await connection.fetch(f"SELECT DISTINCT tenant_id FROM {table}")
            expected = [] if table in OF_THE_INSTALLATION else [org_id.uuid]
            assert [row["tenant_id"] for row in rows] == expected, table


async def test_the_organization_of_one_transaction_is_forgotten_with_it(
    store: EventStore, pools: Pools, org_id: OrgId
) -> None:
    for _ in range(pools.reader.get_max_size() + 1):
        async with pools.reading(org_id) as connection:
            assert await connection.fetchval("SELECT count(*) FROM es.event") == 1
        async with pools.looking_up() as connection:
            assert await connection.fetchval("SELECT count(*) FROM es.event") == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO es.event SELECT * FROM es.event",
        "UPDATE es.tenant_head SET seq = 0",
        "DELETE FROM es.event",
        "TRUNCATE es.event",
        "INSERT INTO views.api_key SELECT * FROM views.api_key",
        "SELECT * FROM es.claim",
        "SELECT mac FROM views.api_key_secret",
        "ALTER TABLE es.event DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "SET ROLE postgres",
        "SET ROLE packshot_writer",
    ],
)
async def test_the_app_cannot(pools: Pools, org_id: OrgId, statement: str) -> None:
    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)):
        async with pools.looking_up() as connection:
            await connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT data FROM es.event",
        "SELECT * FROM es.claim",
        "UPDATE es.event SET data = '{}'",
        "DELETE FROM es.event",
        "DELETE FROM es.tenant_head",
        "DELETE FROM views.api_key",
        "DELETE FROM views.output",
        "SELECT * FROM views.find_key('x')",
        "SELECT document FROM views.output",
        "SELECT mac FROM views.api_key_secret",
        "UPDATE views.api_key_secret SET mac = ''",
        "DELETE FROM views.api_key_secret",
        "UPDATE views.api_key SET environment = 'live'",
        "UPDATE views.api_key SET team_id = NULL",
        "UPDATE work.key_use SET tenant_id = tenant_id",
        "UPDATE views.api_key SET tenant_id = tenant_id",
        "UPDATE views.output SET document = '{}'",
        "UPDATE es.tenant_head SET open = true",
        "UPDATE es.tenant_head SET tenant_id = tenant_id",
    ],
)
async def test_the_writer_cannot(pools: Pools, org_id: OrgId, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with pools.writing() as connection:
            await connection.execute(statement)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE es.event SET type = type", "DELETE FROM es.event", "TRUNCATE es.event"],
)
async def test_even_the_owner_cannot_change_what_happened(
    database: Database, org_id: OrgId, statement: str
) -> None:
    owner = await asyncpg.connect(database.owner_url)

    with pytest.raises(asyncpg.RestrictViolationError, match="append-only"):
        await owner.execute(statement)

    await owner.close()
