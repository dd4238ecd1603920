"""What every test may ask for: a database of its own, Valkey, an event store, an organization."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from api.running import acme, api, globex, neighbour, settings, shop_server, workers
from domain.ids import OrgId
from given import SECRETS, founded, store_of
from packshot.store.events import EventStore
from packshot.store.pool import Pools, open_pools
from packshot.store.secrets import Secrets
from services import Database, RunningServices, running_services

__all__ = ["acme", "api", "globex", "neighbour", "settings", "shop_server", "workers"]


@pytest.fixture(scope="session")
def servers() -> Iterator[RunningServices]:
    """Postgres and Valkey, one of each per test process."""
    with running_services() as running:
        yield running


@pytest.fixture
async def database(servers: RunningServices) -> AsyncIterator[Database]:
    """A migrated database that no other test sees."""
    async with servers.database() as database:
        yield database


@pytest.fixture
async def pools(database: Database) -> AsyncIterator[Pools]:
    """The two ways to that database."""
    async with open_pools(database.app_url, database.writer_url) as pools:
        yield pools


@pytest.fixture
def store(pools: Pools) -> EventStore:
    """The event store over that database."""
    return store_of(pools)


@pytest.fixture
async def org_id(store: EventStore) -> OrgId:
    """An organization that was just founded."""
    return await founded(store, "Acme")


@pytest.fixture
def secrets_dir(tmp_path: Path) -> Path:
    """The files of an installation's secrets, as its first start makes them."""
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "pepper-1").write_text(SECRETS.peppers[1].hex())
    (folder / "log-signing-key").write_text(SECRETS.log_signing_seed.hex())
    (folder / "key-encryption-key").write_text(SECRETS.key_encryption_key.hex())
    return folder


@pytest.fixture
def secrets() -> Secrets:
    """Those secrets, read."""
    return SECRETS
