"""What the tests of following views start from: the projector's way to the test's database."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from packshot.config import Settings
from packshot.store.pool import DriverConnection, Pool, open_projector_pool
from services import Database, RunningServices


@pytest.fixture
async def projecting(database: Database) -> AsyncIterator[Pool]:
    """A pool of the projector's role."""
    async with open_projector_pool(database.projector_url, size=6) as pool:
        yield pool


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[DriverConnection]:
    """A connection of the database's owner, who sees everything."""
    connection = await asyncpg.connect(database.owner_url)
    yield connection
    await connection.close()


@pytest.fixture
def settings(
    database: Database, servers: RunningServices, secrets_dir: Path, tmp_path: Path
) -> Settings:
    """What a projector process on that database is told."""
    return Settings.read(
        {
            "PACKSHOT_DATABASE_URL": database.app_url,
            "PACKSHOT_WRITER_DATABASE_URL": database.writer_url,
            "PACKSHOT_PROJECTOR_DATABASE_URL": database.projector_url,
            "PACKSHOT_REDIS_URL": servers.redis_url,
            "PACKSHOT_STORAGE_DIR": str(tmp_path),
            "PACKSHOT_SECRETS_DIR": str(secrets_dir),
        }
    )
