"""What the tests of following views start from: the projector's way to the test's database."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from packshot.store.pool import DriverConnection, Pool, open_projector_pool
from services import Database


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
