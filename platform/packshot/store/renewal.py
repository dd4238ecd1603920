"""Keeps a running request's row its own for as long as the request runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from domain.errors import Unavailable
from packshot.store import idempotency
from packshot.store.idempotency import Place
from packshot.store.pool import Pools

RENEWED_EVERY_S = 3.0


@asynccontextmanager
async def renewing(pools: Pools, place: Place, token: UUID) -> AsyncIterator[None]:
    """Renew the row every three seconds while the block lasts.

    Entered before a unit of work begins, so that the renewals are no part of it.
    """
    task = asyncio.create_task(_renew(pools, place, token))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _renew(pools: Pools, place: Place, token: UUID) -> None:
    is_ours = True
    while is_ours:
        await asyncio.sleep(RENEWED_EVERY_S)
        try:
            is_ours = await idempotency.renew(pools, place, token)
        except Unavailable:
            continue  # the row is ours until somebody else could write it, which needs the database
