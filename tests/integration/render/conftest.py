from collections.abc import AsyncIterator

import pytest

from packshot.render.pool import RenderPool


@pytest.fixture
async def pool() -> AsyncIterator[RenderPool]:
    """A pool of two real children."""
    pool = RenderPool(2)
    await pool.start()
    yield pool
    await pool.stop()
