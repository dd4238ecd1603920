"""What is sealed opens where it was sealed, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from domain.ids import IntegrationId, OrgId
from given import SECRETS, founded
from packshot.store import vault
from packshot.store.events import EventStore
from packshot.store.pool import DriverConnection, Pools
from packshot.store.vault import SealBroken, Sealed, Vault
from services import Database

SECRET = "whsec_canary-canary-canary-canary"


@pytest.fixture
def keeper(pools: Pools) -> Vault:
    return Vault(pools, SECRETS.key_encryption_key)


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[DriverConnection]:
    """A connection of the database's owner, who may change everything."""
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


async def kept(keeper: Vault, org_id: OrgId, secret: str = SECRET) -> IntegrationId:
    """A connection with these credentials."""
    integration_id = IntegrationId.new()
    sealed = await keeper.seal(org_id, integration_id, version=1, secret=secret)
    async with keeper.pools.writing() as writer:
        place = str(integration_id)
        assert await vault.put(writer, org_id, integration_id, place=place, sealed=sealed)
    return integration_id


async def test_what_was_sealed_opens(keeper: Vault, org_id: OrgId) -> None:
    assert await keeper.open(org_id, await kept(keeper, org_id)) == SECRET


async def test_where_nothing_is_sealed_nothing_opens(keeper: Vault, org_id: OrgId) -> None:
    integration_id = IntegrationId.new()
    async with keeper.pools.writing() as writer:
        await vault.put(writer, org_id, integration_id, place="demo", sealed=None)

    assert await keeper.open(org_id, integration_id) is None
    assert await keeper.open(org_id, IntegrationId.new()) is None


async def test_the_same_secret_is_sealed_differently_each_time(
    keeper: Vault, org_id: OrgId
) -> None:
    integration_id = IntegrationId.new()

    one, other = [
        await keeper.seal(org_id, integration_id, version=1, secret=SECRET) for _ in range(2)
    ]

    assert one.nonce != other.nonce
    assert one.ciphertext != other.ciphertext
    assert SECRET not in repr(one)


async def test_what_is_moved_to_another_connection_does_not_open(
    keeper: Vault, org_id: OrgId, owner: DriverConnection
) -> None:
    one, other = await kept(keeper, org_id), await kept(keeper, org_id, "whsec_other")

    await owner.execute(
        """
        UPDATE work.credential c SET nonce = o.nonce, ciphertext = o.ciphertext
        FROM work.credential o WHERE c.integration_id = $1 AND o.integration_id = $2
        """,
        one.uuid,
        other.uuid,
    )

    with pytest.raises(SealBroken):
        await keeper.open(org_id, one)


async def test_what_is_moved_to_another_organization_does_not_open(
    keeper: Vault, store: EventStore, org_id: OrgId, owner: DriverConnection
) -> None:
    other = await founded(store, "Other")
    stolen = await kept(keeper, org_id)
    await kept(keeper, other)

    await owner.execute(
        "UPDATE work.credential SET tenant_id = $1 WHERE integration_id = $2",
        other.uuid,
        stolen.uuid,
    )
    with pytest.raises(SealBroken):
        await keeper.open(other, stolen)

    await owner.execute(
        """
        UPDATE work.data_key k SET nonce = o.nonce, wrapped = o.wrapped FROM work.data_key o
        WHERE k.tenant_id = $1 AND o.tenant_id = $2
        """,
        other.uuid,
        org_id.uuid,
    )
    with pytest.raises(SealBroken):
        await keeper.open(other, stolen)


async def test_an_older_version_in_the_place_of_a_newer_one_does_not_open(
    keeper: Vault, org_id: OrgId, owner: DriverConnection
) -> None:
    integration_id = await kept(keeper, org_id)
    newer = await keeper.seal(org_id, integration_id, version=2, secret="whsec_newer")
    before = await owner.fetchrow("SELECT nonce, ciphertext FROM work.credential")
    assert before is not None
    async with keeper.pools.writing() as writer:
        await vault.replace(writer, org_id, integration_id, sealed=newer)
    assert await keeper.open(org_id, integration_id) == "whsec_newer"

    await owner.execute("UPDATE work.credential SET nonce = $1, ciphertext = $2", *before.values())

    with pytest.raises(SealBroken):
        await keeper.open(org_id, integration_id)


@pytest.mark.parametrize("column", ["nonce", "ciphertext"])
async def test_one_bit_changed_does_not_open(
    keeper: Vault, org_id: OrgId, owner: DriverConnection, column: str
) -> None:
    integration_id = await kept(keeper, org_id)

    await owner.execute(
        f"UPDATE work.credential SET {column} = set_bit({column}, 3, 1 - get_bit({column}, 3))"
    )

    with pytest.raises(SealBroken):
        await keeper.open(org_id, integration_id)


async def test_another_installations_key_opens_nothing(keeper: Vault, org_id: OrgId) -> None:
    integration_id = await kept(keeper, org_id)

    with pytest.raises(SealBroken):
        await Vault(keeper.pools, b"k" * 32).open(org_id, integration_id)


async def test_one_data_key_is_made_however_many_ask_at_once(
    keeper: Vault, org_id: OrgId, owner: DriverConnection
) -> None:
    ids = await asyncio.gather(*(kept(keeper, org_id) for _ in range(8)))

    assert await owner.fetchval("SELECT count(*) FROM work.data_key") == 1
    assert [await keeper.open(org_id, one) for one in ids] == [SECRET] * 8


async def test_the_database_holds_no_secret_and_no_key(
    keeper: Vault, org_id: OrgId, owner: DriverConnection
) -> None:
    await kept(keeper, org_id)

    rows = [
        str(row)
        for table in ("work.credential", "work.data_key")
        for row in await owner.fetch(f"SELECT t::text FROM {table} t")
    ]

    assert SECRET.encode().hex() not in "".join(rows)
    assert SECRET not in "".join(rows)


async def test_a_place_is_taken_once(keeper: Vault, org_id: OrgId) -> None:
    async with keeper.pools.writing() as writer:
        first, second = [
            await vault.put(writer, org_id, IntegrationId.new(), place="shop", sealed=None)
            for _ in range(2)
        ]

    assert (first, second) == (True, False)


async def test_what_is_destroyed_is_gone(
    keeper: Vault, org_id: OrgId, owner: DriverConnection
) -> None:
    integration_id = await kept(keeper, org_id)

    async with keeper.pools.writing() as writer:
        await vault.destroy(writer, org_id, integration_id)

    assert await keeper.open(org_id, integration_id) is None
    assert await owner.fetchval("SELECT count(*) FROM work.credential") == 0


async def test_a_fingerprint_tells_secrets_apart_and_organizations(
    keeper: Vault, store: EventStore, org_id: OrgId
) -> None:
    other = await founded(store, "Other")

    told = {
        keeper.fingerprint(org_id, SECRET),
        keeper.fingerprint(org_id, SECRET + "x"),
        keeper.fingerprint(other, SECRET),
    }

    assert len(told) == 3
    assert {len(each) for each in told} == {16}


def test_what_is_sealed_does_not_show_itself() -> None:
    assert "ciphertext" not in repr(Sealed(1, b"n" * 12, b"ciphertext"))
